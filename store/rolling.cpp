// Roll-ups: made of blocks, and read where there are no samples any more or too many.

#include <algorithm>

#include "core/limits.h"
#include "store/blocks/merge.h"
#include "store/parts.h"
#include "store/rollups/cursor.h"
#include "store/rollups/plan.h"

namespace vedette::store {

BlockKeeper::Settings Store::Parts::keeper_of(const RollupSettings& rollup,
                                              const std::string& folder,
                                              const StoreSettings& settings) {
    const Milliseconds stretch =
        rollup_stretch(rollup.resolution, settings.block_range, settings.retention);
    const Milliseconds range = std::max(stretch, rollup.resolution);
    return {folder + "/rollups/" + format_duration(rollup.resolution), range,
            widest_block(range, rollup.retention), rollup.resolution};
}

Milliseconds Store::Parts::stretch_of_rollup(std::size_t rollup) const {
    const auto& [resolution, retention] = settings.rollups[rollup];
    if (retention == Milliseconds(0)) return Milliseconds(0);
    return rollup_stretch(resolution, settings.block_range, settings.retention);
}

// ── making ──

Result<void> Store::Parts::roll_up() {
    const auto until = std::chrono::steady_clock::now() + limits::rollup_pass_max;
    for (std::size_t i = 0; i < rollups.size(); ++i) {
        auto done = roll_up(i, until);
        if (done) done = remake(i, until);
        if (!done) {
            counters.block_failures.add();
            return done;
        }
    }
    return {};
}

Result<void> Store::Parts::roll_up(std::size_t rollup,
                                   std::chrono::steady_clock::time_point until) {
    const Milliseconds stretch = stretch_of_rollup(rollup);
    if (stretch == Milliseconds(0)) return {};
    do {
        const auto shelf = keeper.shelf();
        // Late samples may still come for what is younger than their window.
        const Milliseconds late = out_of_order_window;
        const Timestamp settled =
            shelf->until == beginning_of_time ? beginning_of_time : shelf->until - late;
        const auto next =
            next_rollup(keeper.extents(), settled, rollups[rollup]->shelf()->until, stretch);
        if (!next) return {};
        const Window window{next->from, next->to};
        std::vector<MergedCursor::Part> parts;
        for (const auto& block : shelf->blocks)
            if (block->about().from <= window.to && block->about().to > window.from)
                parts.push_back({block, block->matching({}, {})});
        MergedCursor samples(std::move(parts), nullptr, window, false, on_corrupt(), {});
        FoldingCursor buckets(samples, settings.rollups[rollup].resolution);
        if (auto added = rollups[rollup]->add_cut(*next, buckets); !added) return added;
        counters.rollups.add();
    } while (std::chrono::steady_clock::now() < until);
    // The rest soon: nothing that waits for it is thrown away meanwhile.
    rollups_wait = true;
    return {};
}

Timestamp Store::Parts::rolled_up_to() const {
    const auto state = rollup_state();
    Timestamp until = end_of_time;
    for (std::size_t i = 0; i < rollups.size(); ++i) {
        if (stretch_of_rollup(i) == Milliseconds(0)) continue;
        until = std::min(until, rollups[i]->shelf()->until);
        const auto& due = state->due_of(rollups[i]->settings().resolution);
        if (!due.empty()) until = std::min(until, due.front().from);
    }
    return until;
}

std::uint64_t Store::Parts::rollup_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& each : rollups) bytes += each->shelf()->bytes();
    return bytes;
}

Result<void> Store::Parts::tend_rollups() {
    constexpr std::uint64_t part_of_disk = 4;
    const std::uint64_t all = settings.retention_bytes;
    const std::uint64_t bytes_max = all == 0 ? 0 : std::max<std::uint64_t>(all / part_of_disk, 1);
    const Timestamp newest = newest_trusted();
    for (std::size_t i = 0; i < rollups.size(); ++i) {
        const Milliseconds retention = settings.rollups[i].retention;
        const bool all_young = newest.ms < beginning_of_time.ms + retention.count();
        const Timestamp oldest = all_young ? beginning_of_time : newest - retention;
        auto retired = rollups[i]->retire(oldest, bytes_max, 0);
        if (!retired) return fail(retired.error());
        counters.blocks_dropped.add(static_cast<double>(*retired));
        for (bool more = true; more;) {
            auto compacted = rollups[i]->compact();
            if (!compacted) return fail(compacted.error());
            more = *compacted;
            if (more) counters.compactions.add();
        }
        for (bool more = true; more;) {
            auto cleaned = rollups[i]->clean_one();
            if (!cleaned) return fail(cleaned.error());
            more = *cleaned;
            if (more) counters.rewritten.add();
        }
    }
    return {};
}

