#pragma once

#include <condition_variable>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "store/blocks/keeper.h"
#include "store/blocks/split.h"
#include "store/chunks/cursor.h"
#include "store/head/memory.h"
#include "store/log/commit.h"
#include "store/log/records.h"
#include "store/log/wal.h"
#include "store/metrics.h"
#include "store/rollups/state.h"
#include "store/shedding/refusals.h"
#include "store/store.h"

namespace vedette::store {

inline constexpr Timestamp beginning_of_time{std::numeric_limits<std::int64_t>::min()};
inline constexpr Window no_window{{0}, {0}};
inline constexpr Timestamp end_of_time{std::numeric_limits<std::int64_t>::max()};

/// What a `Store` is made of. What the outside asks is answered in store.cpp, what is read in
/// reading.cpp, and what the store does by itself stands in maintenance.cpp. Constant after open
/// but for what has a lock, is atomic, or is said to be of whoever holds one.
struct Store::Parts {
    Parts(Files& files_, std::string folder_, StoreSettings settings_, Clock& clock_, Log& log_,
          Metrics& metrics_)
        : files(files_),
          folder(std::move(folder_)),
          wal_folder(folder + "/wal"),
          settings(settings_),
          clock(clock_),
          log(log_),
          counters(metrics_),
          refusals(metrics_, log_),
          keeper(files,
                 {folder + "/blocks", settings.block_range,
                  widest_block(settings.block_range, settings.retention)},
                 on_corrupt()),
          out_of_order_window(settings_.out_of_order_window) {
        for (const RollupSettings& each : settings.rollups)
            rollups.push_back(std::make_unique<BlockKeeper>(
                files, keeper_of(each, folder, settings), on_corrupt()));
    }

    Files& files;
    const std::string folder, wal_folder;
    const StoreSettings settings;
    Clock& clock;
    Log& log;
    StoreMetrics counters;
    RefusalBook refusals;
    std::optional<FolderLock> lock;
    Recovery recovery;

    Memory memory;       // has its own locks
    BlockKeeper keeper;  // its changes: whoever holds `maintain_mutex`
    std::vector<std::unique_ptr<BlockKeeper>> rollups;  // as `settings.rollups`; the same
    /// Samples before it are too old, because they are in a block or about to be.
    std::atomic<Timestamp> refused_before{beginning_of_time};
    std::atomic<Milliseconds> out_of_order_window;
    std::unique_ptr<Wal> wal;
    std::unique_ptr<Committer> committer;
    std::atomic<std::uint64_t> generation = 1;
    std::atomic<std::uint64_t> log_bytes = 0;         // since the last checkpoint
    std::atomic<std::uint64_t> checkpoint_bytes = 0;  // of the last one
    /// Segments before it go with the next checkpoint.
    std::atomic<std::uint64_t> log_needed_from{settings.hold_log ? 0 : ~std::uint64_t{0}};
    std::atomic<bool> checkpoint_wanted = false;
    std::atomic<bool> closed = false;

    std::atomic<std::uint64_t> disk_free = ~std::uint64_t{0};  // when somebody looked last
    std::atomic<bool> disk_short = false;

    std::optional<Retention> retention;  // set by `open`

    Mutex maintain_mutex;  // one maintains at a time; taken before any other
    /// Where the samples begin that the log has not yet forgotten.
    Timestamp log_begins VEDETTE_GUARDED_BY(maintain_mutex) = beginning_of_time;
    bool rollups_wait VEDETTE_GUARDED_BY(maintain_mutex) = false;  // more are due at once
    std::atomic<bool> sync_failing = false;
    bool far_ahead VEDETTE_GUARDED_BY(maintain_mutex) = false;
    /// The last block has left retention; the log may still hold samples of its time.
    bool blocks_are_gone VEDETTE_GUARDED_BY(maintain_mutex) = false;
    /// Late samples before it are in blocks, or settled.
    Timestamp late_until VEDETTE_GUARDED_BY(maintain_mutex) = beginning_of_time;
    /// Settled late samples are in the blocks of the shelf with this number; nothing when they are
    /// not.
    std::optional<std::uint64_t> late_shelf VEDETTE_GUARDED_BY(maintain_mutex);
    Mutex sleep_mutex;
    Condition wake;
    bool unsynced VEDETTE_GUARDED_BY(sleep_mutex) = true;  // something waits for the next sync
    bool hurry VEDETTE_GUARDED_BY(sleep_mutex) = false;    // much does: it does not wait longer
    bool resting VEDETTE_GUARDED_BY(sleep_mutex) =
        false;  // nothing does; wake it when that changes
    std::atomic<std::uint64_t> unsynced_bytes = 0;
    std::jthread thread;

