#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/http.h"
#include "core/time.h"
#include "store/head/costs.h"

namespace vedette::exporter {

/// What is known about this process right now.
struct ProcessFacts {
    Timestamp started, now;
    std::string folder, host;  ///< it runs in, on
    bool reload_successful = true;
    Timestamp configured;         ///< when the configuration was last read without a problem
    std::size_t corruptions = 0;  ///< places that the last start could not read
    unsigned cores = 1;
    Milliseconds retention{0};
};

/// Where it is learned; the functions may be called from any thread.
struct ProcessSources {
    std::function<ProcessFacts()> facts;
    std::function<std::string()> configuration;  ///< as YAML, secrets hidden
    std::map<std::string, std::string> flags;  ///< as the command line gave them, or their defaults
    std::function<store::HeadCosts(std::size_t entries)> head;
    /// URLs of the Alertmanagers that alerts are sent to, and of those that relabelling left out.
    struct Alertmanagers {
        std::vector<std::string> active, dropped;
    };
    std::function<Alertmanagers()> alertmanagers;
};

/// `status/config`, `flags`, `runtimeinfo`, `tsdb`, `walreplay`, and `alertmanagers`, in
/// Prometheus's shape. What Go alone has (GOGC, goroutines) is there and says nothing.
std::vector<Route> process_routes(ProcessSources sources);

}  // namespace vedette::exporter
