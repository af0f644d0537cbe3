#include <ares.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/pending_names.h"
#include "base/resolver.h"

namespace vedette {
namespace {

/// One c-ares channel on the loop. When `resolv.conf` changes a new one is made, and the old one
/// stays until its last lookup has come back.
class Channel {
public:
    Channel(Loop& loop, const std::string& servers) : loop_(loop) {
        ares_options options{};
        options.timeout = 2000;  // ms, for the first try; c-ares doubles it
        options.tries = 3;
        options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
            static_cast<Channel*>(self)->watch(fd, readable != 0, writable != 0);
        };
        options.sock_state_cb_data = this;
        const int flags = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
        status_ = ares_init_options(&channel_, &options, flags);
        made_ = status_ == ARES_SUCCESS;
        if (made_ && !servers.empty())
            status_ = ares_set_servers_ports_csv(channel_, servers.c_str());
    }
    ~Channel() {
        loop_.cancel(timer_);
        if (made_) ares_destroy(channel_);
    }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    int status() const { return status_; }
    ares_channel get() const { return channel_; }
    std::size_t in_flight = 0;  ///< queries, until they were answered through the loop
    /// Call after anything that may have started or ended a lookup.
    void set_timer() {
        loop_.cancel(std::exchange(timer_, {}));
        timeval left{};
        if (ares_timeout(channel_, nullptr, &left) == nullptr) return;
        const auto wait =
            std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
        timer_ = loop_.after(std::chrono::ceil<Milliseconds>(wait), [this] {
            timer_ = {};
            ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            set_timer();
        });
    }

private:
    void watch(ares_socket_t fd, bool readable, bool writable) {
        if (!readable && !writable) return loop_.unwatch(fd);
        const unsigned events = (readable ? Loop::readable : 0U) | (writable ? Loop::writable : 0U);
        loop_.watch(fd, events, [this, fd](unsigned ready) {
            ares_process_fd(channel_, ready & Loop::readable ? fd : ARES_SOCKET_BAD,
                            ready & Loop::writable ? fd : ARES_SOCKET_BAD);
            set_timer();
        });
    }

    Loop& loop_;
    ares_channel channel_ = nullptr;
    int status_ = ARES_SUCCESS;
    bool made_ = false;
    Loop::TimerId timer_;
};

std::vector<Address> addresses_of(const ares_addrinfo* found) {
    std::vector<Address> addresses;
    for (const auto* node = found->nodes; node != nullptr; node = node->ai_next)
        if (auto address = address_of(*node->ai_addr)) addresses.push_back(std::move(*address));
    return addresses;
}

Error error_of(int status, const std::string& name) {
    switch (status) {
        case ARES_ENOTFOUND:
            return {Fault::NotFound, "name not found: " + name};
        case ARES_ENODATA:
            return {Fault::NotFound, "no address for " + name};
        case ARES_EBADNAME:
            return {Fault::BadInput, fmt::format("not a host name: `{}`", name)};
        case ARES_ETIMEOUT:
            return {Fault::Timeout, "no answer from the name servers for " + name};
        case ARES_ECONNREFUSED:  // c-ares says so too when the last server it tried answered
                                 // SERVFAIL
        case ARES_ESERVFAIL:
        case ARES_EREFUSED:
            return {Fault::Unavailable, "the name servers failed to look up " + name};
        default:
            return {Fault::Unavailable,
                    fmt::format("cannot look up {}: {}", name, ares_strerror(status))};
    }
}

class DnsResolver final : public Resolver {
public:
    DnsResolver(Loop& loop, std::string servers)
        : loop_(loop), servers_(std::move(servers)), pending_(loop) {}

    void resolve(std::string name, Family family, Deadline deadline, Answer done) override {
        const std::uint64_t id = pending_.start(name, family, deadline, std::move(done));
        if (id == 0) return;
        Channel& channel = current_channel();
        ++channel.in_flight;
        auto query = std::make_unique<Query>(Query{this, &channel, id, std::move(name)});
        if (channel.status() != ARES_SUCCESS) return later(*query, channel.status(), {});
        ares_addrinfo_hints hints{};
        hints.ai_flags = ARES_AI_NOSORT;
        hints.ai_family = family == Family::V4Only   ? AF_INET
                          : family == Family::V6Only ? AF_INET6
                                                     : AF_UNSPEC;
        Query& asked = *query.release();  // comes back in `answered`, always
        ares_getaddrinfo(channel.get(), asked.name.c_str(), nullptr, &hints, answered, &asked);
        channel.set_timer();
    }

private:
    struct Query {
        DnsResolver* resolver;
        Channel* channel;
        std::uint64_t id;
        std::string name;
    };

    static void answered(void* arg, int status, int, ares_addrinfo* found) {
        const std::unique_ptr<Query> query(static_cast<Query*>(arg));
        std::vector<Address> addresses;
        if (found != nullptr) {
            addresses = addresses_of(found);
            ares_freeaddrinfo(found);
        }
        // Destruction happens in our own destructor, where everybody is told Cancelled.
        if (status != ARES_EDESTRUCTION)
            query->resolver->later(*query, status, std::move(addresses));
    }

    /// Answers through the loop: c-ares may answer while it is being asked, and a channel cannot be
    /// closed by what it calls.
    void later(const Query& query, int status, std::vector<Address> addresses) {
        loop_.post([self = std::weak_ptr(self_), channel = query.channel, id = query.id,
                    name = query.name, status, addresses = std::move(addresses)]() mutable {
            const auto resolver = self.lock();
            if (!resolver) return;
            (*resolver)->release(*channel);
            if (status == ARES_SUCCESS)
                (*resolver)->pending_.finish(id, std::move(addresses));
            else
                (*resolver)->pending_.finish(id, fail(error_of(status, name)));
        });
    }

    void release(Channel& channel) {
        if (--channel.in_flight > 0 || &channel == channels_.back().get()) return;
        std::erase_if(channels_, [&](const auto& one) { return one.get() == &channel; });
    }

    /// A laptop changes networks and a container its name servers: what was read at the start must
    /// not be asked for ever.
    Channel& current_channel() {
        struct ::stat info{};
        Seen seen;
        if (::stat("/etc/resolv.conf", &info) == 0)
            seen = {info.st_ino, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
        const bool good = !channels_.empty() && channels_.back()->status() == ARES_SUCCESS;
        if (good && (seen == seen_ || !servers_.empty())) return *channels_.back();
        seen_ = seen;
        if (!channels_.empty() && channels_.back()->in_flight == 0) channels_.pop_back();
        channels_.push_back(std::make_unique<Channel>(loop_, servers_));
        return *channels_.back();
    }

    using Seen = std::tuple<ino_t, time_t, long>;
    Loop& loop_;
    std::string servers_;
    Seen seen_;
    PendingNames pending_;
    std::vector<std::unique_ptr<Channel>> channels_;  // the last is asked, the others finish
    std::shared_ptr<DnsResolver*> self_ = std::make_shared<DnsResolver*>(this);
};

}  // namespace

std::unique_ptr<Resolver> make_dns_resolver(Loop& loop, std::string servers) {
    return std::make_unique<DnsResolver>(loop, std::move(servers));
}

}  // namespace vedette
