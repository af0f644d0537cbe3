#include "base/http/plain_hop.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>
#include <utility>

#include "base/http/request.h"
#include "core/limits.h"

namespace vedette {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t read_bytes = std::size_t{16} * 1024;
constexpr std::size_t one_packet_bytes = 1200;

/// Host and port as the URL has them, and what stands behind: `Shop.test`, `/health?x=1`.
struct Place {
    std::string_view host, path;
};

Place place_of(const HttpUrl& url) {
    std::string_view rest = url.text;
    rest.remove_prefix(std::min(rest.find("://") + 3, rest.size()));
    const auto end = std::min(rest.find_first_of("/?"), rest.size());
    Place place{rest.substr(0, end), rest.substr(end)};
    const auto colon = place.host.rfind(':');
    if (colon != place.host.npos && place.host.find(']', colon) == place.host.npos)
        place.host = place.host.substr(0, colon);
    return place;
}

/// In the order in which libcurl writes it.
std::string request_text(const HttpCall& call, const HttpHop::Ask& ask,
                         const RequestHeaders& headers) {
    const Place place = place_of(ask.url);
    const std::string_view body = request_body(call, ask);
    std::string out;
    out.reserve(256 + ask.url.text.size() + body.size());
    const auto add = [&out](std::initializer_list<std::string_view> parts) {
        for (const std::string_view part : parts) out += part;
    };
    add({ask.method, " ", place.path.starts_with('/') ? "" : "/", place.path, " HTTP/1.1\r\n"});
    if (!headers.has_host) {
        add({"Host: ", place.host});
        if (ask.url.port != 80) add({":", std::to_string(ask.url.port)});
        out += "\r\n";
    }
    for (const auto& [name, value] : headers.lines)
        if (headers.has_host && lower_case(name) == "host") add({name, ": ", value, "\r\n"});
    if (!headers.has_agent) add({"User-Agent: ", user_agent, "\r\n"});
    if (!headers.has_accept) out += "Accept: */*\r\n";
    for (const auto& [name, value] : headers.lines)
        if (!headers.has_host || lower_case(name) != "host")
            add({name, value.empty() ? ":" : ": ", value, "\r\n"});
    // The other side closes first, so the waiting socket is not left with us.
    out += "Connection: close\r\n";
    if (has_length(call, ask)) add({"Content-Length: ", std::to_string(body.size()), "\r\n"});
    add({"\r\n", body});
    return out;
}

}  // namespace

PlainHop::~PlainHop() {
    loop_.cancel(ending_);
    if (fd_ >= 0) loop_.close(fd_);
}

bool PlainHop::can(const HttpCall& call, const HttpUrl& url) {
    const HttpSettings& settings = *call.settings;
    const bool proxied = !settings.proxy_url.empty() || settings.proxy_from_environment;
    if (url.tls || proxied || call.compressed || !call.fresh_connection) return false;
    if (call.method == "CONNECT" || url.text.find('%') < url.text.find('/', 7)) return false;
    const auto is_framing = [](const auto& header) { return is_framing_header(header.first); };
    return std::none_of(call.headers.begin(), call.headers.end(), is_framing) &&
           std::none_of(settings.headers.begin(), settings.headers.end(), is_framing);
}

Result<void> PlainHop::begin(const HttpCall& call, Ask ask) {
    const auto headers = request_headers(call, ask);
    if (!headers) return fail(headers.error());
    request_ = request_text(call, ask, *headers);
    reader_.begin({.head_only = ask.method == "HEAD",
                   .follow = ask.follow,
                   .keep_body = call.keep_body,
                   .body_bytes_max = call.body_bytes_max != 0
                                         ? call.body_bytes_max
                                         : limits::answer_body_bytes_max_default});
    began_ = steady_clock::now();
    connect(ask.address, ask.url.port);
    return {};
}

