#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/time.h"

namespace vedette::store {

// What is to be cut, put together and thrown away, and when: pure functions of what is there.

/// from <= t < to
struct Stretch {
    Timestamp from, to;
    bool operator==(const Stretch&) const = default;
};

/// The stretch of `range` in which `at` lies; stretches begin at multiples of `range` from 1970.
Stretch stretch_of(Timestamp at, Milliseconds range);

/// What to cut from a head whose samples begin at `first`: the stretch around it, as soon as the
/// newest sample is half a range later, so that what is less late than that is still taken.
///
///     range     ├───────────────┼───────────────┤
///     head           first ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ newest
///     cut       ├───────────────┤
std::optional<Stretch> next_cut(Timestamp first, Timestamp newest, Milliseconds range);

/// How wide blocks become at most: a tenth of what is kept, a month, but never less than `range`.
Milliseconds widest_block(Milliseconds range, Milliseconds retention);

/// A block as the plans see it.
struct BlockExtent {
    Stretch times;
    std::uint64_t bytes = 0;
};

/// Which blocks to make one of because they overlap: the first of them with all that overlap it or
/// one of these. Indexes into `blocks`, which ascend by `from`; empty for none.
std::vector<std::size_t> next_overlap(std::span<const BlockExtent> blocks);

/// Which blocks to make one of: two or more that fill a stretch of three ranges, of nine, and so on
/// up to `widest`, into which nothing more can come because everything before `until` is in blocks.
/// Narrow ones first, then old ones. Indexes into `blocks`, which ascend by `from`; empty for none.
std::vector<std::size_t> next_compaction(std::span<const BlockExtent> blocks, Milliseconds range,
                                         Milliseconds widest, Timestamp until);

/// How many of the oldest blocks are to go: those that ended at or before `oldest`, and those that
/// take more than `bytes_max` (0 for no limit) together with `other_bytes` and all later ones.
std::size_t past_retention(std::span<const BlockExtent> blocks, Timestamp oldest,
                           std::uint64_t bytes_max, std::uint64_t other_bytes);

}  // namespace vedette::store
