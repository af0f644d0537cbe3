#include "store/rollups/columns.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>

namespace vedette::store {
namespace {

using C = RollupColumn;

constexpr std::array in_order{C::Count, C::FirstAt, C::LastAt, C::Last, C::First,
                              C::Min,   C::Max,     C::Sum,    C::Lost, C::Ended};

double after_begin(Timestamp at, const Bucket& bucket) {
    return bucket.count == 0 ? 0 : static_cast<double>((at - bucket.begin).count());
}

Timestamp from_begin(double after, const Bucket& bucket) {
    // Whatever the bytes say, a time lies in its bucket.
    const auto width = static_cast<double>((bucket.end - bucket.begin).count());
    const double inside = after > 1 ? std::min(after, width) : 1;
    return bucket.begin + Milliseconds(static_cast<std::int64_t>(inside));
}

double number_of(C column, const Bucket& bucket) {
    switch (column) {
        case C::Count:
            return bucket.count;
        case C::FirstAt:
            return after_begin(bucket.first_at, bucket);
        case C::LastAt:
            return after_begin(bucket.last_at, bucket);
        case C::Last:
            return bucket.last;
        case C::First:
            return bucket.first;
        case C::Min:
            return bucket.min;
        case C::Max:
            return bucket.max;
        case C::Sum:
            return bucket.sum;
        case C::Lost:
            return bucket.lost;
        case C::Ended:
            return bucket.ended ? 1 : 0;
        case C::Histogram:
            break;
    }
    return 0;
}

void set_number(C column, double value, Bucket& bucket) {
    switch (column) {
        case C::Count:
            bucket.count = value;
            return;
        case C::FirstAt:
            bucket.first_at = from_begin(value, bucket);
            return;
        case C::LastAt:
            bucket.last_at = from_begin(value, bucket);
            return;
        case C::Last:
            bucket.last = value;
            return;
        case C::First:
            bucket.first = value;
            return;
        case C::Min:
            bucket.min = value;
            return;
        case C::Max:
            bucket.max = value;
            return;
        case C::Sum:
            bucket.sum = value;
            return;
        case C::Lost:
            bucket.lost = value;
            return;
        case C::Ended:
            bucket.ended = value != 0;
            return;
        case C::Histogram:
            return;
    }
}

/// What a column says where it was left out.
double implied(C column, const Bucket& bucket) {
    switch (column) {
        case C::LastAt:
            return after_begin(bucket.first_at, bucket);
        case C::First:
        case C::Max:
            return bucket.last;
        case C::Min:
            return bucket.first;
        case C::Sum:
            return bucket.last * bucket.count;
        default:
            return 0;
    }
}

bool is_implied(C column, std::span<const Bucket> buckets) {
    if (column <= C::FirstAt || column == C::Last) return false;
    return std::ranges::all_of(buckets, [&](const Bucket& bucket) {
        return std::bit_cast<std::uint64_t>(number_of(column, bucket)) ==
               std::bit_cast<std::uint64_t>(implied(column, bucket));
    });
}

/// The columns that say what is said of one, when it was left out.
RollupColumns with_implying(RollupColumns wanted) {
    wanted.add(C::Count);
    if (wanted.has(C::LastAt)) wanted.add(C::FirstAt);
    if (wanted.has(C::Min)) wanted.add(C::First);
    if (wanted.has(C::First) || wanted.has(C::Max) || wanted.has(C::Sum)) wanted.add(C::Last);
    return wanted;
}

}  // namespace

RollupColumns columns_for(std::string_view function) {
    constexpr RollupColumns newest{C::LastAt, C::Last, C::Ended, C::Histogram};
    constexpr RollupColumns change{C::FirstAt, C::LastAt, C::First, C::Last, C::Lost, C::Histogram};
    static const std::map<std::string_view, RollupColumns, std::less<>> known{
        {"", newest},
        {"absent_over_time", newest},
        {"avg_over_time", {C::Sum, C::Histogram}},
        {"count_over_time", {C::Histogram}},
        {"delta", change},
        {"increase", change},
        {"last_over_time", newest},
        {"max_over_time", {C::Max, C::Histogram}},
        {"min_over_time", {C::Min, C::Histogram}},
        {"present_over_time", newest},
        {"rate", change},
        {"sum_over_time", {C::Sum, C::Histogram}},
        {"ts_of_last_over_time", newest},
    };
    const auto found = known.find(function);
    return found == known.end() ? RollupColumns::all() : found->second;
}

void add_rolled(const Column& rolled, CodedChunks& out) {
    Samples column;
    for (const C each : in_order) {
        if (rolled.buckets.empty() || is_implied(each, rolled.buckets)) continue;
        column.clear();
        for (const Bucket& bucket : rolled.buckets)
            column.add(bucket.begin, number_of(each, bucket));
        out.add({rolled.labels, column.times, column.floats, {}, {}},
                static_cast<std::uint8_t>(each));
    }
    if (!rolled.times.empty())
        out.add({rolled.labels, rolled.times, rolled.floats, rolled.histograms, {}},
                static_cast<std::uint8_t>(C::Histogram));
}

/// False when there is no such column.
bool RollupReader::decode_column(const StoredSeries& series, RollupColumn column, Window begins) {
    samples_.clear();
    bool any = false;
    for (const StoredChunk& chunk : series.chunks) {
        if (chunk.column != static_cast<std::uint8_t>(column)) continue;
        any = true;
        if (chunk.view.last_ms <= begins.from.ms || chunk.view.first_ms > begins.to.ms) continue;
        if (auto decoded = decode(chunk, begins, series.deleted, samples_); !decoded)
            on_corrupt_(series.labels, decoded.error());
    }
    return any;
}

/// Puts the decoded column into the buckets, and removes those it says nothing of.
void RollupReader::join(RollupColumn column, std::vector<Bucket>& buckets, std::size_t begin) {
    std::size_t at = 0, kept = begin;
    for (std::size_t i = begin; i < buckets.size(); ++i) {
        const Timestamp time = buckets[i].begin;
        while (at < samples_.times.size() && samples_.times[at] < time) ++at;
        if (at == samples_.times.size() || samples_.times[at] != time) continue;
        buckets[kept] = buckets[i];
        set_number(column, samples_.floats[at], buckets[kept]);
        ++kept;
    }
    buckets.resize(kept);
}

void RollupReader::read(const StoredSeries& series, Milliseconds resolution, Window ends,
                        Folded& out) {
    const Window begins{ends.from - resolution, ends.to - resolution};
    const RollupColumns wanted = with_implying(wanted_);
    const std::size_t begin = out.buckets.size();
    for (const C column : in_order) {
        if (!wanted.has(column)) continue;
        const bool any = decode_column(series, column, begins);
        if (column == C::Count) {
            for (std::size_t i = 0; i < samples_.times.size(); ++i) {
                const Timestamp at = samples_.times[i];
                out.buckets.push_back({.begin = at, .end = at + resolution});
                out.buckets.back().count = samples_.floats[i];
            }
        } else if (any) {
            join(column, out.buckets, begin);
        } else {
            for (std::size_t i = begin; i < out.buckets.size(); ++i)
                set_number(column, implied(column, out.buckets[i]), out.buckets[i]);
        }
    }
    if (!wanted.has(C::Histogram)) return;
    const auto end_before = [&](Timestamp at) {
        return bucket_end(at + Milliseconds(1), resolution) - resolution;
    };
    const Window times{end_before(ends.from), end_before(ends.to)};
    const auto is_deleted = [&](Timestamp at) {
        const Timestamp at_begin = bucket_end(at, resolution) - resolution;
        return std::ranges::any_of(series.deleted,
                                   [&](const Window& each) { return each.holds(at_begin); });
    };
    for (const StoredChunk& chunk : series.chunks) {
        if (chunk.column != static_cast<std::uint8_t>(C::Histogram)) continue;
        samples_.clear();
        if (auto decoded = decode(chunk, times, samples_); !decoded)
            on_corrupt_(series.labels, decoded.error());
        for (std::size_t i = 0; i < samples_.times.size(); ++i)
            if (i < samples_.histograms.size() && samples_.histograms[i] &&
                !is_deleted(samples_.times[i]))
                out.histograms.add(samples_.times[i], samples_.histograms[i]);
    }
}

}  // namespace vedette::store