void PlainHop::connect(const Address& address, std::uint16_t port) {
    sockaddr_in6 v6{};
    sockaddr_in v4{};
    v6.sin6_family = AF_INET6;
    v4.sin_family = AF_INET;
    v6.sin6_port = v4.sin_port = htons(port);
    const bool known = address.is_v6
                           ? ::inet_pton(AF_INET6, address.text.c_str(), &v6.sin6_addr) == 1
                           : ::inet_pton(AF_INET, address.text.c_str(), &v4.sin_addr) == 1;
    check(known, "a resolver's answer is an address");
    fd_ =
        ::socket(address.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return failed(errno);
    const auto* to = address.is_v6 ? reinterpret_cast<const sockaddr*>(&v6)
                                   : reinterpret_cast<const sockaddr*>(&v4);
    const socklen_t size = address.is_v6 ? sizeof v6 : sizeof v4;
    if (::connect(fd_, to, size) != 0 && errno != EINPROGRESS) return failed(errno);
    if (request_.size() > one_packet_bytes) {
        // Else the last packet would wait until the other side has confirmed those before.
        const int yes = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    send();
}

void PlainHop::watch(unsigned events) {
    if (watched_ == events) return;
    watched_ = events;
    loop_.watch(fd_, events, [this](unsigned now) { ready(now); });
}

void PlainHop::ready(unsigned events) {
    if (sent_ < request_.size()) {
        send();
        if (error_ || !connected_) return;
    }
    if (events & Loop::readable) receive();
}

// Called by `connect` too, so it never ends the hop at once.
void PlainHop::send() {
    const ssize_t put = ::send(fd_, request_.data() + sent_, request_.size() - sent_, MSG_NOSIGNAL);
    const int error = put < 0 ? errno : 0;
    const bool wait = error == EAGAIN || error == EINTR;
    if (put < 0 && !wait && !connected_) return failed(error);
    if (!wait && !connected_) connected_ = steady_clock::now();
    if (put >= 0) sent_ += static_cast<std::size_t>(put);
    if (put < 0 && !wait) {
        // It may have answered before it stopped listening.
        send_error_ = error;
        sent_ = request_.size();
    }
    watch(sent_ < request_.size() ? Loop::readable | Loop::writable : Loop::readable);
}

void PlainHop::receive() {
    std::array<char, read_bytes> buffer;
    for (std::size_t turn = 0; turn < limits::answer_reads_per_turn; ++turn) {
        const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got < 0) {
            const int error = errno;
            error_ = {Fault::Unavailable, connection_error(error)};
            return finish();
        }
        if (!answered_) answered_ = steady_clock::now();
        const auto size = static_cast<std::size_t>(got);
        if (size == 0) {
            reader_.end();
            if (!reader_.complete() && send_error_ != 0)
                error_ = {Fault::Unavailable, send_error_ == EPIPE ? "connection broken"
                                                                   : connection_error(send_error_)};
            return finish();
        }
        if (!reader_.take({buffer.data(), size})) return finish();
        if (size < buffer.size()) return;
    }
}

void PlainHop::failed(int system_error) {
    error_ = {Fault::Unavailable, connection_error(system_error)};
    if (fd_ >= 0) loop_.close(std::exchange(fd_, -1));
    ending_ = loop_.at(loop_.now(), [this] {
        ending_ = {};
        finish();
    });
}

void PlainHop::finish() {
    if (fd_ >= 0) loop_.close(std::exchange(fd_, -1));
    const Ended ended = ended_;  // may destroy this hop
    ended();
}

HttpPhase PlainHop::phase() const {
    if (!connected_) return HttpPhase::Connect;
    return reader_.answered() ? HttpPhase::Transfer : HttpPhase::Processing;
}

HttpPhaseTimes PlainHop::times() const {
    using std::chrono::nanoseconds;
    if (!began_) return {};
    const TimePoint now = steady_clock::now();
    const TimePoint connected = connected_.value_or(now);
    const TimePoint answered = answered_.value_or(now);
    const TimePoint over = ok() && !redirect().empty() ? answered : now;
    return {nanoseconds(0), connected - *began_, nanoseconds(0), answered - connected,
            over - answered};
}

}  // namespace vedette
