#include "store/rollups/fold.h"

#include <cmath>

namespace vedette::store {
namespace {

/// Adds in double-double (Neumaier), so that a bucket's sum is as good as that of its samples.
class Sum {
public:
    void begin() { sum_ = rest_ = 0; }
    void add(double value) {
        const double next = sum_ + value;
        if (std::isinf(next))
            rest_ = 0;
        else if (std::abs(sum_) >= std::abs(value))
            rest_ += (sum_ - next) + value;
        else
            rest_ += (value - next) + sum_;
        sum_ = next;
    }
    double total() const { return sum_ + rest_; }

private:
    double sum_ = 0, rest_ = 0;
};

void add(Bucket& bucket, Sum& sum, Timestamp at, double value) {
    bucket.ended = is_stale(value);
    if (bucket.ended) return;
    if (bucket.count == 0) {
        bucket.first_at = at;
        bucket.first = bucket.min = bucket.max = value;
        sum.begin();
    } else {
        if (value < bucket.last) bucket.lost += bucket.last;
        if (value < bucket.min || std::isnan(bucket.min)) bucket.min = value;
        if (value > bucket.max || std::isnan(bucket.max)) bucket.max = value;
    }
    sum.add(value);
    bucket.sum = sum.total();
    bucket.count += 1;
    bucket.last_at = at;
    bucket.last = value;
}

}  // namespace

Timestamp bucket_end(Timestamp at, Milliseconds resolution) {
    const std::int64_t width = resolution.count();
    std::int64_t over = at.ms % width;
    if (over < 0) over += width;
    return {over == 0 ? at.ms : at.ms - over + width};
}

void fold(const Column& samples, Milliseconds resolution, Folded& out) {
    out.buckets.clear();
    out.histograms.clear();
    Sum sum;
    const auto bucket_of = [&](Timestamp end) -> Bucket& {
        if (out.buckets.empty() || out.buckets.back().end != end)
            out.buckets.push_back({.begin = end - resolution, .end = end});
        return out.buckets.back();
    };
    for (std::size_t i = 0; i < samples.times.size(); ++i) {
        const Timestamp at = samples.times[i], end = bucket_end(at, resolution);
        const bool is_histogram = i < samples.histograms.size() && samples.histograms[i];
        if (!is_histogram) {
            add(bucket_of(end), sum, at, samples.floats[i]);
        } else if (is_stale(samples.histograms[i]->sum)) {
            bucket_of(end).ended = true;
        } else {
            if (!out.buckets.empty() && out.buckets.back().end == end)
                out.buckets.back().ended = false;
            auto& [times, floats, histograms] = out.histograms;
            if (!times.empty() && bucket_end(times.back(), resolution) == end) {
                times.pop_back();
                floats.pop_back();
                histograms.pop_back();
            }
            out.histograms.add(at, samples.histograms[i]);
        }
    }
}

bool FoldingCursor::next(Column& out) {
    Column samples;
    if (!samples_.next(samples)) return false;
    fold(samples, resolution_, folded_);
    const auto& [times, floats, histograms] = folded_.histograms;
    out = {samples.labels, times, floats, histograms, folded_.buckets};
    return true;
}

}  // namespace vedette::store
