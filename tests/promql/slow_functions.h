#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/sample.h"

namespace vedette::promql {

/// What single functions of PromQL make of plain numbers, written from their definitions, for the
/// slow evaluator. Nothing here knows the code under test.

struct SlowPoint {
    std::int64_t ms = 0;
    double value = 0;
    HistogramRef histogram = {};  ///< instead of the value
};

/// The samples with begin < time <= end; `now` is the step for which they are asked.
struct SlowWindow {
    std::vector<SlowPoint> points;
    std::int64_t begin = 0, end = 0, now = 0;
};

double slow_sum(const std::vector<double>& values, double begin_with);
double slow_mean(const std::vector<double>& values);
/// Of a group of series; a variance over time is summed more exactly (slow_over_time).
double slow_variance(const std::vector<double>& values);
double slow_quantile(double q, std::vector<double> values);
/// `abs`, `ln`, `hour`, … of one number; nothing when the name is not one of those.
std::optional<double> slow_math(std::string_view function, double value);
std::optional<double> slow_date(std::string_view function, double seconds);
/// `rate`, `sum_over_time`, … of one window; nothing where the function gives no sample.
std::optional<double> slow_over_time(std::string_view function, const SlowWindow& window,
                                     double parameter);
/// Without an exponent, however large.
std::string slow_plain(double value);
/// Upper bounds ascending, each with its cumulative count.
using SlowBuckets = std::vector<std::pair<double, double>>;
double slow_bucket_quantile(double q, SlowBuckets buckets);
double slow_bucket_fraction(double lower, double upper, const SlowBuckets& buckets);

}  // namespace vedette::promql
