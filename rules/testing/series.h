#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/labels.h"
#include "core/sample.h"

namespace vedette::rules::testing {

/// One series as a test writes it: a value for each interval, nothing where it is `_`.
struct SeriesValues {
    Labels labels;
    std::vector<std::optional<Value>> values;
};

/// Reads `up{job="a"}` and `1+1x5 _ stale`. Fails with BadInput and Prometheus's text.
Result<SeriesValues> read_series(std::string_view series, std::string_view values);

/// Reads `up{job="a"}` alone.
Result<Labels> read_labels(std::string_view series);

}  // namespace vedette::rules::testing
