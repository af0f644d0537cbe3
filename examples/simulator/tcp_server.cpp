#include "examples/simulator/tcp_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "exporter/http/settings.h"

namespace vedette::simulator {

std::string GarbageTalk::hear(std::string_view) {
    over_ = true;
    return "\x01\x02\xff this is not the protocol you are looking for\n";
}

struct TcpServer::Connection {
    int fd = -1;
    std::unique_ptr<Talk> talk;
    std::string out;  // not yet written
    Loop::TimerId idle;
};

TcpServer::TcpServer(Loop& loop, Make make) : loop_(loop), make_(std::move(make)) {}

TcpServer::~TcpServer() {
    while (!connections_.empty()) close(connections_.begin()->first);
    if (fd_ < 0) return;
    loop_.unwatch(fd_);
    ::close(fd_);
}

Result<void> TcpServer::listen(const std::string& address) {
    const auto parsed = http::parse_address(address);
    if (!parsed) return fail(parsed.error());
    sockaddr_in at{};
    at.sin_family = AF_INET;
    std::uint16_t port = 0;
    std::from_chars(parsed->port.data(), parsed->port.data() + parsed->port.size(), port);
    at.sin_port = htons(port);
    if (inet_pton(AF_INET, parsed->host.c_str(), &at.sin_addr) != 1)
        return fail(Fault::BadInput, fmt::format("`{}` is no address to listen on; expected 127.0.0.1:port", address));
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    auto* raw = reinterpret_cast<sockaddr*>(&at);
    socklen_t size = sizeof at;
    if (fd_ < 0 || bind(fd_, raw, size) != 0 || ::listen(fd_, 64) != 0 || getsockname(fd_, raw, &size) != 0) {
        const std::string why = std::strerror(errno);
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
        return fail(Fault::Unavailable, fmt::format("cannot listen on {}: {}", address, why));
    }
    address_ = fmt::format("{}:{}", parsed->host, ntohs(at.sin_port));
    loop_.watch(fd_, Loop::readable, [this](unsigned) { accept_all(); });
    return {};
}

void TcpServer::accept_all() {
    for (;;) {
        const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (connections_.size() >= connections_max) {
            ::close(fd);
            continue;
        }
        auto connection = std::make_unique<Connection>();
        connection->fd = fd;
        connection->talk = make_();
        connection->out = connection->talk->greet();
        Connection& kept = *connection;
        connections_[fd] = std::move(connection);
        keep_awake(kept);
        ready(fd, Loop::writable);
    }
}

void TcpServer::ready(int fd, unsigned events) {
    Connection& connection = *connections_.at(fd);
    bool alive = true;
    // What was said must be taken before more is read: nobody makes us buffer without end.
    if ((events & Loop::readable) != 0 && connection.out.empty()) alive = read_from(connection);
    if (alive && !connection.out.empty()) alive = write_to(connection);
    if (!alive || (connection.talk->over() && connection.out.empty())) return close(fd);
    loop_.watch(fd, connection.out.empty() ? Loop::readable : Loop::writable,
                [this, fd](unsigned now) { ready(fd, now); });
}

bool TcpServer::read_from(Connection& connection) {
    std::array<char, 16 * 1024> piece;
    const ssize_t got = recv(connection.fd, piece.data(), piece.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    keep_awake(connection);
    connection.out += connection.talk->hear({piece.data(), static_cast<std::size_t>(got)});
    return true;
}

bool TcpServer::write_to(Connection& connection) {
    const ssize_t sent = send(connection.fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    connection.out.erase(0, static_cast<std::size_t>(sent));
    return true;
}

void TcpServer::keep_awake(Connection& connection) {
    if (connection.idle) loop_.cancel(connection.idle);
    connection.idle = loop_.after(idle_max, [this, fd = connection.fd] { close(fd); });
}

void TcpServer::close(int fd) {
    const auto found = connections_.find(fd);
    loop_.unwatch(fd);
    loop_.cancel(found->second->idle);
    ::close(fd);
    connections_.erase(found);
}

}  // namespace vedette::simulator
