#include "promql/functions/native_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/histogram.h"
#include "promql/functions/go_math.h"
#include "promql/functions/windows.h"

namespace vedette::promql {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool around_zero(const HistogramBucket& bucket) {
    return bucket.lower <= 0 && bucket.upper >= 0;
}

/// Where there are buckets on one side only, the zero bucket holds nothing of the other.
void cut_at_zero(const Histogram& h, HistogramBucket& bucket) {
    if (h.negative_buckets.empty() && !h.positive_buckets.empty()) bucket.lower = 0;
    if (h.positive_buckets.empty() && !h.negative_buckets.empty()) bucket.upper = 0;
}

/// The value at `part` of a bucket.
double value_inside(const HistogramBucket& bucket, double part, bool linear) {
    if (linear || around_zero(bucket)) return bucket.lower + (bucket.upper - bucket.lower) * part;
    const double low = go::log2(std::abs(bucket.lower));
    const double high = go::log2(std::abs(bucket.upper));
    if (bucket.lower > 0) return go::exp2(low + (high - low) * part);
    return -go::exp2(high + (low - high) * (1 - part));
}

/// The part of a bucket's observations that lies below a value inside it, times its count.
double count_below(const HistogramBucket& bucket, double value, bool linear) {
    if (linear) return bucket.count * (value - bucket.lower) / (bucket.upper - bucket.lower);
    const double low = go::log2(std::abs(bucket.lower));
    const double high = go::log2(std::abs(bucket.upper));
    const double at = go::log2(std::abs(value));
    const double part = value > 0 ? (at - low) / (high - low) : 1 - (at - high) / (low - high);
    return bucket.count * part;
}

double bucket_total(const Histogram& h) {
    double total = 0;
    for (const HistogramBucket& bucket : all_buckets(h)) total += bucket.count;
    return total;
}

/// Counts up to a value are looked for from the lowest bucket on.
class RankSearch {
public:
    explicit RankSearch(double value) : value_(value) {}
    void at_lower_end(const HistogramBucket& bucket, double rank) {
        if (!found_ && bucket.lower >= value_) set(rank);
    }
    void inside(const HistogramBucket& bucket, double rank, bool linear) {
        if (!found_ && bucket.lower < value_ && bucket.upper > value_)
            set(rank + count_below(bucket, value_, linear));
    }
    bool found() const { return found_; }
    double rank_or(double most) const { return !found_ || rank_ > most ? most : rank_; }

private:
    void set(double rank) {
        rank_ = rank;
        found_ = true;
    }
    double value_, rank_ = 0;
    bool found_ = false;
};

}  // namespace

double native_quantile(double q, const Histogram& h, NativeNote& note) {
    if (q < 0) return -infinity;
    if (q > 1) return infinity;
    if (h.count == 0 || std::isnan(q)) return std::nan("");
    const bool custom = uses_custom_buckets(h);
    // Observations of NaN are in the count and in no bucket: then only counting upwards is right.
    const bool upwards = std::isnan(h.sum) || q < 0.5;
    const double rank = (upwards ? q : 1 - q) * h.count;
    std::vector<HistogramBucket> buckets = all_buckets(h);
    if (!upwards) std::ranges::reverse(buckets);
    HistogramBucket bucket;
    double count = 0;
    std::size_t next = 0;
    while (next < buckets.size()) {
        bucket = buckets[next++];
        count += bucket.count;
        if (bucket.count != 0 && count >= rank) break;
    }
    if (!custom && bucket.lower < 0 && bucket.upper > 0) cut_at_zero(h, bucket);
    if (custom && bucket.lower == -infinity) {
        if (bucket.upper <= 0) return bucket.upper;
        bucket.lower = 0;
    } else if (custom && bucket.upper == infinity) {
        return bucket.lower;
    }
    count = std::min(count, h.count);
    if (count < rank) {
        if (!std::isnan(h.sum)) return bucket.upper;
        note = NativeNote::NanResult;
        return std::nan("");
    }
    const double into = upwards ? rank - (count - bucket.count) : count - rank;
    // Prometheus looks whether the buckets hold all, and goes on with the last it has seen.
    for (; std::isnan(h.sum) && next < buckets.size(); ++next) {
        bucket = buckets[next];
        count += bucket.count;
    }
    if (std::isnan(h.sum) && count < h.count) note = NativeNote::NanSkew;
    return value_inside(bucket, into / bucket.count, custom);
}

double native_fraction(double lower, double upper, const Histogram& h, NativeNote& note) {
    if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return std::nan("");
    if (lower >= upper) return 0;
    const bool custom = uses_custom_buckets(h);
    RankSearch low(lower), high(upper);
    double rank = 0;
    for (HistogramBucket bucket : all_buckets(h)) {
        const bool zero = around_zero(bucket);
        if (zero) cut_at_zero(h, bucket);
        low.at_lower_end(bucket, rank);
        high.at_lower_end(bucket, rank);
        low.inside(bucket, rank, custom || zero);
        high.inside(bucket, rank, custom || zero);
        if (low.found() && high.found()) break;
        rank += bucket.count;
    }
    const double most = std::isnan(h.sum) ? bucket_total(h) : h.count;
    if (most < h.count) note = NativeNote::NanLeftOut;
    return (high.rank_or(most) - low.rank_or(most)) / h.count;
}

double native_variance(const Histogram& h) {
    const bool custom = uses_custom_buckets(h);
    const double mean = h.sum / h.count;
    KahanSum squares;
    for (const HistogramBucket& bucket : all_buckets(h)) {
        if (bucket.count == 0) continue;
        double middle = 0;
        if (custom)
            middle = (bucket.upper + bucket.lower) / 2;
        else if (!around_zero(bucket))
            middle = std::copysign(std::sqrt(bucket.upper * bucket.lower), bucket.upper);
        const double delta = middle - mean;
        squares.add(bucket.count * delta * delta);
    }
    return (squares.sum + squares.rest) / h.count;
}

}  // namespace vedette::promql
