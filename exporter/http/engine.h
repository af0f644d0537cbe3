#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "exporter/http/access.h"
#include "exporter/http/connection.h"
#include "exporter/http/event_stream.h"
#include "exporter/http/front_metrics.h"
#include "exporter/http/quick_requests.h"
#include "exporter/http/router.h"
#include "exporter/http/settings.h"
#include "exporter/http/transport.h"
#include "exporter/http/workers.h"

namespace vedette::http {

/// A bound socket and what it serves.
struct Listener {
    Listener(ListenerSettings settings_, int fd_, std::string bound_);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    ListenerSettings settings;
    const int fd;
    const std::string bound;  ///< `127.0.0.1:41235`
    std::uint32_t groups = 0;
    std::unique_ptr<TlsSource> tls;
};

/// Binds and loads the certificate; does not accept yet. The message says which address and why.
Result<std::unique_ptr<Listener>> open_listener(const ListenerSettings& settings);

/// Everything the connections share. Belongs to the loop's thread, but for construction.
class Engine {
public:
    Engine(Loop& loop, ServerSettings settings, Log& log, Metrics& metrics);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// What a change of settings needs that can fail.
    struct Prepared {
        std::vector<std::unique_ptr<Listener>> added;
        std::vector<std::pair<Listener*, std::unique_ptr<TlsSource>>> changed;  ///< certificates
    };
    /// Binds addresses that are new and loads certificates that are others; changes nothing.
    Result<Prepared> prepare(const ServerSettings& next) const;
    /// Takes over, and closes listeners whose address is no longer wanted.
    void serve(Prepared prepared, ServerSettings next);
    std::vector<std::string> addresses() const;
    /// Stops accepting and lets what is in flight finish. `done` is called when nothing is left.
    void end_soon(std::function<void()> done);
    void abort_all();

    // For connections.
    Loop& loop;
    Log& log;
    ServerSettings settings;
    Router router;
    FrontMetrics metrics;
    Access access;
    Workers workers;
    Answerer answerer;
    QuickRequests quick;
    const std::shared_ptr<LoopDoor> door;
    std::array<char, 32 * 1024> piece;  ///< what is being read, of whichever connection
    std::size_t requests_in_flight = 0;
    std::size_t event_streams = 0;
    std::size_t buffered_bytes = 0;

    const FrontLimits& limits() const { return settings.limits; }
    std::uint64_t next_id() { return ++last_id_; }
    Connection* find(std::uint64_t id);
    /// The connection is done with; it goes when the loop comes round.
    void release(std::uint64_t id);

private:
    Listener* listener_at(std::string_view address) const;
    void accept_from(Listener& listener);
    void take(Listener& listener, int fd, std::string peer);
    bool make_room();
    void out_of_descriptors(int listener_fd);
    void all_gone();

    std::uint64_t last_id_ = 0;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
    std::vector<std::unique_ptr<Connection>> leaving_;
    std::function<void()> when_gone_;
    int spare_fd_ = -1;
};

}  // namespace vedette::http
