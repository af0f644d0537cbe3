#include "base/resolver.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/pending_names.h"

namespace vedette {
namespace {

using Bytes16 = std::array<unsigned char, 16>;

/// The address as 16 bytes; IPv4 as ::ffff:a.b.c.d.
std::optional<Bytes16> bytes_of(const Address& address) {
    Bytes16 bytes{};
    if (address.is_v6) {
        if (::inet_pton(AF_INET6, address.text.c_str(), bytes.data()) != 1) return std::nullopt;
        return bytes;
    }
    bytes[10] = bytes[11] = 0xff;
    if (::inet_pton(AF_INET, address.text.c_str(), bytes.data() + 12) != 1) return std::nullopt;
    return bytes;
}

bool starts_with(const Bytes16& bytes, std::initializer_list<unsigned char> prefix) {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

/// The IPv4 address inside: mapped (::ffff:a.b.c.d), compatible (::a.b.c.d), or behind a NAT64
/// (64:ff9b::a.b.c.d) or 6to4 (2002:aabb:ccdd::) gateway; a null pointer when there is none.
const unsigned char* v4_inside(const Bytes16& bytes) {
    if (starts_with(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return bytes.data() + 12;
    if (starts_with(bytes, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return bytes.data() + 12;
    if (starts_with(bytes, {0x20, 0x02})) return bytes.data() + 2;
    const bool only_low = starts_with(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    return only_low && bytes[12] != 0 ? bytes.data() + 12 : nullptr;
}

std::string_view family_words(Family family) {
    if (family == Family::V4Only) return "IPv4 address";
    if (family == Family::V6Only) return "IPv6 address";
    return "address";
}

bool allowed(const Address& address, Family family) {
    if (family == Family::V4Only) return !address.is_v6;
    if (family == Family::V6Only) return address.is_v6;
    return true;
}

/// Keeps what `family` allows, each once, the preferred kind first and else in the order given.
Result<std::vector<Address>> choose(std::vector<Address> found, Family family,
                                    std::string_view name) {
    std::vector<Address> kept;
    for (Address& address : found)
        if (allowed(address, family) && std::find(kept.begin(), kept.end(), address) == kept.end())
            kept.push_back(std::move(address));
    if (kept.empty())
        return fail(Fault::NotFound, fmt::format("no {} for {}", family_words(family), name));
    const bool v6_first = family == Family::V6Preferred;
    std::stable_partition(kept.begin(), kept.end(),
                          [&](const Address& a) { return a.is_v6 == v6_first; });
    return kept;
}

/// What no resolver should be asked: c-ares and getaddrinfo take a zero byte for the end.
bool can_be_name(std::string_view name) {
    return !name.empty() && name.size() <= 255 && std::all_of(name.begin(), name.end(), [](char c) {
        return c > ' ' && c != 0x7f && c != '/' && c != '\\' && c != '@' && c != '%';
    });
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
    if (text.empty() || text.size() > INET6_ADDRSTRLEN) return std::nullopt;
    const bool v6 = text.find(':') != std::string_view::npos;
    const int kind = v6 ? AF_INET6 : AF_INET;
    Bytes16 bytes{};
    if (::inet_pton(kind, std::string(text).c_str(), bytes.data()) != 1) return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> written{};
    ::inet_ntop(kind, bytes.data(), written.data(), written.size());
    return Address{written.data(), v6};
}

std::optional<Address> address_of(const sockaddr& socket_address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = nullptr;
    if (socket_address.sa_family == AF_INET6)
        bytes = &reinterpret_cast<const sockaddr_in6&>(socket_address).sin6_addr;
    else if (socket_address.sa_family == AF_INET)
        bytes = &reinterpret_cast<const sockaddr_in&>(socket_address).sin_addr;
    if (bytes == nullptr) return std::nullopt;
    ::inet_ntop(socket_address.sa_family, bytes, text.data(), text.size());
    return Address{text.data(), socket_address.sa_family == AF_INET6};
}

bool is_loopback(const Address& address) {
    const auto bytes = bytes_of(address);
    if (!bytes) return false;
    if (starts_with(*bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127})) return true;
    return starts_with(*bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

bool is_link_local_or_metadata(const Address& address) {
    const auto bytes = bytes_of(address);
    if (!bytes) return false;
    if ((*bytes)[0] == 0xfe && ((*bytes)[1] & 0xc0) == 0x80) return true;
    // Where clouds serve their machines' credentials, beside 169.254.169.254.
    constexpr std::array<const char*, 4> metadata = {"fd00:ec2::254", "fd20:ce::254",
                                                     "100.100.100.200", "192.0.0.192"};
    for (const char* known : metadata)
        if (bytes_of(*parse_address(known)) == bytes) return true;
    const unsigned char* v4 = v4_inside(*bytes);
    if (v4 == nullptr) return false;
    constexpr std::array<std::array<unsigned char, 4>, 2> v4_metadata = {
        {{100, 100, 100, 200}, {192, 0, 0, 192}}};
    if (v4[0] == 169 && v4[1] == 254) return true;
    return std::any_of(v4_metadata.begin(), v4_metadata.end(), [&](const auto& known) {
        return std::equal(known.begin(), known.end(), v4);
    });
}

PendingNames::~PendingNames() {
    auto left = std::exchange(pending_, {});
    for (auto& [id, pending] : left) {
        loop_.cancel(pending.timer);
        pending.done(fail(Fault::Cancelled, "the lookup of " + pending.name + " was cancelled"));
    }
}

std::uint64_t PendingNames::start(std::string_view name, Family family, Deadline deadline,
                                  Resolver::Answer done) {
    const auto literal = parse_address(name);
    if (literal || !can_be_name(name)) {
        auto answer = literal ? choose({*literal}, family, name)
                              : Result<std::vector<Address>>(fail(
                                    Fault::BadInput, fmt::format("not a host name: `{}`", name)));
        loop_.post([done = std::move(done), answer = std::move(answer)]() mutable {
            done(std::move(answer));
        });
        return 0;
    }
    const std::uint64_t id = ++last_id_;
    const auto wait = std::chrono::ceil<Milliseconds>(deadline.at - loop_.now());
    const auto timer = loop_.at(deadline.at, [this, id, wait] {
        finish(id, fail(Fault::Timeout,
                        fmt::format("no answer from the name servers for {} in {}",
                                    pending_.at(id).name,
                                    humanize_duration(std::max(wait, Milliseconds(0))))));
    });
    pending_.emplace(id, Pending{std::string(name), family, std::move(done), timer});
    return id;
}

void PendingNames::finish(std::uint64_t id, Result<std::vector<Address>> found) {
    const auto at = pending_.find(id);
    if (at == pending_.end()) return;
    const Pending pending = std::move(at->second);
    pending_.erase(at);
    loop_.cancel(pending.timer);
    pending.done(found ? choose(std::move(*found), pending.family, pending.name)
                       : std::move(found));
}

}  // namespace vedette
