#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/http.h"
#include "probes/book.h"
#include "probes/scrape/status.h"
#include "rules/status.h"

namespace vedette::exporter {

/// What the rest of Prometheus's API shows; the functions may be called from any thread.
struct StatusSources {
    std::function<std::vector<probes::TargetStatus>()> targets;
    std::function<std::vector<rules::GroupStatus>()> groups;
    std::string version;             ///< ours
    std::string prometheus_version;  ///< the one whose behaviour is followed
    std::function<std::vector<scrape::JobStatus>()> scraped;  ///< empty: nothing is scraped
};

/// `rules`, `alerts`, `targets`, `scrape_pools`, `status/buildinfo` in Prometheus's shape.
std::vector<Route> status_routes(StatusSources sources);

}  // namespace vedette::exporter
