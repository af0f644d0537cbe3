#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/http.h"
#include "probes/scrape/status.h"

namespace vedette::exporter {

/// Where metadata comes from; the functions may be called from any thread.
struct MetadataSources {
    std::function<std::vector<scrape::JobStatus>()> scraped;
    /// Of metrics that were probed or written to us: they have no target.
    std::function<std::vector<scrape::MetricAbout>()> stored;
};

/// `/api/v1/metadata` and `/api/v1/targets/metadata` as Prometheus 3.5 has them; the first knows
/// of metrics without a target too.
std::vector<Route> metadata_routes(MetadataSources sources);

}  // namespace vedette::exporter
