#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/sample.h"
#include "core/time.h"
#include "store/head/index.h"

namespace vedette::store {

/// Samples that came when their series had newer ones already, or when blocks held their time:
/// beside the chunks, which can only grow at their end.
///
///     append ─► fresh ─► settled ─► a block          settle: what is before the end of the blocks
///                  └────────┴─► readers               goes to a block of its own, and stays here
///                                                     until nobody reads without that block
///
/// Invariants: (L1) samples of a series ascend in time, in `fresh` and in `settled`, and none is in
/// both; (L2) of two samples at one time the first one is kept. Not safe to share between threads.
class LateSamples {
public:
    /// False, and nothing changed, when a sample of its time is here.
    bool add(Slot slot, const Sample& sample);
    bool holds(Slot slot, Timestamp at) const;
    bool holds_any(Slot slot) const { return series_.contains(slot); }
    bool overlaps(Slot slot, Window window) const;
    std::optional<Sample> latest(Slot slot) const;
    /// Appends the series' samples inside the window, ascending.
    void copy(Slot slot, Window window, std::vector<Sample>& out) const;

    bool empty() const { return series_.empty(); }
    std::size_t count() const;
    /// What it takes in memory, about.
    std::size_t heap_bytes() const { return heap_bytes_; }

    /// Whether there is a sample before `end` that has not settled.
    bool any_fresh_before(Timestamp end) const;
    /// Settles what is before `end`.
    void settle(Timestamp end);
    /// Everything that has settled, by slot.
    std::vector<std::pair<Slot, std::vector<Sample>>> settled() const;
    void forget_settled();

    void forget(Slot slot);
    /// Drops samples of the window, of one series; returns how many.
    std::size_t erase(Slot slot, Window window);
    /// Drops samples before `oldest`, or later than `newest`, of all series.
    void drop_before(Timestamp oldest);
    std::size_t drop_after(Timestamp newest);

private:
    struct Series {
        std::vector<Sample> fresh, settled;
    };
    static std::size_t erase(Series& series, Window window);
    static std::size_t bytes_of(const Series& series);
    void tidy();

    std::map<Slot, Series> series_;  // none without samples
    std::size_t heap_bytes_ = 0;
};

}  // namespace vedette::store
