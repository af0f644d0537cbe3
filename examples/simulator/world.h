#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "core/error.h"
#include "core/time.h"
#include "examples/simulator/inbox.h"
#include "examples/simulator/services.h"
#include "examples/simulator/tcp_server.h"
#include "exporter/http/front.h"

namespace vedette::simulator {

/// Where the simulator listens; port 0 is any.
struct WorldSettings {
    std::string listen = "127.0.0.1:7890";    ///< inbox, receivers and control
    std::string smtp = "127.0.0.1:7891";      ///< mail
    std::string services = "127.0.0.1:7900";  ///< the first service; the others follow it
};

/// The outside world in one object: services that can be broken, receivers and their inbox.
class World {
public:
    explicit World(WorldSettings settings);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// Listens everywhere, or says which address could not be had and why.
    Result<void> start();
    /// `inbox http://127.0.0.1:7890/inbox  mail 127.0.0.1:7891  services 127.0.0.1:7900-7908`
    std::string summary() const;

private:
    const WorldSettings settings_;
    SystemClock clock_;
    Log log_{{.level = LogLevel::Warn}};
    Metrics front_metrics_, service_metrics_;
    Inbox inbox_{clock_};
    Services services_{log_, service_metrics_};
    std::unique_ptr<http::Front> front_;
    LoopThread mail_loop_{"mail"};
    std::unique_ptr<TcpServer> smtp_;  // touched on mail_loop_ only
};

}  // namespace vedette::simulator
