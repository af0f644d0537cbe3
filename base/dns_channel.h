#pragma once

#include <ares.h>
#include <sys/types.h>

#include <cstddef>
#include <ctime>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "base/loop.h"
#include "core/error.h"

namespace vedette {

/// One c-ares channel on the loop. Only those who ask name servers include this header.
class DnsChannel {
public:
    DnsChannel(Loop& loop, const std::string& servers);
    ~DnsChannel();
    DnsChannel(const DnsChannel&) = delete;
    DnsChannel& operator=(const DnsChannel&) = delete;

    int status() const { return status_; }
    ares_channel get() const { return channel_; }
    std::size_t in_flight = 0;  ///< queries, until they were answered through the loop
    /// Call after anything that may have started or ended a lookup.
    void set_timer();

private:
    void watch(ares_socket_t fd, bool readable, bool writable);

    Loop& loop_;
    ares_channel channel_ = nullptr;
    int status_ = ARES_SUCCESS;
    bool made_ = false;
    Loop::TimerId timer_;
};

/// The channel to ask through. When `resolv.conf` changes a new one is made, and the old one stays
/// until its last lookup has come back: a laptop changes networks and a container its name servers,
/// and what was read at the start must not be asked for ever.
class DnsChannels {
public:
    /// `servers`, when given, are asked instead of those of resolv.conf: `127.0.0.1:5353,10.0.0.1`.
    DnsChannels(Loop& loop, std::string servers) : loop_(loop), servers_(std::move(servers)) {}

    DnsChannel& current();
    /// One query less in flight; the channel may be gone afterwards.
    void release(DnsChannel& channel);

private:
    using Seen = std::tuple<ino_t, time_t, long>;

    Loop& loop_;
    std::string servers_;
    Seen seen_;
    std::vector<std::unique_ptr<DnsChannel>> channels_;  // the last is asked, the others finish
};

/// One sentence for a status of c-ares.
Error dns_error(int status, const std::string& name);

}  // namespace vedette