    Result<void> open();
    // ── what is refused, limiting.cpp ──
    /// Whether a new series is taken; when not, that is counted and said.
    Result<void> admit(const Labels& labels, Rank rank)
        VEDETTE_REQUIRES(memory.index_mutex, memory.head_mutex);
    /// What is used, by a job and by all.
    Use used(std::string_view job) VEDETTE_REQUIRES(memory.index_mutex, memory.head_mutex);
    Result<void> fits_labels(const Labels& labels);
    Result<void> check_disk(const Batch& batch);
    void look_at_disk();
    bool sheds_extras();

    Result<void> sync();
    Result<void> tidy(bool checkpoint) VEDETTE_REQUIRES(maintain_mutex);
    Result<void> cut() VEDETTE_REQUIRES(maintain_mutex);
    Result<void> tend_blocks() VEDETTE_REQUIRES(maintain_mutex);
    Result<void> erase(std::shared_ptr<const Deletion> deletion) VEDETTE_REQUIRES(maintain_mutex);
    void erase_stored(const std::shared_ptr<const Deletion>& deletion);
    void show_blocks();
    Result<void> put_memory_away(Timestamp to) VEDETTE_REQUIRES(maintain_mutex);
    // rolling.cpp
    static BlockKeeper::Settings keeper_of(const RollupSettings& rollup, const std::string& folder,
                                           const StoreSettings& settings);
    /// How much time is rolled up at once; 0 when nothing is.
    Milliseconds stretch_of_rollup(std::size_t rollup) const;
    /// Makes roll-ups of what blocks hold and they do not, as much as a pass may take.
    Result<void> roll_up() VEDETTE_REQUIRES(maintain_mutex);
    Result<void> roll_up(std::size_t rollup, std::chrono::steady_clock::time_point until)
        VEDETTE_REQUIRES(maintain_mutex);
    /// Drops what is past retention or deleted, and makes few blocks of many.
    Result<void> tend_rollups() VEDETTE_REQUIRES(maintain_mutex);
    Result<void> save_all_deletions() VEDETTE_REQUIRES(maintain_mutex);
    Result<std::size_t> take_rollups_back(Timestamp newest) VEDETTE_REQUIRES(maintain_mutex);
    // remaking.cpp
    mutable Mutex rollup_state_mutex;
    std::shared_ptr<const RollupState> rollup_state_ VEDETTE_GUARDED_BY(rollup_state_mutex) =
        std::make_shared<RollupState>();
    std::string rollup_state_path() const { return folder + "/rollups/state"; }
    std::shared_ptr<const RollupState> rollup_state() const;
    void publish(RollupState state);
    /// Writes it, and from then on it counts; on failure nothing has changed.
    Result<void> save(RollupState state);
    void note(RollupState state);
    Result<void> load_rollup_state();
    /// Samples of before are about to be thrown away, all or those of some classes.
    void note_thrown_away(Timestamp until);
    void note_thrown_away(const std::vector<bool>& classes, Timestamp until);
    void mark_due(RollupState& state, const BlockKeeper& rollup, Stretch stretch) const;
    /// To be called before a block of the past gets samples, or loses some: what was rolled up of
    /// them is made again.
    Result<void> samples_come(Stretch stretch) VEDETTE_REQUIRES(maintain_mutex);
    Result<void> samples_go(Window window) VEDETTE_REQUIRES(maintain_mutex);
    /// Makes again what is due.
    Result<void> remake(std::size_t rollup, std::chrono::steady_clock::time_point until)
        VEDETTE_REQUIRES(maintain_mutex);
    Result<void> remake_some(BlockKeeper& made, const RollupState& state, Stretch& times)
        VEDETTE_REQUIRES(maintain_mutex);
    /// Samples of the series that are asked for are all there from then on.
    Timestamp samples_begin(std::span<const ReadyMatcher> matchers, Window window,
                            const RollupState& state, const std::stop_token& stop) const;
    /// Samples before it are in all roll-ups that are made.
    Timestamp rolled_up_to() const;
    std::uint64_t rollup_bytes() const;
    /// Null when no roll-ups have a part in the answer.
    std::unique_ptr<SeriesCursor> read_rolled(std::span<const ReadyMatcher> matchers, Window window,
                                              const Hints& hints, const std::stop_token& stop);
    std::unique_ptr<SeriesCursor> read_rolled(std::span<const ReadyMatcher> matchers, Window window,
                                              const Hints& hints, const std::stop_token& stop,
                                              const Shelf& shelf);
    /// The blocks that know which series there were in the window.
    std::vector<std::shared_ptr<const Shelf>> shelves_of(Window window) const;
    Result<void> drop_old() VEDETTE_REQUIRES(maintain_mutex);
    Result<void> forget_what_blocks_held() VEDETTE_REQUIRES(maintain_mutex);
    Result<void> drop_future() VEDETTE_REQUIRES(maintain_mutex);
    Result<void> forget(const std::vector<Slot>& gone);
    Result<void> write_checkpoint_now() VEDETTE_REQUIRES(maintain_mutex);
    Timestamp newest_trusted();
    Timestamp oldest_kept();
    Floor floor();
    /// Puts late samples of the time before the last block's end into blocks of their own, when
    /// that is due, and forgets those that are there.
    Result<void> put_late_away() VEDETTE_REQUIRES(maintain_mutex);
    void forget_late() VEDETTE_REQUIRES(maintain_mutex);
    std::optional<Timestamp> first_sample_from(Timestamp from);
    void count(const CommitCounts& counts);
    void wants_sync(bool at_once = false);
    bool sleep(const std::stop_token& stop, std::chrono::steady_clock::time_point maintain_at);
    bool checkpoint_due() const {
        return log_bytes >
               std::max<std::uint64_t>(settings.checkpoint_after_bytes, checkpoint_bytes);
    }
    void run(std::stop_token stop);

