#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "core/error.h"
#include "core/http.h"
#include "core/mutex.h"
#include "core/time.h"
#include "examples/simulator/tcp_server.h"
#include "exporter/http/front.h"

namespace vedette::simulator {

/// How a service is.
enum class Health { Well, Refuses, Errors, Slow, Garbage };
std::string_view to_string(Health health);  // `well`
/// The words of `?how=`: refuse, error, slow, garbage.
std::optional<Health> parse_break(std::string_view how);

/// One service or provider of the simulated platform, as it is now.
struct ServiceState {
    std::string name;
    bool provider = false;
    std::uint16_t port = 0;
    Health health = Health::Well;
    Milliseconds slow_by{0};
    double typical_ms = 10;  ///< what an answer usually takes
};

/// The services and providers, each on a port of its own, so that a broken one really refuses
/// connections. `GET /health` answers after a few milliseconds that differ from time to time.
///
///     Well, Errors, Slow   the front listens on the port
///     Refuses              nobody listens
///     Garbage              a TcpServer of GarbageTalk listens
///
/// Safe between threads.
class Services {
public:
    Services(Log& log, Metrics& metrics);
    ~Services();
    Services(const Services&) = delete;
    Services& operator=(const Services&) = delete;

    /// Service number n listens on `port + n`; with port 0 each takes a free one.
    Result<void> start(const std::string& host, std::uint16_t port);
    /// NotFound when there is no such service; the message lists those there are.
    Result<void> set(std::string_view name, Health health, Milliseconds slow_by);
    std::vector<ServiceState> states() const;
    void stop();

private:
    /// Makes the ports what the states say.
    Result<void> make_so();
    Result<void> close_garbage();
    Result<void> open_garbage();
    Response answer(const Request& request);
    Milliseconds latency(const ServiceState& state) VEDETTE_REQUIRES(mutex_);
    http::ServerSettings settings() const;
    std::string address(const ServiceState& state) const;

    std::string host_;
    Mutex change_;  // one change at a time, ports included; taken before mutex_
    mutable Mutex mutex_;
    std::vector<ServiceState> states_ VEDETTE_GUARDED_BY(mutex_);
    std::mt19937 dice_ VEDETTE_GUARDED_BY(mutex_){1};
    http::Front front_;
    bool running_ = false;
    LoopThread wire_{"garbage"};
    std::map<std::string, std::unique_ptr<TcpServer>> garbage_;  // by name; touched on wire_ only
};

}  // namespace vedette::simulator
