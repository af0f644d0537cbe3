// Roll-ups of a time that samples were put into, or taken from, after it was rolled up.

#include <algorithm>

#include "store/parts.h"
#include "store/rollups/cursor.h"
#include "store/rollups/plan.h"
#include "store/rollups/remake.h"

namespace vedette::store {
namespace {

/// The bucket that holds the moment after `at`, unless it begins there.
std::optional<Stretch> cut_bucket(Timestamp at, Milliseconds resolution) {
    constexpr std::int64_t far = std::int64_t{1} << 60;
    if (at.ms < -far || at.ms > far) return std::nullopt;
    const Timestamp end = bucket_end(at, resolution);
    if (end == at) return std::nullopt;
    return Stretch{end - resolution, end};
}

}  // namespace

// ── what is known of it ──

std::shared_ptr<const RollupState> Store::Parts::rollup_state() const {
    const Lock lock_(rollup_state_mutex);
    return rollup_state_;
}

void Store::Parts::publish(RollupState state) {
    const Lock lock_(rollup_state_mutex);
    rollup_state_ = std::make_shared<const RollupState>(std::move(state));
}

Result<void> Store::Parts::save(RollupState state) {
    if (state == *rollup_state()) return {};
    auto saved = files.write_atomically(rollup_state_path(), write_rollup_state(state));
    if (saved) publish(std::move(state));
    return saved;
}

// A start knows what was thrown away from the first block too, where this file was lost.
Result<void> Store::Parts::load_rollup_state() {
    RollupState state;
    const auto shelf = keeper.shelf();
    const bool any = !shelf->blocks.empty();
    const Timestamp first = any ? shelf->blocks.front()->about().from : beginning_of_time;
    if (files.exists(rollup_state_path())) {
        auto mapped = files.map(rollup_state_path());
        if (!mapped) return fail(mapped.error());
        auto read = read_rollup_state((*mapped)->bytes());
        if (read) state = std::move(*read);
        if (!read) {
            recovery.lose({rollup_state_path(), 0, 0,
                           read.error().message + "; all samples are rolled up again"});
            for (const auto& rollup : rollups)
                if (any && rollup->shelf()->until > first)
                    mark_due(state, *rollup, {first, rollup->shelf()->until});
        }
    }
    std::vector<std::string> classes;
    for (const RetentionClass& each : settings.retention_classes) classes.push_back(each.text);
    state.set_classes(std::move(classes));
    if (any) state.throw_away(first);
    publish(std::move(state));
    return {};
}

void Store::Parts::note_thrown_away(Timestamp until) {
    RollupState state = *rollup_state();
    state.throw_away(until);
    note(std::move(state));
}

void Store::Parts::note_thrown_away(const std::vector<bool>& classes, Timestamp until) {
    RollupState state = *rollup_state();
    for (std::size_t i = 0; i < classes.size(); ++i)
        if (classes[i]) state.throw_away(i, until);
    note(std::move(state));
}

/// What cannot be saved is true all the same: nothing waits for a full disk that makes room.
void Store::Parts::note(RollupState state) {
    if (save(state)) return;
    counters.block_failures.add();
    publish(std::move(state));
}

// ── what is due ──

/// Of a roll-up only what is made already can be due.
void Store::Parts::mark_due(RollupState& state, const BlockKeeper& rollup, Stretch stretch) const {
    const Milliseconds resolution = rollup.settings().resolution;
    // A sample at the very beginning is the last one of the bucket before.
    const Stretch first = stretch_of(stretch.from - Milliseconds(1), resolution);
    const Stretch last = stretch_of(stretch.to - Milliseconds(1), resolution);
    const Stretch due{first.from, std::min(last.to, rollup.shelf()->until)};
    if (due.from < due.to) state.add_due(resolution, due);
}

Result<void> Store::Parts::samples_come(Stretch stretch) {
    RollupState state = *rollup_state();
    for (std::size_t i = 0; i < rollups.size(); ++i)
        if (stretch_of_rollup(i) > Milliseconds(0)) mark_due(state, *rollups[i], stretch);
    return save(std::move(state));
}

/// A bucket of which only a part is deleted is made again of what is left.
Result<void> Store::Parts::samples_go(Window window) {
    RollupState state = *rollup_state();
    for (std::size_t i = 0; i < rollups.size(); ++i) {
        if (stretch_of_rollup(i) == Milliseconds(0)) continue;
        const Milliseconds resolution = rollups[i]->settings().resolution;
        for (const Timestamp edge : {window.from, window.to})
            if (const auto bucket = cut_bucket(edge, resolution);
                bucket && bucket->from < rollups[i]->shelf()->until)
                state.add_due(resolution, *bucket);
    }
    return save(std::move(state));
}

// ── making again ──

Result<void> Store::Parts::remake(std::size_t rollup,
                                  std::chrono::steady_clock::time_point until) {
    BlockKeeper& made = *rollups[rollup];
    const Milliseconds resolution = made.settings().resolution;
    while (true) {
        const auto state = rollup_state();
        const auto& due = state->due_of(resolution);
        if (due.empty()) return {};
        const Timestamp end = made.shelf()->until;
        Stretch next{due.front().from, end_of_time};  // what is not made yet is not due
        if (due.front().from < end) {
            if (std::chrono::steady_clock::now() >= until) {
                rollups_wait = true;
                return {};
            }
            auto done = remake_some(made, *state, next);
            if (!done) return done;
        }
        RollupState after = *state;
        after.done(resolution, next);
        if (auto saved = save(std::move(after)); !saved) return saved;
    }
}

Result<void> Store::Parts::remake_some(BlockKeeper& made, const RollupState& state,
                                       Stretch& times) {
    const Milliseconds resolution = made.settings().resolution;
    const auto shelf = made.shelf();
    const Remake plan = next_remake(state.due_of(resolution), made.extents(),
                                    made.settings().range, shelf->until);
    times = plan.times;
    std::vector<std::shared_ptr<const Block>> old;
    for (const std::size_t i : plan.blocks) old.push_back(shelf->blocks[i]);
    const Window window{plan.due.front().from, plan.due.back().to};
    std::vector<MergedCursor::Part> parts;
    for (const auto& block : keeper.shelf()->blocks)
        if (block->about().from <= window.to && block->about().to > window.from)
            parts.push_back({block, block->matching({}, {})});
    MergedCursor samples(std::move(parts), nullptr, window, false, on_corrupt(), {});
    FoldingCursor again(samples, resolution);
    const auto there = made.read_all(old);
    RemadeCursor remade(*there, again, plan.due, resolution, [&](const Labels& labels) {
        return state.classes[retention->class_of(labels)].whole_from;
    });
    if (auto replaced = made.replace(old, times, remade); !replaced) return replaced;
    counters.remade.add();
    return {};
}

// ── from when on a question finds samples ──

/// Of the series that are asked for: where the samples of one class begin later than those of
/// another the later of them counts, as roll-ups know both.
Timestamp Store::Parts::samples_begin(std::span<const ReadyMatcher> matchers, Window window,
                                      const RollupState& state, const std::stop_token& stop) const {
    constexpr Timestamp long_ago{-(std::int64_t{1} << 60)};  // may be calculated with
    const auto& classes = state.classes;
    Timestamp begin = classes.front().whole_from, latest = begin;
    for (const auto& each : classes) {
        begin = std::min(begin, each.whole_from);
        latest = std::max(latest, each.whole_from);
    }
    if (begin == latest || latest <= window.from) return std::max(latest, long_ago);
    for (const auto& rollup : rollups)
        for (const auto& block : rollup->shelf()->blocks) {
            const auto& about = block->about();
            if (about.from >= window.to || about.to <= window.from) continue;
            const auto asked = block->matching(matchers, stop);
            for (std::size_t i = 0; i < classes.size(); ++i) {
                if (classes[i].whole_from <= begin || begin >= window.to) continue;
                std::vector<bool> gone(classes.size());
                gone[i] = true;
                const auto others = retention->kept(*block, gone);
                if (!std::ranges::includes(others, asked)) begin = classes[i].whole_from;
            }
        }
    return std::max(begin, long_ago);
}

}  // namespace vedette::store
