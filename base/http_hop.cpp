#include "base/http_hop.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <utility>

#include "core/limits.h"

namespace vedette {
namespace {

using std::chrono::steady_clock;

std::string lower(std::string_view text) {
    std::string copy(text);
    std::transform(copy.begin(), copy.end(), copy.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return copy;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const auto first = text.find_first_not_of(space);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != others.npos;
    });
}

bool is_header_value(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 32 && c != '\t') || c == 127;
    });
}

std::string base64(std::string_view text) {
    std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

/// Names whose values another host must not see.
bool is_secret_header(std::string_view lower_name) {
    return lower_name == "authorization" || lower_name == "cookie" ||
           lower_name == "proxy-authorization" || lower_name == "www-authenticate";
}

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// The value of Authorization, or nothing.
Result<std::string> authorization_of(const HttpSettings& settings, const HttpUrl& url) {
    if (settings.basic_auth) {
        std::string password;
        if (settings.basic_auth->password.is_set()) {
            auto revealed = settings.basic_auth->password.reveal();
            if (!revealed) return fail(revealed.error());
            password = std::move(*revealed);
        }
        return "Basic " + base64(settings.basic_auth->username + ":" + password);
    }
    if (settings.authorization.is_set()) {
        auto revealed = settings.authorization.reveal();
        if (!revealed) return fail(revealed.error());
        return (settings.authorization_type.empty() ? "Bearer" : settings.authorization_type) +
               " " + *revealed;
    }
    if (!url.user.empty()) return "Basic " + base64(url.user + ":" + url.password);
    return std::string();
}

bool is_tls_fault(CURLcode code) {
    return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM ||
           code == CURLE_SSL_CIPHER;
}

std::string connection_error(long system_error) {
    switch (system_error) {
        case ECONNREFUSED:
            return "connection refused";
        case ECONNRESET:
            return "connection reset";
        case EHOSTUNREACH:
            return "no route to host";
        case ENETUNREACH:
            return "network unreachable";
        case ETIMEDOUT:
            return "connecting timed out";
        case 0:
            return "cannot connect";
        default:
            return fmt::format("cannot connect: {}", std::strerror(static_cast<int>(system_error)));
    }
}

}  // namespace

HttpHop::~HttpHop() {
    abort();
}

void HttpHop::abort() {
    multi_.give_back(std::exchange(easy_, nullptr));
    curl_slist_free_all(std::exchange(headers_, nullptr));
    curl_slist_free_all(std::exchange(route_, nullptr));
}

Result<void> HttpHop::begin(const HttpCall& call, Ask ask) {
    abort();
    call_ = &call;
    ask_ = std::move(ask);
    answer_ = {};
    redirect_.clear();
    tls_.forget();
    head_bytes_ = 0;
    head_done_ = head_too_large_ = false;
    code_ = CURLE_OK;
    detail_[0] = '\0';
    body_bytes_max_ =
        call.body_bytes_max != 0 ? call.body_bytes_max : limits::answer_body_bytes_max_default;
    easy_ = multi_.take();
    if (easy_ == nullptr) return fail(Fault::Limit, "no memory left for a request");
    if (auto set = set_route(call); !set) return set;
    if (auto set = set_request(call); !set) return set;
    if (auto set = set_headers(call); !set) return set;
    started_ = steady_clock::now();
    if (!multi_.start(easy_, *this)) return fail(Fault::Internal, "libcurl took no more requests");
    return {};
}

