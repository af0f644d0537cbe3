#pragma once

#include <span>
#include <vector>

#include "core/series.h"
#include "store/blocks/plan.h"

namespace vedette::store {

// Which roll-ups are made, and which are read: pure functions of what is there.

/// How much time is rolled up at once: a day, or as much as a block that is cut from the head,
/// where samples are kept for less than three days. 0 where they are kept for less than three of
/// those, or buckets do not fit into them: then there are no roll-ups.
Milliseconds rollup_stretch(Milliseconds resolution, Milliseconds block_range,
                            Milliseconds retention);

/// What to roll up next, where everything up to `done` is: the stretch around the first sample
/// after it, as soon as all samples up to its end, that moment included, are in `blocks`, which
/// hold all before `until`.
std::optional<Stretch> next_rollup(std::span<const BlockExtent> blocks, Timestamp until,
                                   Timestamp done, Milliseconds stretch);

/// What to roll up again: all of `times`, in which `blocks` lie; `due` are the stretches whose
/// buckets may have changed.
struct Remake {
    Stretch times;
    std::vector<std::size_t> blocks;  ///< indexes
    std::vector<Stretch> due;
};

/// The first stretch that is due, or as much of it as fits into `width`, with the blocks of roll-ups
/// it touches; whatever else is due in these comes along. Something before `done` is due.
Remake next_remake(std::span<const Stretch> due, std::span<const BlockExtent> blocks,
                   Milliseconds width, Timestamp done);

/// What there is of one resolution: buckets that begin at `from` or later and end by `until`.
struct RollupExtent {
    Milliseconds resolution{0};
    Timestamp from, until;
};

/// From where the samples of a question are read.
struct ReadingPlan {
    struct Piece {
        std::size_t rollup = 0;  ///< which extent
        Window ends;             ///< buckets that end inside
        RolledUp::As as = RolledUp::As::Exact;
    };
    std::vector<Piece> pieces;  ///< from old to new
    Window samples;             ///< after the pieces
};

/// Samples are read where they are: at `samples_from` and later. Before that, roll-ups: the
/// coarsest that give the same answer as samples would, else the finest.
///
///     5m         ├──────────────────────────┤
///     samples                     ├────────────────►
///     plan       ├── 5m ─────────┤├── samples ─────►
///
/// A question about more than limits::rollup_window_min is answered from roll-ups as far as
/// they reach, where that gives the same answer.
ReadingPlan plan_reading(Window window, const Hints& hints, Timestamp samples_from,
                         std::span<const RollupExtent> rollups);

}  // namespace vedette::store
