#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/mutex.h"
#include "store/cursor.h"
#include "store/records.h"
#include "store/store.h"
#include "store/wal.h"

namespace vedette::store {

/// What the store says about itself in /metrics.
struct StoreMetrics {
    explicit StoreMetrics(Metrics& metrics)
        : floats(metrics.counter("vedette_store_samples_appended_total", "Samples stored, by type.",
                                 Labels{{"type", "float"}})),
          histograms(metrics.counter("vedette_store_samples_appended_total",
                                     "Samples stored, by type.", Labels{{"type", "histogram"}})),
          out_of_order(rejected(metrics, "out_of_order")),
          duplicate(rejected(metrics, "duplicate")),
          too_old(rejected(metrics, "too_old")),
          series_refused(refused(metrics, "series_max")),
          memory_refused(refused(metrics, "head_bytes_max")),
          metadata_refused(refused(metrics, "metadata_metrics_max")),
          exemplars(metrics.counter("vedette_store_exemplars_ignored_total",
                                    "Exemplars that came with batches and were not kept.")),
          log_bytes(metrics.counter("vedette_store_wal_bytes_total",
                                    "Bytes written to the write-ahead log.")),
          commits(metrics.counter("vedette_store_commits_total",
                                  "Writes to the log; batches that came together share one.")),
          log_failures(metrics.counter(
              "vedette_store_wal_write_failures_total",
              "Writes to the log that failed; what came from outside was refused.")),
          unlogged(metrics.counter("vedette_store_samples_unlogged_total",
                                   "Samples kept in memory though the log could not take them.")),
          syncs(metrics.counter("vedette_store_wal_syncs_total", "Times the log was synced.")),
          sync_failures(metrics.counter("vedette_store_wal_sync_failures_total",
                                        "Times the log could not be synced.")),
          checkpoints(metrics.counter("vedette_store_checkpoints_total", "Checkpoints written.")),
          checkpoint_failures(metrics.counter("vedette_store_checkpoint_failures_total",
                                              "Checkpoints that could not be written.")),
          cut(metrics.counter("vedette_store_samples_cut_total",
                              "Samples dropped because the clock was set back before them.")),
          dropped(metrics.counter("vedette_store_series_dropped_total",
                                  "Series whose last sample left retention.")),
          corrupt(metrics.counter("vedette_store_corrupt_chunks_total",
                                  "Chunks in memory that could not be decoded.")) {}

    static Counter& rejected(Metrics& metrics, std::string_view reason) {
        return metrics.counter("vedette_store_samples_rejected_total",
                               "Samples that do not belong where they claim to, by reason.",
                               Labels{{"reason", reason}});
    }
    static Counter& refused(Metrics& metrics, std::string_view limit) {
        return metrics.counter("vedette_store_refusals_total",
                               "Series, batches and metadata refused because a limit was reached.",
                               Labels{{"limit", limit}});
    }

    Counter &floats, &histograms, &out_of_order, &duplicate, &too_old;
    Counter &series_refused, &memory_refused, &metadata_refused, &exemplars;
    Counter &log_bytes, &commits, &log_failures, &unlogged, &syncs, &sync_failures;
    Counter &checkpoints, &checkpoint_failures, &cut, &dropped, &corrupt;
};

/// Inside of a store: constant after open but for what has a lock or is atomic.
struct Store::Parts {
    Parts(Files& files_, std::string folder_, StoreSettings settings_, Clock& clock_, Log& log_,
          Metrics& metrics_)
        : files(files_),
          folder(std::move(folder_)),
          wal_folder(folder + "/wal"),
          settings(settings_),
          clock(clock_),
          log(log_),
          counters(metrics_) {}

    Files& files;
    const std::string folder, wal_folder;
    const StoreSettings settings;
    Clock& clock;
    Log& log;
    StoreMetrics counters;
    std::optional<FolderLock> lock;
    Recovery recovery;

    Memory memory;  // has its own locks
    std::unique_ptr<Wal> wal;
    std::unique_ptr<Committer> committer;
    std::atomic<std::uint64_t> generation = 1;
    std::atomic<std::uint64_t> log_bytes = 0;         // since the last checkpoint
    std::atomic<std::uint64_t> checkpoint_bytes = 0;  // of the last one
    std::atomic<bool> checkpoint_wanted = false;
    std::atomic<bool> closed = false;

    Mutex maintain_mutex;  // one maintains at a time; taken before any other
    std::atomic<bool> sync_failing = false;
    bool far_ahead VEDETTE_GUARDED_BY(maintain_mutex) = false;
    Mutex sleep_mutex;
    Condition wake;
    bool unsynced VEDETTE_GUARDED_BY(sleep_mutex) = true;  // something waits for the next sync
    bool hurry VEDETTE_GUARDED_BY(sleep_mutex) = false;    // much does: it does not wait longer
    bool resting VEDETTE_GUARDED_BY(sleep_mutex) =
        false;  // nothing does; wake it when that changes
    std::atomic<std::uint64_t> unsynced_bytes = 0;
    std::jthread thread;

    Result<void> open();
    Result<void> sync();
    Result<void> drop_old();
    Result<void> drop_future() VEDETTE_REQUIRES(maintain_mutex);
    Result<void> forget(const std::vector<Slot>& gone);
    Result<void> write_checkpoint_now();
    Timestamp oldest_taken();
    void count(const CommitCounts& counts);
    void wants_sync(bool at_once = false);
    bool sleep(const std::stop_token& stop, std::chrono::steady_clock::time_point maintain_at);
    bool checkpoint_due() const {
        return log_bytes >
               std::max<std::uint64_t>(settings.checkpoint_after_bytes, checkpoint_bytes);
    }
    void run(std::stop_token stop);
    ChunkCursor::Fill fill_from(std::vector<SeriesId> ids, Window window, bool latest_only);
    std::optional<Sample> newest_in(const Labels& labels, Window window);
    Result<std::vector<Slot>> slots_in(Selectors selectors, Window window)
        VEDETTE_REQUIRES(memory.index_mutex);
};

}  // namespace vedette::store
