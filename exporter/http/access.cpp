#include "exporter/http/access.h"

#include <arpa/inet.h>
#include <crypt.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "core/error.h"

namespace vedette::http {

namespace {

using namespace std::chrono_literals;

/// Of no password; compared with when a user does not exist, so that the answer takes as long.
constexpr std::string_view nobodys_hash =
    "$2y$10$abcdefghijklmnopqrstuuJ7Hnq1nC2c9BqD5v2iB8rYm8h0cVx3e";

std::string digest(std::string_view text) {
    std::string out(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(out.data()));
    return out;
}

bool same_secret(std::string_view a, std::string_view b) {
    const std::string x = digest(a), y = digest(b);
    return CRYPTO_memcmp(x.data(), y.data(), x.size()) == 0;
}

std::optional<std::string> base64_decoded(std::string_view text) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string out;
    unsigned bits = 0;
    int held = 0;
    for (const char c : text) {
        const std::size_t value = alphabet.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>(bits >> held & 0xff);
        }
    }
    return out;
}

bool is_address(const std::string& name) {
    in6_addr unused{};
    return inet_pton(AF_INET, name.c_str(), &unused) == 1 ||
           inet_pton(AF_INET6, name.c_str(), &unused) == 1;
}

}  // namespace

std::string host_name(std::string_view host) {
    if (host.starts_with('[')) {
        const std::size_t end = host.find(']');
        if (end == std::string_view::npos) return {};
        host = host.substr(1, end - 1);
    } else {
        host = host.substr(0, host.find(':'));
    }
    if (host.ends_with('.')) host.remove_suffix(1);
    std::string name(host);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name;
}

bool password_matches(const PasswordCheck& check) {
    const std::string& hash = check.hash.empty() ? std::string(nobodys_hash) : check.hash;
    // 32 kB, too much for a stack that is meant to stay small.
    const auto data = std::make_unique<crypt_data>();
    const char* made = crypt_r(check.password.c_str(), hash.c_str(), data.get());
    const bool same = made != nullptr && same_secret(made, hash);
    return same && !check.hash.empty();
}

Access::Access(const ServerSettings& settings) : salt_(SHA256_DIGEST_LENGTH, '\0') {
    const int made =
        RAND_bytes(reinterpret_cast<unsigned char*>(salt_.data()), static_cast<int>(salt_.size()));
    check(made == 1, "the machine has random numbers");
    replace(settings);
}

void Access::replace(const ServerSettings& settings) {
    users_ = settings.users;
    tokens_ = settings.tokens;
    anonymous_ = settings.anonymous;
    failures_max_ = settings.limits.failures_per_minute;
    any_host_ = false;
    cors_origin_ = settings.cors_origin;
    hosts_ = {"localhost"};
    for (const ListenerSettings& listener : settings.listeners) {
        if (const auto address = parse_address(listener.address)) {
            if (!address->host.empty()) hosts_.insert(host_name(address->host));
        }
    }
    for (const std::string& name : settings.allowed_hosts) {
        if (name == "*") any_host_ = true;
        hosts_.insert(host_name(name));
    }
}

std::optional<Refusal> Access::judge_host(std::string_view host) const {
    const std::string name = host_name(host);
    // A plain address cannot be rebound: nobody's DNS had a say in it. HTTP/1.0 may leave it out.
    if (any_host_ || host.empty() || is_address(name) || hosts_.count(name) != 0)
        return std::nullopt;
    return Refusal{421, "host",
                   "this server does not answer to the name in the Host header; it can be added to "
                   "server.allowed_hosts"};
}

std::optional<Refusal> Access::judge_origin(const Head& head) const {
    if (head.method == "GET" || head.method == "HEAD" || head.method == "OPTIONS")
        return std::nullopt;
    const Refusal refusal{403, "origin", "a page of another site may not change anything here"};
    const std::string_view site = head.header("sec-fetch-site");
    if (!site.empty() && !same_word(site, "same-origin") && !same_word(site, "none"))
        return refusal;
    const std::string_view origin = head.header("origin");
    if (origin.empty()) return std::nullopt;
    const std::size_t scheme = origin.find("://");
    if (scheme == std::string_view::npos) return refusal;
    if (!same_word(origin.substr(scheme + 3), head.header("host"))) return refusal;
    return std::nullopt;
}

