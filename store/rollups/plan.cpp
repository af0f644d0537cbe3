#include "store/rollups/plan.h"

#include <algorithm>

#include "core/limits.h"
#include "store/rollups/fold.h"

namespace vedette::store {
namespace {

using As = RolledUp::As;
using Wanted = Hints::Wanted;

constexpr Milliseconds day = std::chrono::hours(24);
constexpr int stretches_kept = 3;

bool is_multiple(std::int64_t number, Milliseconds of) {
    return number % of.count() == 0;
}

/// Whether each step and each beginning of a range is the end of a bucket.
bool meets(Window window, const Hints& hints, Milliseconds resolution) {
    return is_multiple(window.to.ms, resolution) && is_multiple(hints.step.count(), resolution) &&
           (hints.wanted == Wanted::Newest || is_multiple(hints.range.count(), resolution));
}

struct Candidate {
    std::size_t rollup = 0;
    As as = As::Exact;
};

As answers(Window window, const Hints& hints, Milliseconds resolution) {
    if (hints.wanted == Wanted::Samples) return As::Newest;
    if (meets(window, hints, resolution)) return As::Exact;
    return hints.wanted == Wanted::Buckets && hints.range < resolution ? As::Newest : As::Rounded;
}

/// What could answer, the best first.
std::vector<Candidate> candidates(Window window, const Hints& hints,
                                  std::span<const RollupExtent> rollups) {
    std::vector<Candidate> out;
    for (std::size_t i = 0; i < rollups.size(); ++i)
        if (rollups[i].from < rollups[i].until && rollups[i].from < window.to)
            out.push_back({i, answers(window, hints, rollups[i].resolution)});
    std::sort(out.begin(), out.end(), [&](const Candidate& a, const Candidate& b) {
        if (a.as != b.as) return a.as < b.as;
        const auto of_a = rollups[a.rollup].resolution, of_b = rollups[b.rollup].resolution;
        return a.as == As::Exact ? of_a > of_b : of_a < of_b;
    });
    // Newest samples beside buckets would make newest samples of all.
    if (hints.wanted == Wanted::Buckets && !out.empty() && out.front().as != As::Newest)
        std::erase_if(out, [](const Candidate& each) { return each.as == As::Newest; });
    return out;
}

}  // namespace

Milliseconds rollup_stretch(Milliseconds resolution, Milliseconds block_range,
                            Milliseconds retention) {
    if (retention >= stretches_kept * day && day >= block_range) return day;
    const bool fits = is_multiple(block_range.count(), resolution);
    return fits && retention >= stretches_kept * block_range ? block_range : Milliseconds(0);
}

std::optional<Stretch> next_rollup(std::span<const BlockExtent> blocks, Timestamp until,
                                   Timestamp done, Milliseconds stretch) {
    for (const BlockExtent& block : blocks) {
        if (block.times.to <= done) continue;
        // A sample at the very beginning of a stretch is the last one of the bucket before.
        const Timestamp first = std::max(done, block.times.from - Milliseconds(1));
        Stretch next = stretch_of(first, stretch);
        if (next.to >= until) return std::nullopt;
        next.from = std::max(next.from, done);
        return next;
    }
    return std::nullopt;
}

Remake next_remake(std::span<const Stretch> due, std::span<const BlockExtent> blocks,
                   Milliseconds width, Timestamp done) {
    Remake out;
    const Timestamp first = due.front().from;
    out.times = {first, std::min({stretch_of(first, width).to, due.front().to, done})};
    const Stretch touched = out.times;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const Stretch& block = blocks[i].times;
        if (block.from >= touched.to || block.to <= touched.from) continue;
        out.blocks.push_back(i);
        out.times = {std::min(out.times.from, block.from), std::max(out.times.to, block.to)};
    }
    for (const Stretch& each : due) {
        const Stretch inside{std::max(each.from, out.times.from),
                             std::min(each.to, out.times.to)};
        if (inside.from < inside.to) out.due.push_back(inside);
    }
    return out;
}

ReadingPlan plan_reading(Window window, const Hints& hints, Timestamp samples_from,
                         std::span<const RollupExtent> rollups) {
    ReadingPlan plan;
    plan.samples = window;
    // Who copies samples is not to take others for them.
    if (hints.range == Milliseconds(0)) return plan;
    const Timestamp before_samples = samples_from - Milliseconds(1);  // samples are after it
    const bool is_long = window.from < window.to - Milliseconds(limits::rollup_window_min);
    if (!is_long && window.from >= before_samples) return plan;
    Timestamp seam = window.to;  // pieces are before it
    bool first = true;
    for (const auto& [rollup, as] : candidates(window, hints, rollups)) {
        const auto& [resolution, from, until] = rollups[rollup];
        Timestamp end = std::min(until, seam);
        if (first && !(is_long && as == As::Exact))
            end = std::min(end, bucket_end(before_samples, resolution));
        end = bucket_end(end + Milliseconds(1), resolution) - resolution;
        Timestamp begin = std::max(from, window.from);
        // At some steps the newest sample is from before the last whole bucket.
        if (as == As::Rounded && hints.wanted == Wanted::Newest)
            begin = std::max(from, window.from - resolution);
        if (begin >= end) continue;
        plan.pieces.insert(plan.pieces.begin(), {rollup, {begin, end}, as});
        if (first) plan.samples.from = std::max(window.from, end);
        first = false;
        seam = from;
    }
    return plan;
}

}  // namespace vedette::store
