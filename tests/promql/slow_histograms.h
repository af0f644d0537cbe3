#pragma once

#include <optional>
#include <string_view>

#include "core/histogram.h"
#include "tests/promql/slow_functions.h"
#include "tests/promql/slow_timeline.h"

namespace vedette::promql {

/// What the slow evaluator makes of native histograms. Sums, differences and resets of two are
/// core's, which a twin of its own referees (tests/core/histogram_test.cpp); everything else is
/// worked out here from its definition.

/// The items that are numbers.
SlowVector numbers_of(const SlowVector& vector);
/// A function of a window in which at least one point is a histogram.
std::optional<Value> slow_mixed_over_time(std::string_view function, const SlowWindow& window,
                                          double parameter);
/// Sum or mean of a group with a histogram in it.
std::optional<Value> slow_mixed_fold(bool mean, const SlowVector& group);
/// `a op b`, one of them a histogram.
std::optional<Value> slow_mixed_operate(const Binary& binary, const Value& a, const Value& b);
/// `histogram_count` and its kin.
double slow_native_number(std::string_view function, const Histogram& histogram);
double slow_native_quantile(double q, const Histogram& histogram);
double slow_native_fraction(double lower, double upper, const Histogram& histogram);

inline Value value_of(double number, const HistogramRef& histogram) {
    return histogram ? Value(histogram) : Value(number);
}
inline void set_value(SlowItem& item, const Value& value) {
    const HistogramRef* histogram = std::get_if<HistogramRef>(&value);
    item.histogram = histogram != nullptr ? *histogram : nullptr;
    item.value = histogram != nullptr ? 0 : std::get<double>(value);
}

}  // namespace vedette::promql
