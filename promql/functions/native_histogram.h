#pragma once

#include "core/sample.h"

namespace vedette::promql {

/// What functions of one native histogram say beside their number.
enum class NativeNote { None, NanResult, NanSkew, NanLeftOut };

/// `histogram_quantile`: the value below which the part `q` of all observations lies. Inside a
/// bucket they are taken to lie evenly, on a logarithmic scale where buckets are exponential.
double native_quantile(double q, const Histogram& histogram, NativeNote& note);
/// `histogram_fraction`: the part of all observations that lies between two values.
double native_fraction(double lower, double upper, const Histogram& histogram, NativeNote& note);
/// `histogram_stdvar`: each observation is taken to lie at the middle of its bucket.
double native_variance(const Histogram& histogram);

}  // namespace vedette::promql