Result<void> HttpHop::set_route(const HttpCall& call) {
    const HttpSettings& settings = *call.settings;
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, detail_.data());
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy_, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, call.fresh_connection ? 1L : 0L);
    curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, call.fresh_connection ? 1L : 0L);
    curl_easy_setopt(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    const std::string literal =
        ask_.address.is_v6 ? "[" + ask_.address.text + "]" : ask_.address.text;
    if (settings.proxy_url.empty()) {
        // Explicitly none: else libcurl asks the environment.
        curl_easy_setopt(easy_, CURLOPT_PROXY, "");
        if (ask_.url.host != ask_.address.text || !settings.tls.server_name.empty()) {
            route_ =
                curl_slist_append(nullptr, fmt::format("::{}:{}", literal, ask_.url.port).c_str());
            curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, route_);
        }
    } else {
        const auto proxy = parse_http_url(settings.proxy_url);
        if (!proxy) return fail(proxy.error());
        curl_easy_setopt(easy_, CURLOPT_PROXY,
                         fmt::format("http://{}:{}", literal, proxy->port).c_str());
        curl_easy_setopt(easy_, CURLOPT_NOPROXY, "");
        if (!proxy->user.empty()) {
            curl_easy_setopt(easy_, CURLOPT_PROXYUSERNAME, proxy->user.c_str());
            curl_easy_setopt(easy_, CURLOPT_PROXYPASSWORD, proxy->password.c_str());
        }
    }
    const bool http2 = call.http2 && settings.enable_http2 && ask_.url.tls;
    curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION,
                     static_cast<long>(http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    if (!ask_.url.tls) return {};
    // A resumed handshake shows no certificates, and is not what a stranger would meet.
    if (call.fresh_connection) curl_easy_setopt(easy_, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    return tls_.attach(easy_, settings.tls);
}

Result<void> HttpHop::set_request(const HttpCall& call) {
    if (!is_token(ask_.method))
        return fail(Fault::BadInput, fmt::format("not an HTTP method: `{}`", ask_.method));
    const std::string& server_name = call.settings->tls.server_name;
    curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
    if (ask_.url.tls && !server_name.empty())
        curl_easy_setopt(easy_, CURLOPT_URL, with_host(ask_.url, server_name).c_str());
    else
        curl_easy_setopt(easy_, CURLOPT_URL, ask_.url.text.c_str());
    const std::string_view body = ask_.with_body ? std::string_view(call.body) : std::string_view();
    const bool wants_length =
        ask_.method == "POST" || ask_.method == "PUT" || ask_.method == "PATCH";
    if (ask_.method == "HEAD") {
        curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    } else if (!body.empty() || wants_length) {
        curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
        curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, ask_.method.c_str());
    } else if (ask_.method != "GET") {
        curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, ask_.method.c_str());
    }
    if (call.compressed) curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &HttpHop::on_head);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &HttpHop::on_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    return {};
}

void HttpHop::add_header(std::string_view name, std::string_view value) {
    // libcurl removes a header that is written `Name:` and sends an empty one for `Name;`.
    const std::string line =
        value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value);
    headers_ = curl_slist_append(headers_, line.c_str());
}

Result<void> HttpHop::set_headers(const HttpCall& call) {
    bool has_agent = false, has_authorization = false, has_host = false, has_type = false;
    const auto add = [&](std::string_view name, std::string_view value) -> Result<void> {
        if (!is_token(name))
            return fail(Fault::BadInput, fmt::format("not a header name: `{}`", name));
        if (!is_header_value(value))
            return fail(Fault::BadInput,
                        fmt::format("the value of header `{}` has control characters", name));
        const std::string key = lower(name);
        if (key == "host" && !ask_.same_host) return {};
        if (!ask_.with_secrets && is_secret_header(key)) return {};
        if (!ask_.with_body && (key == "content-type" || key == "content-length")) return {};
        has_agent |= key == "user-agent";
        has_authorization |= key == "authorization";
        has_host |= key == "host";
        has_type |= key == "content-type";
        add_header(name, value);
        return {};
    };
    for (const auto& [name, value] : call.headers)
        if (auto added = add(name, value); !added) return added;
    if (ask_.with_secrets) {
        for (const auto& [name, secret] : call.settings->headers) {
            const auto value = secret.reveal();
            if (!value) return fail(value.error());
            if (auto added = add(name, *value); !added) return added;
        }
        if (!has_authorization) {
            const auto value = authorization_of(*call.settings, ask_.url);
            if (!value) return fail(value.error());
            if (!value->empty())
                if (auto added = add("Authorization", *value); !added) return added;
        }
    }
    if (!has_host && ask_.url.tls && !call.settings->tls.server_name.empty())
        add_header("Host", ask_.url.authority);
    if (!has_agent) curl_easy_setopt(easy_, CURLOPT_USERAGENT, "Vedette");
    // The other side closes first, so the waiting socket is not left with us.
    if (call.fresh_connection && !call.http2)
        headers_ = curl_slist_append(headers_, "Connection: close");
    // libcurl would guess the type of a body, and wait for a 100 before a large one.
    if (!has_type) headers_ = curl_slist_append(headers_, "Content-Type:");
    if (!call.body.empty()) headers_ = curl_slist_append(headers_, "Expect:");
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
    return {};
}

