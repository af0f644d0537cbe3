#include "base/http/curl_hop.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/http/request.h"
#include "core/limits.h"

namespace vedette {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t body_bytes_reserved_max = std::uint64_t{16} << 20;  // on somebody's word

bool is_tls_fault(CURLcode code) {
    return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM ||
           code == CURLE_SSL_CIPHER;
}

}  // namespace

CurlHop::~CurlHop() {
    multi_.give_back(easy_);
    curl_slist_free_all(headers_);
    curl_slist_free_all(route_);
    curl_slist_free_all(proxy_headers_);
}

Result<void> CurlHop::begin(const HttpCall& call, Ask ask) {
    call_ = &call;
    ask_ = std::move(ask);
    head_.follow(ask_.follow);
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

Result<void> CurlHop::set_route(const HttpCall& call) {
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
    if (!ask_.proxy) {
        // Explicitly none: else libcurl asks the environment.
        curl_easy_setopt(easy_, CURLOPT_PROXY, "");
        if (ask_.url.host != ask_.address.text || !settings.tls.server_name.empty()) {
            route_ =
                curl_slist_append(nullptr, fmt::format("::{}:{}", literal, ask_.url.port).c_str());
            curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, route_);
        }
    } else {
        if (auto set = set_proxy(settings, literal); !set) return set;
    }
    const bool http2 = call.http2 && settings.enable_http2 && ask_.url.tls;
    curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION,
                     static_cast<long>(http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    if (!ask_.url.tls) return {};
    // A resumed handshake shows no certificates, and is not what a stranger would meet.
    if (call.fresh_connection) curl_easy_setopt(easy_, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    return tls_.attach(easy_, settings.tls);
}

Result<void> CurlHop::set_proxy(const HttpSettings& settings, const std::string& literal) {
    const HttpUrl& proxy = *ask_.proxy;
    curl_easy_setopt(easy_, CURLOPT_PROXY,
                     fmt::format("http://{}:{}", literal, proxy.port).c_str());
    curl_easy_setopt(easy_, CURLOPT_NOPROXY, "");
    if (!proxy.user.empty()) {
        curl_easy_setopt(easy_, CURLOPT_PROXYUSERNAME, proxy.user.c_str());
        curl_easy_setopt(easy_, CURLOPT_PROXYPASSWORD, proxy.password.c_str());
    }
    if (!ask_.url.tls) return {};  // no CONNECT is sent
    for (const auto& [name, secret] : settings.proxy_headers) {
        const auto value = secret.reveal();
        if (!value) return fail(value.error());
        if (!can_be_header(name, *value))
            return fail(Fault::BadInput,
                        fmt::format("`{}` of proxy_connect_header cannot be sent", name));
        proxy_headers_ =
            curl_slist_append(proxy_headers_, fmt::format("{}: {}", name, *value).c_str());
    }
    curl_easy_setopt(easy_, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    curl_easy_setopt(easy_, CURLOPT_PROXYHEADER, proxy_headers_);
    return {};
}

Result<void> CurlHop::set_request(const HttpCall& call) {
    const std::string& server_name = call.settings->tls.server_name;
    curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
    if (ask_.url.tls && !server_name.empty())
        curl_easy_setopt(easy_, CURLOPT_URL, with_host(ask_.url, server_name).c_str());
    else
        curl_easy_setopt(easy_, CURLOPT_URL, ask_.url.text.c_str());
    const std::string_view body = request_body(call, ask_);
    if (ask_.method == "HEAD") {
        curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    } else if (has_length(call, ask_)) {
        curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
        curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, ask_.method.c_str());
    } else if (ask_.method != "GET") {
        curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, ask_.method.c_str());
    }
    if (call.compressed) curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &CurlHop::on_head);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &CurlHop::on_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    return {};
}

void CurlHop::add_header(std::string_view name, std::string_view value) {
    // libcurl removes a header that is written `Name:` and sends an empty one for `Name;`.
    const std::string line =
        value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value);
    headers_ = curl_slist_append(headers_, line.c_str());
}