    using Cursors = std::vector<std::unique_ptr<SeriesCursor>>;
    ChunkCursor::OnCorrupt on_corrupt();
    /// What is asked of the head: samples of its chunks, and late ones beside them.
    struct HeadWindows {
        Window chunks, late;
    };
    bool any_late();
    /// Reads the windows from the head alone, in label order. Who has an old shelf gives it along:
    /// memory keeps what is not in its blocks for as long as the cursor lives.
    std::unique_ptr<SeriesCursor> read_head(std::span<const ReadyMatcher> matchers,
                                            HeadWindows windows, bool latest_only,
                                            std::stop_token stop,
                                            std::shared_ptr<const Shelf> shelf);
    std::vector<Slot> slots_by_labels(std::span<const ReadyMatcher> matchers,
                                      const std::stop_token& stop)
        VEDETTE_REQUIRES(memory.index_mutex);
    std::vector<SeriesId> ids_of(std::span<const Slot> slots) VEDETTE_REQUIRES(memory.index_mutex);
    /// The stretches of so many parts when no block has one; `slots` in label order.
    Split split_head(std::span<const Slot> slots, std::size_t count)
        VEDETTE_REQUIRES(memory.index_mutex);
    /// The series of each part.
    std::vector<std::vector<SeriesId>> ids_in(const Split& parts, std::span<const Slot> slots)
        VEDETTE_REQUIRES(memory.index_mutex);
    /// Reads these series of the head, in this order.
    std::unique_ptr<SeriesCursor> read_series(std::vector<SeriesId> series, HeadWindows windows,
                                              bool latest_only, std::stop_token stop,
                                              std::shared_ptr<const Shelf> shelf);
    /// How many samples of these series lie in the window, guessed by a few of them.
    std::size_t samples_about(std::span<const Slot> slots, Window window);
    std::unique_ptr<SeriesCursor> read(std::span<const ReadyMatcher> matchers, Window window,
                                       bool latest_only, std::stop_token stop);
    /// The same in as many cursors as are worth a thread, up to `parts_max`.
    Cursors read_in_parts(std::span<const ReadyMatcher> matchers, Window window, bool latest_only,
                          std::size_t parts_max, const std::stop_token& stop);
    /// The same when it is known, or not to be found out again, which series of the head match:
    /// `slots` is called once at most, with the index locked.
    using SlotsInOrder = std::function<std::vector<Slot>()>;
    Cursors read_in_parts(std::span<const ReadyMatcher> matchers, Window window, bool latest_only,
                          std::size_t parts_max, const std::stop_token& stop,
                          const SlotsInOrder& slots_in_order);
    std::optional<Sample> newest_in(const Labels& labels, Window window);
    using Found = std::vector<std::vector<ReadyMatcher>>;  // selectors made ready
    std::vector<Slot> slots_in(const Found& selectors, HeadWindows windows)
        VEDETTE_REQUIRES(memory.index_mutex);
};

}  // namespace vedette::store
