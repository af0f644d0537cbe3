#include "exporter/http/engine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace vedette::http {

namespace {

constexpr int accepts_per_turn = 64;

struct Endpoint {
    std::string host, port;
    bool v6 = false;
};

Endpoint endpoint_of(const sockaddr_storage& address, socklen_t size) {
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(),
                port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
    std::string name = host.data();
    // An IPv4 caller of a socket that speaks both.
    constexpr std::string_view mapped = "::ffff:";
    if (name.starts_with(mapped) && name.find('.') != std::string::npos)
        name.erase(0, mapped.size());
    return {name, port.data(), address.ss_family == AF_INET6};
}

std::string bound_name(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    const Endpoint endpoint = endpoint_of(address, size);
    return endpoint.v6 ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
                       : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

int bind_one(const addrinfo& address) {
    const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const int on = 1, off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, address.ai_addr, address.ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
    const int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/// Null when the listener speaks plain HTTP.
Result<std::unique_ptr<TlsSource>> open_tls(const ListenerSettings& settings) {
    if (!settings.tls) return std::unique_ptr<TlsSource>();
    auto context = load_tls(*settings.tls);
    if (!context) return fail(context.error());
    return std::make_unique<TlsSource>(*settings.tls, *std::move(context));
}

std::uint32_t groups_of(const ListenerSettings& settings) {
    if (settings.serves.empty()) return Router::all_groups;
    std::uint32_t groups = 0;
    for (const PathGroup group : settings.serves) groups |= Router::bit(group);
    return groups;
}

}  // namespace

Listener::Listener(ListenerSettings settings_, int fd_, std::string bound_)
    : settings(std::move(settings_)),
      fd(fd_),
      bound(std::move(bound_)),
      groups(groups_of(settings)) {}

Listener::~Listener() {
    close(fd);
}

Result<std::unique_ptr<Listener>> open_listener(const ListenerSettings& settings) {
    const auto address = parse_address(settings.address);
    if (!address) return fail(address.error());
    auto tls = open_tls(settings);
    if (!tls) return fail(tls.error());
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const char* host = address->host.empty() ? nullptr : address->host.c_str();
    if (const int error = getaddrinfo(host, address->port.c_str(), &hints, &found); error != 0) {
        return fail(Fault::Unavailable,
                    fmt::format("cannot listen on {}: {}", settings.address, gai_strerror(error)));
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
    int fd = -1;
    // With no host, the one socket that speaks both IPv6 and IPv4 is tried before IPv4 alone.
    for (const bool v6_first : {true, false}) {
        for (const addrinfo* at = found; at != nullptr && fd < 0; at = at->ai_next) {
            if (host == nullptr && v6_first != (at->ai_family == AF_INET6)) continue;
            fd = bind_one(*at);
        }
    }
    if (fd < 0) {
        const Fault fault = errno == EACCES ? Fault::Refused : Fault::Unavailable;
        return fail(fault,
                    fmt::format("cannot listen on {}: {}", settings.address, strerror(errno)));
    }
    auto listener = std::make_unique<Listener>(settings, fd, bound_name(fd));
    listener->tls = *std::move(tls);
    return listener;
}

Engine::Engine(Loop& loop_, ServerSettings settings_, Log& log_, Metrics& metrics_)
    : loop(loop_),
      log(log_),
      settings(std::move(settings_)),
      metrics(metrics_),
      access(settings),
      workers(log_, settings.limits.workers, settings.limits.requests_in_flight * 2,
              std::chrono::duration_cast<std::chrono::seconds>(settings.limits.idle)),
      answerer(log_, std::chrono::duration_cast<std::chrono::seconds>(settings.limits.idle)),
      door(std::make_shared<LoopDoor>(loop_)),
      spare_fd_(open("/dev/null", O_RDONLY | O_CLOEXEC)) {}

Engine::~Engine() {
    if (spare_fd_ >= 0) close(spare_fd_);
}

Result<Engine::Prepared> Engine::prepare(const ServerSettings& next) const {
    Prepared prepared;
    for (const ListenerSettings& wanted : next.listeners) {
        Listener* known = listener_at(wanted.address);
        if (known == nullptr) {
            auto listener = open_listener(wanted);
            if (!listener) return fail(listener.error());
            prepared.added.push_back(*std::move(listener));
        } else if (wanted.tls != known->settings.tls) {
            auto tls = open_tls(wanted);
            if (!tls) return fail(tls.error());
            prepared.changed.emplace_back(known, *std::move(tls));
        }
    }
    return prepared;
}

void Engine::serve(Prepared prepared, ServerSettings next) {
    settings = std::move(next);
    access.replace(settings);
    quick = {};  // what was quick may ask another program now
    for (auto& [listener, tls] : prepared.changed) listener->tls = std::move(tls);
    std::erase_if(listeners_, [&](const std::unique_ptr<Listener>& listener) {
        for (const ListenerSettings& wanted : settings.listeners) {
            if (wanted.address != listener->settings.address) continue;
            listener->settings = wanted;
            listener->groups = groups_of(wanted);
            return false;
        }
        loop.unwatch(listener->fd);
        return true;
    });
    for (auto& listener : prepared.added) {
        Listener& kept = *listeners_.emplace_back(std::move(listener));
        loop.watch(kept.fd, Loop::readable, [this, &kept](unsigned) { accept_from(kept); });
    }
}

Listener* Engine::listener_at(std::string_view address) const {
    for (const auto& listener : listeners_) {
        if (listener->settings.address == address) return listener.get();
    }
    return nullptr;
}

std::vector<std::string> Engine::addresses() const {
    std::vector<std::string> all;
    for (const auto& listener : listeners_) all.push_back(listener->bound);
    return all;
}

void Engine::accept_from(Listener& listener) {
    for (int i = 0; i < accepts_per_turn; ++i) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const int fd = accept4(listener.fd, reinterpret_cast<sockaddr*>(&from), &size,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE) out_of_descriptors(listener.fd);
            if (errno == EINTR || errno == ECONNABORTED) continue;
            return;
        }
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        take(listener, fd, endpoint_of(from, size).host);
    }
}

/// A waiting caller would wake the loop for ever: he is taken with the spare descriptor and sent
/// away.
void Engine::out_of_descriptors(int listener_fd) {
    metrics.refused("descriptors");
    if (spare_fd_ >= 0) close(spare_fd_);
    const int fd = accept4(listener_fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    spare_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
    errno = EAGAIN;
}

void Engine::take(Listener& listener, int fd, std::string peer) {
    if (connections_.size() >= limits().connections && !make_room()) {
        metrics.refused("connections");
        close(fd);
        return;
    }
    TlsContext tls;
    if (listener.tls) {
        std::string problem;
        tls = listener.tls->context(loop.now(), problem);
        if (!problem.empty()) {
            log.error("the changed certificate is not used",
                      {{"listener", listener.bound}, {"reason", problem}});
        }
    }
    const std::uint64_t id = next_id();
    auto connection =
        std::make_unique<Connection>(*this, id, fd, tls, Arrival{std::move(peer), listener.groups});
    Connection& kept = *connections_.emplace(id, std::move(connection)).first->second;
    metrics.connections.set(static_cast<double>(connections_.size()));
    kept.start();
}

/// Closes the connection that has been idle longest, so that idle ones cannot lock others out.
bool Engine::make_room() {
    Connection* oldest = nullptr;
    for (const auto& [id, connection] : connections_) {
        if (!connection->idle()) continue;
        if (oldest == nullptr || connection->since() < oldest->since()) oldest = connection.get();
    }
    if (oldest == nullptr) return false;
    metrics.refused("idle_evicted");
    oldest->abort();
    return true;
}

Connection* Engine::find(std::uint64_t id) {
    const auto at = connections_.find(id);
    return at == connections_.end() ? nullptr : at->second.get();
}

void Engine::release(std::uint64_t id) {
    const auto at = connections_.find(id);
    if (at == connections_.end()) return;
    if (leaving_.empty()) {
        loop.post([this] {
            // Moved out first: what goes may release others.
            const auto gone = std::exchange(leaving_, {});
        });
    }
    leaving_.push_back(std::move(at->second));
    connections_.erase(at);
    metrics.connections.set(static_cast<double>(connections_.size()));
    if (connections_.empty() && when_gone_) all_gone();
}

void Engine::all_gone() {
    const auto done = std::exchange(when_gone_, nullptr);
    done();
}

void Engine::end_soon(std::function<void()> done) {
    for (const auto& listener : listeners_) loop.unwatch(listener->fd);
    listeners_.clear();
    when_gone_ = std::move(done);
    std::vector<std::uint64_t> ids;
    for (const auto& [id, connection] : connections_) ids.push_back(id);
    for (const std::uint64_t id : ids) {
        if (Connection* connection = find(id)) connection->end_soon();
    }
    if (connections_.empty() && when_gone_) all_gone();
}

void Engine::abort_all() {
    while (!connections_.empty()) connections_.begin()->second->abort();
    leaving_.clear();
}

}  // namespace vedette::http
