#pragma once

#include <functional>
#include <vector>

#include "core/http.h"
#include "rules/status.h"

namespace vedette::exporter {

/// `rules` with Prometheus's filters and pages, and `alerts`. `groups` may be called from any
/// thread.
std::vector<Route> rules_routes(std::function<std::vector<rules::GroupStatus>()> groups);

}  // namespace vedette::exporter