std::size_t HttpHop::on_head(char* data, std::size_t, std::size_t size, void* self) {
    auto& hop = *static_cast<HttpHop*>(self);
    return hop.take_head_line({data, size}) ? size : 0;
}

bool HttpHop::take_head_line(std::string_view line) {
    head_bytes_ += line.size();
    if (head_bytes_ > limits::answer_header_bytes_max) {
        head_too_large_ = true;
        return false;
    }
    if (line.starts_with("HTTP/")) {  // a head, perhaps after one that said 100 Continue
        answer_.headers.clear();
        head_done_ = false;
        const auto space = std::min(line.find(' '), line.size() - 1);
        answer_.version = std::string(line.substr(5, space - 5));
        const auto digits = line.substr(space + 1);
        answer_.status = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), answer_.status);
        return true;
    }
    if (head_done_) return true;  // a trailer
    if (trimmed(line).empty()) {
        end_head();
        return true;
    }
    if ((line.front() == ' ' || line.front() == '\t') && !answer_.headers.empty()) {
        answer_.headers.back().second.append(" ").append(trimmed(line));
        return true;
    }
    const auto colon = line.find(':');
    if (colon != line.npos)
        answer_.headers.emplace_back(lower(trimmed(line.substr(0, colon))),
                                     trimmed(line.substr(colon + 1)));
    return true;
}

void HttpHop::end_head() {
    head_done_ = true;
    if (const auto length = answer_.header("content-length"); !length.empty()) {
        std::uint64_t bytes = 0;
        const auto read = std::from_chars(length.data(), length.data() + length.size(), bytes);
        if (read.ec == std::errc() && read.ptr == length.data() + length.size())
            answer_.content_length = bytes;
    }
    if (ask_.follow && is_redirect(answer_.status)) redirect_ = answer_.header("location");
}

std::size_t HttpHop::on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& hop = *static_cast<HttpHop*>(self);
    if (!hop.redirect_.empty()) return 0;  // its body says nothing
    HttpAnswer& answer = hop.answer_;
    const std::size_t taken = std::min<std::size_t>(
        size, hop.body_bytes_max_ - static_cast<std::size_t>(answer.body_bytes));
    answer.body_bytes += taken;
    if (hop.call_->keep_body) answer.body.append(data, taken);
    answer.body_cut = taken < size;
    return answer.body_cut ? 0 : size;
}

void HttpHop::finished(CURLcode code) {
    const bool cut_by_us = code == CURLE_WRITE_ERROR && (answer_.body_cut || !redirect_.empty());
    code_ = cut_by_us ? CURLE_OK : code;
    const Ended ended = ended_;  // may destroy this hop
    ended();
}