std::vector<Header> Access::cross_origin_headers(const Head& head) const {
    if (!cors_origin_) return {};
    const std::string_view origin = head.header("origin");
    std::vector<Header> headers{{"Vary", "Origin"}};
    if (origin.empty() || !re2::RE2::FullMatch({origin.data(), origin.size()}, *cors_origin_))
        return headers;
    headers.emplace_back("Access-Control-Allow-Headers",
                         "Accept, Authorization, Content-Type, Origin");
    headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    headers.emplace_back("Access-Control-Allow-Origin", origin);
    headers.emplace_back("Access-Control-Expose-Headers", "Date");
    return headers;
}

Access::Verdict Access::identify(std::string_view authorization, const std::string& peer,
                                 TimePoint now) {
    if (authorization.empty()) return Identity{{}, anonymous_};
    const std::size_t space = authorization.find(' ');
    const std::string_view scheme = authorization.substr(0, space);
    std::string_view rest =
        space == std::string_view::npos ? std::string_view() : authorization.substr(space + 1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    if (same_word(scheme, "basic")) return identify_basic(rest, peer, now);
    if (same_word(scheme, "bearer")) return identify_bearer(rest, peer, now);
    return Refusal{401, "credentials", "expected Authorization: Basic or Bearer"};
}

Access::Verdict Access::identify_basic(std::string_view encoded, const std::string& peer,
                                       TimePoint now) {
    const auto pair = base64_decoded(encoded);
    const std::size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos || pair->find('\0') != std::string::npos) {
        return failed(peer, now);
    }
    PasswordCheck check;
    check.user = pair->substr(0, colon);
    check.password = pair->substr(colon + 1);
    for (const User& user : users_) {
        if (user.name != check.user) continue;
        check.hash = user.password_hash;
        check.role = user.role;
    }
    check.key = cache_key(check.user, check.hash, check.password);
    if (!check.hash.empty() && good_.count(check.key) != 0) return Identity{check.user, check.role};
    if (is_blocked(peer, now)) return failed(peer, now);
    return check;
}

Access::Verdict Access::identify_bearer(std::string_view token, const std::string& peer,
                                        TimePoint now) {
    std::optional<Identity> found;
    for (const Token& known : tokens_) {
        for (const Secret* secret : {&known.current, &known.previous}) {
            if (!secret->is_set()) continue;
            const auto text = secret->reveal();
            // No early way out: how long it takes must not tell which token came near.
            if (text && !text->empty() && same_secret(*text, token)) {
                found = Identity{known.name, known.role};
            }
        }
    }
    if (found) return *std::move(found);
    return failed(peer, now);
}

Access::Verdict Access::conclude(const PasswordCheck& check, bool good, const std::string& peer,
                                 TimePoint now) {
    if (!good) return failed(peer, now);
    if (good_.size() >= limits::login_cache_max) good_.clear();
    good_.insert(check.key);
    return Identity{check.user, check.role};
}

bool Access::is_blocked(const std::string& peer, TimePoint now) {
    const auto at = failures_.find(peer);
    return at != failures_.end() && now - at->second.since < 1min &&
           at->second.count >= failures_max_;
}

Refusal Access::failed(const std::string& peer, TimePoint now) {
    if (is_blocked(peer, now)) {
        return {429, "login_rate",
                "too many wrong passwords or tokens from this address; wait a minute"};
    }
    if (failures_.size() >= limits::login_addresses_max) {
        std::erase_if(failures_,
                      [now](const auto& entry) { return now - entry.second.since >= 1min; });
        if (failures_.size() >= limits::login_addresses_max) failures_.clear();
    }
    Failures& failures = failures_[peer];
    if (now - failures.since >= 1min) failures = {now, 0};
    ++failures.count;
    return {401, "credentials", "wrong user, password or token"};
}

std::string Access::cache_key(std::string_view user, std::string_view hash,
                              std::string_view password) const {
    return digest(fmt::format("{}{}\n{}\n{}", salt_, user, hash, password));
}

}  // namespace vedette::http
