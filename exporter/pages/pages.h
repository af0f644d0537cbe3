#pragma once

#include <vector>

#include "core/http.h"

namespace vedette::exporter {

/// The pages linked into the program: `/` and `/graph` (the application decides by the path), and what
/// they load from `/pages/`. Served compressed as they lie in memory.
std::vector<Route> page_routes();

}  // namespace vedette::exporter
