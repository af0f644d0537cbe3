#include "base/dns_channel.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

namespace vedette {

DnsChannel::DnsChannel(Loop& loop, const std::string& servers) : loop_(loop) {
    ares_options options{};
    options.timeout = 2000;  // ms, for the first try; c-ares doubles it
    options.tries = 3;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
        static_cast<DnsChannel*>(self)->watch(fd, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    const int flags = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    status_ = ares_init_options(&channel_, &options, flags);
    made_ = status_ == ARES_SUCCESS;
    if (made_ && !servers.empty()) status_ = ares_set_servers_ports_csv(channel_, servers.c_str());
}

DnsChannel::~DnsChannel() {
    loop_.cancel(timer_);
    if (made_) ares_destroy(channel_);
}

void DnsChannel::set_timer() {
    loop_.cancel(std::exchange(timer_, {}));
    timeval left{};
    if (ares_timeout(channel_, nullptr, &left) == nullptr) return;
    const auto wait = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
    timer_ = loop_.after(std::chrono::ceil<Milliseconds>(wait), [this] {
        timer_ = {};
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        set_timer();
    });
}

void DnsChannel::watch(ares_socket_t fd, bool readable, bool writable) {
    if (!readable && !writable) return loop_.unwatch(fd);
    const unsigned events = (readable ? Loop::readable : 0U) | (writable ? Loop::writable : 0U);
    loop_.watch(fd, events, [this, fd](unsigned ready) {
        ares_process_fd(channel_, ready & Loop::readable ? fd : ARES_SOCKET_BAD,
                        ready & Loop::writable ? fd : ARES_SOCKET_BAD);
        set_timer();
    });
}

DnsChannel& DnsChannels::current() {
    struct ::stat info{};
    Seen seen;
    if (::stat("/etc/resolv.conf", &info) == 0)
        seen = {info.st_ino, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
    const bool good = !channels_.empty() && channels_.back()->status() == ARES_SUCCESS;
    if (good && (seen == seen_ || !servers_.empty())) return *channels_.back();
    seen_ = seen;
    if (!channels_.empty() && channels_.back()->in_flight == 0) channels_.pop_back();
    channels_.push_back(std::make_unique<DnsChannel>(loop_, servers_));
    return *channels_.back();
}

void DnsChannels::release(DnsChannel& channel) {
    if (--channel.in_flight > 0 || &channel == channels_.back().get()) return;
    std::erase_if(channels_, [&](const auto& one) { return one.get() == &channel; });
}

Error dns_error(int status, const std::string& name) {
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

}  // namespace vedette