Result<void> Store::Parts::save_all_deletions() {
    for (const auto& rollup : rollups)
        if (auto saved = rollup->save_deletions(); !saved) return saved;
    return keeper.save_deletions();
}

Result<std::size_t> Store::Parts::take_rollups_back(Timestamp newest) {
    std::size_t numbers = 0;
    for (const auto& rollup : rollups) {
        const Milliseconds resolution = rollup->settings().resolution;
        const Timestamp whole = bucket_end(newest + Milliseconds(1), resolution) - resolution;
        auto taken = rollup->take_back(whole - Milliseconds(1));
        if (!taken) return taken;
        numbers += *taken;
    }
    return numbers;
}

// ── reading ──

std::unique_ptr<SeriesCursor> Store::Parts::read_rolled(std::span<const ReadyMatcher> matchers,
                                                        Window window, const Hints& hints,
                                                        const std::stop_token& stop) {
    if (rollup_bytes() == 0) return nullptr;
    std::unique_ptr<SeriesCursor> cursor;
    std::shared_ptr<const Shelf> shelf;
    // Again when blocks came or went meanwhile: what samples cover must be what was planned.
    do {
        cursor.reset();
        shelf = keeper.shelf();
        cursor = read_rolled(matchers, window, hints, stop, *shelf);
    } while (keeper.shelf() != shelf);
    return cursor;
}

std::unique_ptr<SeriesCursor> Store::Parts::read_rolled(std::span<const ReadyMatcher> matchers,
                                                        Window window, const Hints& hints,
                                                        const std::stop_token& stop,
                                                        const Shelf& shelf) {
    using Give = RolledCursor::Give;
    std::vector<std::shared_ptr<const Shelf>> shelves;
    std::vector<RollupExtent> extents;
    const auto state = rollup_state();
    Timestamp samples_from = samples_begin(matchers, window, *state, stop);
    if (shelf.blocks.empty()) samples_from = std::max(samples_from, shelf.until);
    for (const auto& rollup : rollups) {
        const auto& each = shelves.emplace_back(rollup->shelf());
        const Timestamp from =
            each->blocks.empty() ? each->until : each->blocks.front()->about().from;
        extents.push_back({rollup->settings().resolution, from, each->until});
        if (shelf.blocks.empty()) samples_from = std::max(samples_from, each->until);
    }
    // What is not made again yet is read from samples, where they are.
    if (state->is_due(window))
        for (RollupExtent& each : extents)
            each.until = std::min(
                each.until, bucket_end(samples_from - Milliseconds(1), each.resolution));
    const ReadingPlan plan = plan_reading(window, hints, samples_from, extents);
    std::vector<RolledCursor::Part> parts;
    for (const auto& [rollup, ends, as] : plan.pieces)
        for (const auto& block : shelves[rollup]->blocks) {
            const auto& about = block->about();
            if (about.from >= ends.to || about.to <= ends.from) continue;
            auto series = block->matching(matchers, stop);
            if (!series.empty()) parts.push_back({block, std::move(series), ends, as});
        }
    if (parts.empty()) return nullptr;
    const bool buckets =
        hints.wanted == Hints::Wanted::Buckets && parts.front().as != RolledUp::As::Newest;
    auto samples = plan.samples.from < plan.samples.to
                       ? read(matchers, plan.samples, hints.latest_only, stop)
                       : nullptr;
    return std::make_unique<RolledCursor>(
        std::move(parts), std::move(samples), buckets ? Give::Buckets : Give::Samples,
        columns_for(buckets ? hints.function : ""), on_corrupt(), stop);
}

std::vector<std::shared_ptr<const Shelf>> Store::Parts::shelves_of(Window window) const {
    std::vector<std::shared_ptr<const Shelf>> out{keeper.shelf()};
    const auto state = rollup_state();
    const bool whole = std::ranges::all_of(state->classes, [&](const RollupState::Class& each) {
        return each.whole_from <= window.from + Milliseconds(1);
    });
    if (whole && !out.front()->blocks.empty()) return out;
    for (const auto& rollup : rollups) out.push_back(rollup->shelf());
    return out;
}

}  // namespace vedette::store
