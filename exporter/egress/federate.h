#pragma once

#include <functional>

#include "core/http.h"
#include "core/labels.h"
#include "core/series.h"
#include "core/time.h"

namespace vedette::exporter {

/// What `/federate` reads; all outlives the route.
struct FederateSources {
    SeriesSource& series;
    Clock& clock;
    Milliseconds lookback;             ///< how old the newest sample of a series may be
    std::function<Labels()> external;  ///< of the configuration; any thread
};

/// `GET /federate?match[]=…`: the newest sample of every series that a selector selects, as
/// Prometheus 3.5 has it: untyped, with its time, sorted by name, ended series left out, external
/// labels and `instance` added where they are missing. Text 0.0.4, or by `Accept` delimited
/// protobuf, which alone has native histograms.
Route federate_route(FederateSources sources);

}  // namespace vedette::exporter