Error HttpHop::error() const {
    const std::string_view detail = detail_.data();
    long system_error = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &system_error);
    if (head_too_large_ || code_ == CURLE_OUT_OF_MEMORY)
        return {Fault::Limit, fmt::format("the answer's head is larger than {} KiB",
                                          limits::answer_header_bytes_max / 1024)};
    if (is_tls_fault(code_)) {
        const std::string& name = call_->settings->tls.server_name;
        return {Fault::Refused, tls_.explain(code_, name.empty() ? ask_.url.host : name, detail)};
    }
    switch (code_) {
        case CURLE_COULDNT_CONNECT:
            return {Fault::Unavailable, connection_error(system_error)};
        case CURLE_GOT_NOTHING:
            return {Fault::Unavailable, "connection closed without an answer"};
        case CURLE_PARTIAL_FILE:
            if (answer_.content_length && !call_->compressed)
                return {Fault::Unavailable,
                        fmt::format("body cut: {} of {} bytes came", answer_.body_bytes,
                                    *answer_.content_length)};
            return {Fault::Unavailable, fmt::format("body cut after {} bytes", answer_.body_bytes)};
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
            if (detail.find("routines::") != detail.npos)  // TLS 1.3 refuses after the handshake
                return {Fault::Refused, tls_.explain(code_, ask_.url.host, detail)};
            return {Fault::Unavailable, system_error == EPIPE || system_error == 0
                                            ? "connection broken"
                                            : connection_error(system_error)};
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
            return {Fault::Corrupt, "the answer is not HTTP"};
        case CURLE_BAD_CONTENT_ENCODING:
            return {Fault::Corrupt, "the answer's compressed body is broken"};
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
            return {Fault::Corrupt, fmt::format("HTTP/2 failed: {}", detail)};
        case CURLE_PROXY:
            return {Fault::Unavailable, "the proxy refused the connection"};
        default:
            return {Fault::Unavailable,
                    fmt::format("{}", detail.empty() ? curl_easy_strerror(code_) : detail)};
    }
}

std::int64_t HttpHop::time_us(CURLINFO which) const {
    curl_off_t us = 0;
    curl_easy_getinfo(easy_, which, &us);
    return us;
}

HttpPhase HttpHop::phase() const {
    if (head_bytes_ > 0)
        return head_done_ || answer_.status != 0 ? HttpPhase::Transfer : HttpPhase::Processing;
    const bool tls_began = tls_.began() || is_tls_fault(code_);
    if (time_us(CURLINFO_CONNECT_TIME_T) == 0)
        return tls_began ? HttpPhase::Tls : HttpPhase::Connect;
    if (ask_.url.tls && time_us(CURLINFO_APPCONNECT_TIME_T) == 0) return HttpPhase::Tls;
    return HttpPhase::Processing;
}

HttpPhaseTimes HttpHop::times() const {
    using std::chrono::duration_cast, std::chrono::microseconds;
    // When each phase ended, by libcurl's clock that began with the transfer; zero: not yet.
    const std::int64_t until = duration_cast<microseconds>(steady_clock::now() - started_).count();
    const auto end_or_now = [&](std::int64_t us) { return us > 0 ? us : until; };
    const std::int64_t begin = time_us(CURLINFO_NAMELOOKUP_TIME_T);
    const std::int64_t secure_began =
        tls_.began() ? duration_cast<microseconds>(*tls_.began() - started_).count() : 0;
    const std::int64_t connect_us = time_us(CURLINFO_CONNECT_TIME_T);
    const std::int64_t connected = end_or_now(connect_us > 0 ? connect_us : secure_began);
    const std::int64_t secured =
        ask_.url.tls ? end_or_now(time_us(CURLINFO_APPCONNECT_TIME_T)) : connected;
    const std::int64_t asked = end_or_now(time_us(CURLINFO_PRETRANSFER_TIME_T));
    const std::int64_t answered = end_or_now(time_us(CURLINFO_STARTTRANSFER_TIME_T));
    const std::int64_t total = code_ == CURLE_OK && !redirect_.empty() ? answered : until;
    const auto between = [](std::int64_t from, std::int64_t to) {
        return microseconds(std::max<std::int64_t>(to - from, 0));
    };
    return {std::chrono::nanoseconds(0), between(begin, connected), between(connected, secured),
            between(asked, answered), between(answered, total)};
}

}  // namespace vedette