Result<void> CurlHop::set_headers(const HttpCall& call) {
    const auto asked = request_headers(call, ask_);
    if (!asked) return fail(asked.error());
    for (const auto& [name, value] : asked->lines) add_header(name, value);
    if (!asked->has_host && ask_.url.tls && !call.settings->tls.server_name.empty())
        add_header("Host", ask_.url.authority);
    if (!asked->has_agent) curl_easy_setopt(easy_, CURLOPT_USERAGENT, user_agent);
    // The other side closes first, so the waiting socket is not left with us.
    if (call.fresh_connection && !call.http2)
        headers_ = curl_slist_append(headers_, "Connection: close");
    // libcurl would guess the type of a body, and wait for a 100 before a large one.
    if (!asked->has_type) headers_ = curl_slist_append(headers_, "Content-Type:");
    if (!call.body.empty()) headers_ = curl_slist_append(headers_, "Expect:");
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
    return {};
}

std::size_t CurlHop::on_head(char* data, std::size_t, std::size_t size, void* self) {
    return static_cast<CurlHop*>(self)->head_.take_line({data, size}) ? size : 0;
}

std::size_t CurlHop::on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& hop = *static_cast<CurlHop*>(self);
    if (!hop.redirect().empty()) return 0;  // its body says nothing
    HttpAnswer& answer = hop.answer_;
    const std::size_t taken = std::min<std::size_t>(
        size, hop.body_bytes_max_ - static_cast<std::size_t>(answer.body_bytes));
    answer.body_bytes += taken;
    // Growing step by step would copy a large body as often.
    if (hop.call_->keep_body && answer.body.empty() && answer.content_length)
        answer.body.reserve(std::min<std::uint64_t>(
            {*answer.content_length, hop.body_bytes_max_, body_bytes_reserved_max}));
    if (hop.call_->keep_body) answer.body.append(data, taken);
    answer.body_cut = taken < size;
    return answer.body_cut ? 0 : size;
}

void CurlHop::finished(CURLcode code) {
    const bool cut_by_us = code == CURLE_WRITE_ERROR && (answer_.body_cut || !redirect().empty());
    code_ = cut_by_us ? CURLE_OK : code;
    const bool closed = code_ == CURLE_OK || code_ == CURLE_PARTIAL_FILE;
    head_cut_ = closed && head_.bytes() > 0 && !head_.done();
    const Ended ended = ended_;  // may destroy this hop
    ended();
}

Error CurlHop::error() const {
    const std::string_view detail = detail_.data();
    long system_error = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &system_error);
    if (head_cut_) return head_cut();
    if (head_.too_large() || code_ == CURLE_OUT_OF_MEMORY) return head_too_large();
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
            return body_cut_error(answer_, !call_->compressed);
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
            if (detail.find("routines::") != detail.npos)  // TLS 1.3 refuses after the handshake
                return {Fault::Refused, tls_.explain(code_, ask_.url.host, detail)};
            if (detail.ends_with("in chunked-encoding")) return broken_chunks();
            return {Fault::Unavailable, system_error == EPIPE || system_error == 0
                                            ? "connection broken"
                                            : connection_error(system_error)};
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
            return not_http();
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

std::int64_t CurlHop::time_us(CURLINFO which) const {
    curl_off_t us = 0;
    curl_easy_getinfo(easy_, which, &us);
    return us;
}

HttpPhase CurlHop::phase() const {
    if (head_.bytes() > 0)
        return head_.done() || answer_.status != 0 ? HttpPhase::Transfer : HttpPhase::Processing;
    const bool tls_began = tls_.began() || is_tls_fault(code_);
    if (time_us(CURLINFO_CONNECT_TIME_T) == 0)
        return tls_began ? HttpPhase::Tls : HttpPhase::Connect;
    if (ask_.url.tls && time_us(CURLINFO_APPCONNECT_TIME_T) == 0) return HttpPhase::Tls;
    return HttpPhase::Processing;
}

HttpPhaseTimes CurlHop::times() const {
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
    const std::int64_t total = code_ == CURLE_OK && !redirect().empty() ? answered : until;
    const auto between = [](std::int64_t from, std::int64_t to) {
        return microseconds(std::max<std::int64_t>(to - from, 0));
    };
    return {std::chrono::nanoseconds(0), between(begin, connected), between(connected, secured),
            between(asked, answered), between(answered, total)};
}

}  // namespace vedette
