#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/http.h"
#include "store/shedding/cardinality.h"

namespace vedette::exporter {

/// `GET /api/vedette/v1/cardinality?limit=20`: who costs what, how much of each budget is used, what
/// is given up at the moment and who was refused what; lists of `limit` entries, the largest first.
/// The function may be called from any thread.
std::vector<Route> cardinality_routes(std::function<store::Cardinality(std::size_t entries)> ask);

/// The same routes; those that read samples are answered with 503 and what `why` says, while it
/// says something.
std::vector<Route> refused_while(std::vector<Route> routes, std::function<std::string()> why);

}  // namespace vedette::exporter
