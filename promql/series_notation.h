#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sample.h"

namespace vedette::promql {

/// The notation in which tests of rules and queries write the samples of a series:
///
///   1 _ stale -2.5 NaN      a value, none, the end of the series, more values
///   1+2x3  5x2  _x3         1 3 5 7, then 5 5 5, then none three times
///   {{schema:1 count:4 sum:2.5 z_bucket:1 z_bucket_w:0.01 buckets:[1 0 2] offset:-1}}
///   {{…}}x3  {{…}}+{{…}}x3  the same four times; four that grow
///
/// A histogram may further have `n_buckets`, `n_offset`, `custom_values` and `counter_reset_hint`
/// (unknown, reset, not_reset, gauge), in any order. What is left out is zero or empty.

/// One entry an interval; nothing where the notation says `_`. Fails with BadInput, which says at
/// which character (from 1) what was expected.
Result<std::vector<std::optional<Value>>> parse_series_values(std::string_view text);

/// A single `{{…}}`.
Result<HistogramRef> parse_histogram(std::string_view text);

/// `{{…}}` on one line, as promtool prints it: gaps between buckets as zeros, empty ends left out.
std::string histogram_notation(const Histogram& histogram);

}  // namespace vedette::promql
