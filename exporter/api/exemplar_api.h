#pragma once

#include <vector>

#include "core/exemplar.h"
#include "core/http.h"
#include "promql/features.h"

namespace vedette::exporter {

/// `/api/v1/query_exemplars`, GET and POST form alike, as Prometheus 3.5 has it: the exemplars of
/// the series that any selector of `query` selects, from `start` to `end`. The source outlives the
/// routes.
std::vector<Route> exemplar_routes(ExemplarSource& source, promql::Features features);

}  // namespace vedette::exporter
