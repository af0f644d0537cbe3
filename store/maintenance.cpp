#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/limits.h"
#include "core/shedding_limits.h"
#include "store/log/checkpoint.h"
#include "store/log/commit.h"
#include "store/log/records.h"
#include "store/parts.h"

// What a store does by itself: it counts, syncs, cuts blocks from the head and puts them together,
// drops what is past retention or from a future that was taken back, and writes checkpoints.

namespace vedette::store {
namespace {

constexpr auto maintain_every_max = std::chrono::minutes(1);
constexpr Slot slots_a_bite = 256;  // so many series are looked at while the head is held

}  // namespace

// Age is counted from the newest sample, so that an empty store takes samples of any age; but not
// from one whose clock is ahead, or a single wrong sample would age all others.
Timestamp Store::Parts::newest_trusted() {
    const Lock lock_(memory.head_mutex);
    return std::min(memory.head.newest(), clock.now());
}

Timestamp Store::Parts::oldest_kept() {
    const Timestamp newest = newest_trusted();
    const Milliseconds longest = retention->longest();
    if (newest.ms < beginning_of_time.ms + longest.count()) return beginning_of_time;
    return newest - longest;
}

Floor Store::Parts::floor() {
    const Milliseconds window = out_of_order_window;
    const Timestamp kept = oldest_kept();
    Floor floor{std::max(kept, refused_before.load()), {}};
    if (window == Milliseconds(0)) return floor;
    const Timestamp newest = newest_trusted();
    const bool all = newest.ms < beginning_of_time.ms + window.count();
    floor.late = all ? kept : std::max(kept, newest - window);
    return floor;
}

void Store::Parts::count(const CommitCounts& counts) {
    counters.floats.add(static_cast<double>(counts.floats));
    counters.histograms.add(static_cast<double>(counts.histograms));
    if (counts.late > 0) counters.late.add(static_cast<double>(counts.late));
    if (counts.out_of_order > 0)
        counters.out_of_order.add(static_cast<double>(counts.out_of_order));
    if (counts.duplicate > 0) counters.duplicate.add(static_cast<double>(counts.duplicate));
    if (counts.too_old > 0) counters.too_old.add(static_cast<double>(counts.too_old));
    if (counts.exemplars > 0) counters.exemplars.add(static_cast<double>(counts.exemplars));
    if (counts.exemplars_out_of_order > 0)
        counters.exemplars_out_of_order.add(static_cast<double>(counts.exemplars_out_of_order));
    if (counts.exemplars_too_long > 0)
        counters.exemplars_too_long.add(static_cast<double>(counts.exemplars_too_long));
    if (counts.exemplars_shed > 0)
        counters.exemplars_shed.add(static_cast<double>(counts.exemplars_shed));
    if (counts.log_failed) counters.log_failures.add();
    if (counts.unlogged != 0) {
        counters.unlogged.add(static_cast<double>(counts.unlogged));
        log.warn("samples are in memory only", {{"reason", counts.log_error}});
    }
    counters.commits.add();
    counters.log_bytes.add(static_cast<double>(counts.log_bytes));
    log_bytes += counts.log_bytes;
    // Samples out of order may be the first ones after the clock was set back: `drop_future`.
    if (counts.log_bytes == 0 && !counts.log_failed && counts.out_of_order == 0) return;
    unsynced_bytes += counts.log_bytes;
    wants_sync(unsynced_bytes > limits::wal_unsynced_bytes);
}

/// Tells the store's thread that something is to be brought to the disk; wakes it when it rests.
void Store::Parts::wants_sync(bool at_once) {
    {
        const Lock lock_(sleep_mutex);
        const bool wakes = resting || (at_once && !hurry);
        unsynced = true;
        hurry |= at_once;
        if (!wakes) return;
        resting = false;
    }
    wake.notify_one();
}

Result<void> Store::Parts::sync() {
    if (!wal->dirty()) return {};
    auto synced = wal->sync();
    counters.syncs.add();
    if (!synced) {
        counters.sync_failures.add();
        // The kernel may have forgotten what it could not write and say "fine" the next time;
        // memory has not, so it is written anew.
        checkpoint_wanted = true;
        if (!sync_failing.exchange(true))
            log.error("the log cannot be synced", {{"error", synced.error().message}});
    } else if (sync_failing.exchange(false)) {
        log.info("the log is synced again");
    }
    return synced;
}

// Each step is tried, whatever became of the one before: a disk that is too full for a block may
// have room again after retention.
Result<void> Store::Parts::tidy(bool checkpoint) {
    Result<void> first;
    const auto note = [&](Result<void> done) {
        if (!done && first) first = std::move(done);
    };
    note(cut());
    note(put_late_away());
    note(drop_old());
    const bool forgotten = keeper.forgettable() > log_begins;
    if (checkpoint || checkpoint_wanted || forgotten) note(write_checkpoint_now());
    note(tend_blocks());
    return first;
}

std::optional<Timestamp> Store::Parts::first_sample_from(Timestamp from) {
    std::optional<Timestamp> first;
    for (Slot slot = 0, end = slots_a_bite; end > 0; slot = end) {
        const Lock lock_(memory.head_mutex);
        const Slot slots = memory.head.slot_end();
        if (slot >= slots) break;
        for (end = std::min(slots, slot + slots_a_bite); slot < end; ++slot)
            if (const auto at = memory.head.at(slot).first_from(from))
                first = first ? std::min(*first, *at) : *at;
    }
    return first;
}

// Cuts as many blocks as are due: several after a time in which this was not possible.
Result<void> Store::Parts::cut() {
    while (true) {
        const Timestamp newest = newest_trusted();
        // What is past retention is wanted too, where roll-ups are made of it.
        const Timestamp oldest = rolled_up_to() == end_of_time ? oldest_kept() : beginning_of_time;
        const Timestamp from = std::max(oldest, keeper.shelf()->until);
        // Most of the time this is all there is to it.
        if (newest < from || (from != beginning_of_time && newest - from < settings.block_range))
            return {};
        const auto first = first_sample_from(from);
        auto stretch = first ? next_cut(*first, newest, settings.block_range) : std::nullopt;
        if (!stretch) return {};
        stretch->from = std::max(stretch->from, keeper.shelf()->until);
        // (B1) No batch is on its way when this changes, and none brings older samples afterwards.
        (void)committer->exclusively([&]() -> Result<void> {
            refused_before = stretch->to;
            return {};
        });
        const Window window{stretch->from - Milliseconds(1), stretch->to - Milliseconds(1)};
        const auto samples = read_head({}, {window, no_window}, false, {}, nullptr);
        if (auto added = keeper.add_cut(*stretch, *samples); !added) {
            counters.block_failures.add();
            return added;
        }
        counters.head_blocks.add();
    }
}

Result<void> Store::Parts::tend_blocks() {
    const auto failed = [&](const Error& error) {
        counters.block_failures.add();
        return fail(error);
    };
    // Samples wait until they are rolled up, but not for a disk that takes no roll-ups.
    const auto rolled = roll_up();
    const Timestamp oldest = rolled ? std::min(oldest_kept(), rolled_up_to()) : oldest_kept();
    const std::uint64_t others = log_bytes + checkpoint_bytes + rollup_bytes();
    if (const auto gone = keeper.end_of_retired(oldest, settings.retention_bytes, others))
        note_thrown_away(*gone);
    auto retired = keeper.retire(oldest, settings.retention_bytes, others);
    if (!retired) return failed(retired.error());
    counters.blocks_dropped.add(static_cast<double>(*retired));
    blocks_are_gone |= *retired > 0 && keeper.shelf()->blocks.empty();
    if (auto forgotten = forget_what_blocks_held(); !forgotten) return forgotten;
    for (bool more = true; more;) {
        auto compacted = keeper.compact();
        if (!compacted) return failed(compacted.error());
        more = *compacted;
        if (more) counters.compactions.add();
    }
    auto expired = keeper.drop_expired(
        *retention, newest_trusted(), rolled ? rolled_up_to() : end_of_time,
        [this](const std::vector<bool>& classes, Timestamp end) { note_thrown_away(classes, end); });
    if (!expired) return failed(expired.error());
    counters.rewritten.add(static_cast<double>(*expired));
    for (bool more = true; more;) {
        auto cleaned = keeper.clean_one();
        if (!cleaned) return failed(cleaned.error());
        more = *cleaned;
        if (more) counters.rewritten.add();
    }
    auto tended = tend_rollups();
    if (tended) tended = save_all_deletions();
    if (!tended) counters.block_failures.add();
    show_blocks();
    return rolled ? tended : rolled;
}

// What the log has said is deleted is so after a crash too, so it comes first.
Result<void> Store::Parts::erase(std::shared_ptr<const Deletion> deletion) {
    std::size_t samples = 0;
    if (auto marked = samples_go(deletion->window()); !marked) return marked;
    auto erased = committer->exclusively([&]() -> Result<void> {
        if (auto written = committer->write(deletion->record()); !written) return written;
        const Lock index_lock(memory.index_mutex);
        const Lock head_lock(memory.head_mutex);
        for (const auto& selector : deletion->selectors())
            for (const Slot slot : memory.index.matching(selector, {}))
                if (slot < memory.head.slot_end())
                    samples += memory.head.erase(slot, deletion->window());
        return {};
    });
    if (!erased) return erased;
    counters.erasures.add();
    log.info("samples were deleted", {{"what", deletion->text()},
                                      {"in_memory", static_cast<std::int64_t>(samples)}});
    erase_stored(deletion);
    // Where the file cannot be written the log knows, and is not cut before it is.
    if (auto saved = save_all_deletions(); !saved) {
        counters.block_failures.add();
        log.warn("deletions are in the log only", {{"error", saved.error().message}});
    }
    (void)sync();  // says itself when it fails, and is tried again
    return {};
}

void Store::Parts::erase_stored(const std::shared_ptr<const Deletion>& deletion) {
    keeper.erase(deletion);
    for (const auto& rollup : rollups)
        rollup->erase(deletion->of_rollup(rollup->settings().resolution));
}

// Without blocks a start does not know before which time samples in the log count no more, and they
// would be there again.
Result<void> Store::Parts::forget_what_blocks_held() {
    const Timestamp until = keeper.shelf()->until;
    if (!blocks_are_gone || keeper.forgettable() < until) return {};
    auto erased = committer->exclusively([&]() -> Result<void> {
        const Lock lock_(memory.head_mutex);
        for (Slot slot = 0; slot < memory.head.slot_end(); ++slot)
            memory.head.erase(slot, {beginning_of_time, until - Milliseconds(1)});
        return {};
    });
    if (erased) erased = write_checkpoint_now();
    blocks_are_gone = !erased;
    return erased;
}

void Store::Parts::show_blocks() {
    const auto shelf = keeper.shelf();
    counters.blocks.set(static_cast<double>(shelf->blocks.size()));
    counters.block_bytes.set(static_cast<double>(shelf->bytes()));
    counters.rollup_bytes.set(static_cast<double>(rollup_bytes()));
}

Result<void> Store::Parts::drop_old() {
    const Timestamp kept = oldest_kept();
    const Timestamp oldest = std::max(kept, keeper.forgettable());
    return committer->exclusively([&]() -> Result<void> {
        std::vector<Slot> gone;
        {
            const Lock index_lock(memory.index_mutex);
            const Lock head_lock(memory.head_mutex);
            gone = memory.head.drop_before(oldest, kept);
            // Free places have no samples either.
            std::erase_if(gone, [&](Slot slot) VEDETTE_REQUIRES(memory.index_mutex) {
                return memory.index.labels(slot).empty();
            });
        }
        return gone.empty() ? Result<void>() : forget(gone);
    });
}

// A clock that was set back would lock out whoever writes until it is again where it was: readings
// would be refused, and rules would see those of an hour ago. But not one that was set back by
// years: a machine without a battery says 1970 until somebody told it better.
Result<void> Store::Parts::drop_future() {
    const Timestamp now = clock.now();
    Timestamp newest = keeper.shelf()->until;
    {
        const Lock head_lock(memory.head_mutex);
        newest = std::max(newest, memory.head.newest());
    }
    if (newest <= now + Milliseconds(limits::sample_ahead_max)) {
        far_ahead = false;
        return {};
    }
    if (newest > now + Milliseconds(limits::clock_back_max)) {
        if (!std::exchange(far_ahead, true))
            log.error("the clock is far behind the newest sample; nothing older than that is taken",
                      {{"now", format_rfc3339(now)}, {"newest", format_rfc3339(newest)}});
        return {};
    }
    auto stored = keeper.take_back(now);
    if (auto taken = take_rollups_back(now); !taken && stored) stored = fail(taken.error());
    log_begins = std::min(log_begins, keeper.shelf()->until);
    return committer->exclusively([&]() -> Result<void> {
        std::string record;
        write_cut(record, now);
        auto written = committer->write(record);
        if (!written) {
            // Before whatever is logged next: that is older than what the log has.
            const Lock index_lock(memory.index_mutex);
            memory.unlogged += record;
        }
        refused_before = keeper.shelf()->until;
        std::size_t samples = stored ? *stored : 0;
        {
            const Lock head_lock(memory.head_mutex);
            samples += memory.head.drop_after(now);
        }
        {
            const Lock exemplar_lock(memory.exemplar_mutex);
            memory.exemplars.drop_after(now);
        }
        counters.cut.add(static_cast<double>(samples));
        log.warn("the clock was set back; samples of the time after it were dropped",
                 {{"now", format_rfc3339(now)},
                  {"newest", format_rfc3339(newest)},
                  {"samples", samples}});
        if (!stored) return fail(stored.error());
        return written;
    });
}

// Holding the turn: nobody appends meanwhile.
Result<void> Store::Parts::forget(const std::vector<Slot>& gone) {
    std::vector<SeriesId> ids;
    {
        const Lock index_lock(memory.index_mutex);
        for (const Slot slot : gone) ids.push_back({slot, memory.index.epoch(slot)});
    }
    std::string record;
    write_dropped(record, ids);
    if (auto written = committer->write(record); !written) return written;
    const Lock index_lock(memory.index_mutex);
    const Lock head_lock(memory.head_mutex);
    memory.index.remove(gone);
    for (const Slot slot : gone) memory.head.forget(slot);
    memory.index_bytes = memory.index.heap_bytes();
    ++generation;
    counters.dropped.add(static_cast<double>(gone.size()));
    return {};
}

Result<void> Store::Parts::write_checkpoint_now() {
    if (auto saved = save_all_deletions(); !saved) return saved;
    std::uint64_t ended = 0;
    const Timestamp begins = keeper.forgettable();
    auto rotated = committer->exclusively([&]() -> Result<void> {
        if (auto written = committer->write({}); !written) return written;
        auto number = wal->rotate();
        if (!number) return fail(number.error());
        ended = *number;
        log_bytes = 0;
        return {};
    });
    if (!rotated) return rotated;
    auto bytes = write_checkpoint(files, wal_folder, ended, memory, log_needed_from);
    if (!bytes) {
        counters.checkpoint_failures.add();
        return fail(bytes.error());
    }
    checkpoint_bytes = *bytes;
    checkpoint_wanted = false;
    log_begins = std::max(log_begins, begins);
    counters.checkpoints.add();
    return {};
}

/// Rests until it is time to sync or to maintain. False: to stop.
///
///     append          x  xx x                    x
///     sync      ├──────────┼──────────┼ ─ ─ ─ ─ ─┼──────────┤ the thread wakes where a bar stands
///                busy: one wake an     nothing    the first one begins an interval,
///                interval              to sync    at whose end all of it is synced
bool Store::Parts::sleep(const std::stop_token& stop,
                         std::chrono::steady_clock::time_point maintain_at) {
    const Lock lock_(sleep_mutex);
    const auto interval = [&] {
        const auto end = std::chrono::steady_clock::now() + settings.wal_sync_interval;
        wake.wait_until(sleep_mutex, stop, end,
                        [this]() VEDETTE_REQUIRES(sleep_mutex) { return hurry; });
    };
    interval();
    if (!unsynced && !stop.stop_requested()) {
        resting = true;
        wake.wait_until(sleep_mutex, stop, maintain_at,
                        [this]() VEDETTE_REQUIRES(sleep_mutex) { return unsynced; });
        resting = false;
        if (unsynced) interval();
    }
    // Before the sync: what comes from now on is for the next one.
    unsynced = hurry = false;
    unsynced_bytes = 0;
    return !stop.stop_requested();
}

void Store::Parts::run(std::stop_token stop) {
    const auto maintain_every = std::min<Milliseconds>(maintain_every_max, settings.retention / 8);
    auto maintain_at = std::chrono::steady_clock::now() + maintain_every;
    {
        const Lock lock_(maintain_mutex);
        if (std::exchange(rollups_wait, false)) maintain_at = std::chrono::steady_clock::now();
    }
    auto look_at = std::chrono::steady_clock::now() + limits::disk_look_interval;
    while (sleep(stop, maintain_at)) {
        if (std::chrono::steady_clock::now() >= look_at) {
            look_at_disk();
            look_at = std::chrono::steady_clock::now() + limits::disk_look_interval;
        }
        const bool written = committer->flush_unlogged().has_value();
        if (const bool synced = sync().has_value(); !written || !synced) wants_sync();
        const bool due = checkpoint_due();
        const Lock lock_(maintain_mutex);
        auto done = drop_future();
        if (done && !due && std::chrono::steady_clock::now() < maintain_at) continue;
        maintain_at = std::chrono::steady_clock::now() + maintain_every;
        if (done) done = tidy(due);
        if (std::exchange(rollups_wait, false)) maintain_at = std::chrono::steady_clock::now();
        if (!done) log.error("the store could not be tidied", {{"error", done.error().message}});
    }
}

}  // namespace vedette::store
