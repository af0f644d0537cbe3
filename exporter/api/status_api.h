#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/http.h"
#include "probes/book.h"
#include "probes/scrape/status.h"

namespace vedette::exporter {

/// What the API shows of targets and of the program; the functions may be called from any thread.
struct StatusSources {
    std::function<std::vector<probes::TargetStatus>()> targets;
    std::string version;             ///< ours
    std::string prometheus_version;  ///< the one whose behaviour is followed
    std::function<std::vector<scrape::JobStatus>()> scraped;  ///< empty: nothing is scraped
};

/// `targets`, `scrape_pools`, `status/buildinfo` in Prometheus's shape.
std::vector<Route> status_routes(StatusSources sources);

}  // namespace vedette::exporter
