#include "promql/functions/bucket_windows.h"

#include <cmath>

#include "promql/evaluation/block.h"

namespace vedette::promql {
namespace {

using Id = Function::Id;
using Wanted = Hints::Wanted;

double count_of(const BucketWindow& w) {
    auto count = static_cast<double>(w.samples.values.size());
    for (const Bucket& bucket : w.buckets) count += bucket.count;
    return count;
}

FastSum sum_of(const BucketWindow& w) {
    FastSum sum;
    for (const Bucket& bucket : w.buckets) sum.add(bucket.sum);
    for (const double value : w.samples.values) sum.add(value);
    return sum;
}

double average_of(const BucketWindow& w) {
    const FastSum sum = sum_of(w);
    const double count = count_of(w);
    return std::isfinite(sum.sum) ? sum.sum / count + sum.lost / count : sum.sum / count;
}

template <bool smallest>
double extreme_of(const BucketWindow& w) {
    double out = std::nan("");
    const auto look = [&](double value) {
        if ((smallest ? value < out : value > out) || std::isnan(out)) out = value;
    };
    for (const Bucket& bucket : w.buckets) look(smallest ? bucket.min : bucket.max);
    for (const double value : w.samples.values) look(value);
    return out;
}

std::int64_t rounded(std::int64_t ms, const Bucket& like) {
    const std::int64_t width = (like.end - like.begin).count();
    const std::int64_t over = ms % width;
    return ms - (over < 0 ? over + width : over);
}

/// How much a counter grew from the first to the last sample, or a gauge changed.
class Change {
public:
    explicit Change(bool is_counter) : is_counter_(is_counter) {}

    void add(const Bucket& bucket) {
        next(bucket.first);
        if (is_counter_) lost_ += bucket.lost;
        last_ = bucket.last;
    }
    void add(double value) {
        next(value);
        last_ = value;
    }
    double first() const { return first_; }
    double total() const { return last_ - first_ + lost_; }

private:
    void next(double value) {
        if (!any_) first_ = value;
        if (any_ && is_counter_ && value < last_) lost_ += last_;
        any_ = true;
    }

    bool is_counter_, any_ = false;
    double first_ = 0, last_ = 0, lost_ = 0;
};

double extrapolated(Id id, const BucketWindow& w) {
    const double count = count_of(w);
    if (count < 2) return absent_value();
    Change change(id != Id::Delta);
    for (const Bucket& bucket : w.buckets) change.add(bucket);
    for (const double value : w.samples.values) change.add(value);
    const auto& [times, values, histograms, begin, end, now] = w.samples;
    const Timestamp first_at = w.buckets.empty() ? times.front() : w.buckets.front().first_at;
    const Timestamp last_at = times.empty() ? w.buckets.back().last_at : times.back();
    std::int64_t from = begin, to = end;
    if (!w.buckets.empty()) {
        const Bucket& newest = w.buckets.back();
        from = rounded(begin, w.buckets.front());
        // Where samples come after the buckets they tell of the time up to the end.
        if (times.empty() && end < w.buckets_to + (newest.end - newest.begin).count())
            to = rounded(end, newest);
    }
    const std::int64_t sampled = (last_at - first_at).count();
    if (sampled <= 0 || to <= from) return absent_value();
    const WindowTimes within{first_at.ms - from, to - last_at.ms, sampled, to - from,
                             static_cast<std::size_t>(count)};
    Extrapolation extrapolation(id != Id::Delta, id == Id::Rate);
    const double total = change.total();
    const double found = total * extrapolation.factor(within, change.first(), total);
    if (id == Id::Rate || to - from == end - begin) return found;
    return found * (static_cast<double>(end - begin) / static_cast<double>(to - from));
}

}  // namespace

Wanted wanted_by(Id id) {
    switch (id) {
        case Id::AvgOverTime:
        case Id::CountOverTime:
        case Id::Delta:
        case Id::Increase:
        case Id::MaxOverTime:
        case Id::MinOverTime:
        case Id::Rate:
        case Id::SumOverTime:
            return Wanted::Buckets;
        case Id::AbsentOverTime:
        case Id::LastOverTime:
        case Id::PresentOverTime:
        case Id::TsOfLastOverTime:
            return Wanted::Newest;
        default:
            return Wanted::Samples;
    }
}

double over_buckets(Id id, const BucketWindow& w) {
    switch (id) {
        case Id::AvgOverTime:
            return average_of(w);
        case Id::CountOverTime:
            return count_of(w);
        case Id::MaxOverTime:
            return extreme_of<false>(w);
        case Id::MinOverTime:
            return extreme_of<true>(w);
        case Id::SumOverTime:
            return sum_of(w).total();
        default:
            return extrapolated(id, w);
    }
}

}  // namespace vedette::promql
