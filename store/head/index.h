#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/labels.h"
#include "core/series_finder.h"
#include "store/matching.h"

namespace vedette::store {

/// Where a series stands in the head: an index into its table of series.
using Slot = std::uint32_t;
inline constexpr Slot no_slot = 0xffffffff;

/// Ascending slots of the series that have one label value. One or two need no heap.
class Postings {
public:
    Postings() = default;
    Postings(Postings&& other) noexcept { swap(other); }
    Postings& operator=(Postings&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Postings();

    void add(Slot slot);
    std::span<const Slot> slots() const { return {capacity_ > inline_max ? many_ : few_, size_}; }
    std::size_t heap_bytes() const { return capacity_ > inline_max ? capacity_ * sizeof(Slot) : 0; }

private:
    static constexpr std::uint32_t inline_max = 2;
    void swap(Postings& other) noexcept;

    std::uint32_t size_ = 0, capacity_ = inline_max;
    union {
        Slot few_[inline_max] = {};
        Slot* many_;
    };
};

/// Which series there are, and which of them satisfy matchers: name → value → postings.
///
///   name "job" ─► values: [ "api" │ slots 0 2 5 ][ "db" │ slots 1 ] …   found by an open hash
///   table
///
/// Values are not copied: they point into the labels of the first series that had them, which the
/// index keeps. That is why taking series away builds the postings anew: it happens once in a
/// retention pass, and series come much more often than they go.
///
/// Invariants: (I1) postings ascend; (I2) `find` and the postings know exactly the series in the
/// table; (I3) a slot that was freed is given again only under another epoch.
/// Not safe to share between threads.
class Index {
public:
    Index();

    std::optional<Slot> find(const Labels& labels) const;
    /// Many at once, so that memory is waited for once and not for each: the slots of those before
    /// the first that is not there. `found` has room for all.
    std::size_t find(std::span<const SeriesFinder::Key> keys, Slot* found) const;
    /// Adds a series that is not there yet, into the lowest free slot or a new one.
    Slot add(const Labels& labels);
    /// Puts a series back where a log says it stood. False when the slot is taken by other labels,
    /// or the labels stand in another slot.
    bool restore(Slot slot, std::uint32_t epoch, const Labels& labels);
    /// Forgets these series; ascending.
    void remove(std::span<const Slot> slots);

    /// Counts up each time a slot is freed, so that (slot, epoch) is never the same series twice.
    std::uint32_t epoch(Slot slot) const { return epochs_[slot]; }
    bool holds(Slot slot, std::uint32_t epoch) const {
        return slot < labels_.size() && epochs_[slot] == epoch && !labels_[slot].empty();
    }
    const Labels& labels(Slot slot) const { return labels_[slot]; }
    /// One past the highest slot ever used.
    Slot slot_end() const { return static_cast<Slot>(labels_.size()); }
    std::size_t size() const { return size_; }
    /// How many series have this job, or none at all when it is empty.
    std::size_t series_of_job(std::string_view job) const;
    /// Those without one count as one.
    std::size_t jobs() const;
    /// Labels, tables and postings, about.
    std::size_t heap_bytes() const;

    /// Slots of the series that satisfy all matchers, ascending. Returns early, with part of them,
    /// when stop is requested.
    std::vector<Slot> matching(std::span<const ReadyMatcher> matchers, std::stop_token stop) const;
    /// What `matching` looked at: as long as that is the same, so is what it answered.
    struct Watch {
        std::uint64_t additions = 0, removals = 0;
        /// The shortest list of those with a value that all must have; every one of them stands
        /// there. Null when there is none. Valid until a series is taken away.
        const Postings* list = nullptr;
        std::size_t listed = 0;
    };
    Watch watch(std::span<const ReadyMatcher> matchers) const;
    /// Notes in `watch` what came meanwhile and does not matter.
    bool is_same(Watch& watch) const;
    /// Puts slots into the order of their labels.
    void sort_by_labels(std::vector<Slot>& slots);

    /// Every label name that occurs, sorted.
    std::vector<std::string> names() const;
    /// Every value of the label that occurs, sorted.
    std::vector<std::string> values(std::string_view name) const;
    /// Tells of every label name its values and how many series have each.
    template <typename Each>
    void each_value(Each each) const {
        for (const auto& [name, values] : names_)
            for (const Value& value : values.all)
                each(std::string_view(name), value.text, value.postings.slots().size());
    }

    /// The same of one name.
    template <typename Each>
    void each_value_of(std::string_view label, Each each) const {
        const auto name = names_.find(label);
        if (name == names_.end()) return;
        for (const Value& value : name->second.all)
            each(value.text, value.postings.slots().size());
    }

private:
    struct Value {
        std::string_view text;
        Postings postings;
    };
    struct Values {
        std::deque<Value> all;
        std::vector<std::uint32_t> table;  // of indexes into `all`, no_slot where empty

        const Value* find(std::string_view text) const;
        Value& find_or_add(std::string_view text);
        void grow();
    };

    void put(Slot slot, const Labels& labels);
    void post(Slot slot);
    void grow_table();
    void refresh_order();
    std::vector<Slot> first_candidates(std::span<const ReadyMatcher> matchers,
                                       std::vector<const ReadyMatcher*>& rest,
                                       std::stop_token stop) const;
    std::vector<Slot> everything() const;
    std::vector<Slot> union_of(const Values& values, const ReadyMatcher& matcher,
                               std::stop_token stop) const;
    void filter(std::vector<Slot>& slots, const ReadyMatcher& matcher, std::stop_token stop) const;

    std::vector<Labels> labels_;         // by slot; empty labels in a free one
    std::vector<std::uint32_t> epochs_;  // by slot
    std::vector<Slot> free_;             // descending
    std::vector<Slot> table_;            // labels → slot, open hash, no_slot where empty
    std::map<std::string, Values, std::less<>> names_;
    std::size_t size_ = 0;
    std::size_t label_bytes_ = 0;
    // Counted from 1, so that a watch of nothing is never the same.
    std::uint64_t additions_ = 1, removals_ = 1;
    std::size_t jobless_ = 0;  // series without the label `job`

    std::vector<Slot> order_;          // slots in label order, but for `fresh_`
    std::vector<std::uint32_t> rank_;  // slot → its place in `order_`
    std::vector<Slot> fresh_;          // added since `order_` was made
};

}  // namespace vedette::store
