#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "core/http.h"
#include "core/series.h"
#include "core/time.h"
#include "promql/engine.h"

namespace vedette::exporter {

/// What the query API reads; all outlive the routes.
struct QuerySources {
    const promql::Engine& engine;
    SeriesSource& series;
    LabelSource& labels;
    Clock& clock;
};

/// Prometheus's query API, GET and POST form alike, with its parameters, error types and codes:
/// `query`, `query_range`, `series`, `labels`, `label/{name}/values`, `format_query`, `parse_query`.
/// At most limits::queries_in_flight_max run at once; more are refused with 503.
std::vector<Route> query_routes(QuerySources sources);

}  // namespace vedette::exporter
