#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/series.h"

namespace vedette::app {

/// What was written, and what OpenMetrics has no words for.
struct ExportDone {
    std::size_t series = 0, samples = 0;
    std::size_t stale = 0;       ///< markers of ends, left out
    std::size_t histograms = 0;  ///< samples of native histograms, left out
};

/// Takes a piece of the text; fails when it has no room for it.
using Put = std::function<Result<void>(std::string_view)>;

/// Writes the samples in the window as OpenMetrics, series by series, each sample with its time in
/// seconds, `# EOF` at the end: what `promtool tsdb create-blocks-from openmetrics` reads. A series
/// is written when one of the selectors selects it; without selectors, all are.
Result<ExportDone> export_openmetrics(SeriesSource& source,
                                      const std::vector<std::vector<Matcher>>& selectors,
                                      Window window, const Put& put);

/// Milliseconds as seconds, so that who multiplies by a thousand and cuts off what is behind the
/// point gets the same milliseconds, as Prometheus does: `1600000000.123`.
void append_seconds(std::string& out, Timestamp at);

}  // namespace vedette::app
