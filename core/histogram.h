#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/sample.h"

namespace vedette {

/// What can be done with native histograms, with the results that Prometheus 3.5 has: PromQL
/// computes with these, the store compares by them, the HTTP API lists buckets by them. All of it
/// is plain functions on plain values, safe to call from any thread.

inline constexpr std::int32_t custom_buckets_schema = -53;
inline constexpr std::int32_t exponential_schema_min = -4, exponential_schema_max = 8;

inline bool uses_custom_buckets(const Histogram& histogram) {
    return histogram.schema == custom_buckets_schema;
}

/// Functions below take no other.
inline bool is_known_schema(std::int32_t schema) {
    return schema == custom_buckets_schema ||
           (schema >= exponential_schema_min && schema <= exponential_schema_max);
}

/// One bucket as people see it.
struct HistogramBucket {
    double lower = 0, upper = 0, count = 0;
    bool lower_inclusive = false, upper_inclusive = false;
};

/// One bucket of one side by its index.
struct IndexedCount {
    std::int64_t index;
    double count;
};
/// The buckets that spans name, indices ascending.
std::vector<IndexedCount> indexed_counts(std::span<const Histogram::Span> spans,
                                         std::span<const double> buckets);

/// Upper bound of the positive bucket `index`: 2^(index / 2^schema), to the bit as Prometheus has
/// it. With custom bounds the bound of that place, -Inf before the first and +Inf behind the last.
double bucket_bound(std::int64_t index, std::int32_t schema, std::span<const double> custom_bounds);

/// From the lowest bucket to the highest, empty ones that the spans name among them; the zero
/// bucket only when something is in it. No bucket reaches into the zero bucket.
std::vector<HistogramBucket> all_buckets(const Histogram& histogram);

/// `{count:3, sum:5, [-1,1]:1, (1,2]:2}`: what `count_values` and templates show.
std::string to_string(const Histogram& histogram);

/// Why two histograms have no sum or difference.
enum class Incompatible {
    No,
    Schema,  ///< one has custom buckets, the other exponential ones
    Bounds,  ///< their custom bounds differ
};

/// Adds `other` to `into`, or takes it away. The result has the lower of both resolutions and the
/// wider zero bucket, and may name empty buckets; see `compact`. When they are incompatible, `into`
/// stays as it was.
Incompatible add(Histogram& into, const Histogram& other);
Incompatible subtract(Histogram& from, const Histogram& other);
/// Makes the mean of `count - 1` histograms that of `count`, `next` the last of them.
Incompatible add_to_mean(Histogram& mean, const Histogram& next, double count);
/// Multiplies or divides counts and sum. A division by zero leaves no buckets.
void multiply(Histogram& histogram, double factor);
void divide(Histogram& histogram, double divisor);
/// Leaves out buckets that are empty.
void compact(Histogram& histogram);
/// Merges buckets until the schema is `schema`, which is not above the histogram's own.
Histogram at_schema(const Histogram& histogram, std::int32_t schema);

/// Equal bit for bit, reset hints apart.
bool same_data(const Histogram& a, const Histogram& b);

/// Whether a counter was reset between `previous` and `current`: some count is smaller, a populated
/// bucket is gone, or the layout changed in a way that only a restart explains. A reset hint of
/// `current` that knows is believed.
bool is_reset(const Histogram& current, const Histogram& previous);

/// The reset hint that a histogram has when it is read back from Prometheus's storage: Gauge where
/// that was sent, NotReset where that was found out, Unknown elsewhere. `previous` is the histogram
/// stored before it in its series; null when there is none, or when that sample was a float.
Histogram::ResetHint stored_reset_hint(const Histogram& sent, const Histogram* previous);

/// Fails with BadInput, in Prometheus's words, when what was sent cannot be a histogram: spans that
/// do not fit the buckets, counts below zero, bounds out of order. `whole`: its counts were sent as
/// integers, which must add up.
Result<void> validate(const Histogram& histogram, bool whole);

}  // namespace vedette
