#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/exemplar_limits.h"
#include "core/limits.h"
#include "core/series.h"
#include "core/time.h"
#include "store/series_check.h"
#include "store/shedding/pressure.h"

namespace vedette::store {

/// Series that are kept for another time than the others.
struct RetentionClass {
    std::string text;  ///< as the configuration has it
    std::vector<Matcher> selector;
    Milliseconds keep{0};
};

/// Of how much time the samples become one bucket, and how long those are kept; 0 for none.
struct RollupSettings {
    Milliseconds resolution{0}, retention{0};
};

/// How the store behaves; `storage:` in vedette.yml.
struct StoreSettings {
    // ── what is kept ──
    /// Samples older than the newest by more than this are dropped, a block at a time.
    Milliseconds retention = std::chrono::hours(24 * 15);
    /// The first class that has a series says how long it is kept, in place of `retention`; longer
    /// or shorter.
    std::vector<RetentionClass> retention_classes;
    /// Blocks, log and checkpoint may take this much of the disk; the oldest blocks go when they
    /// take more. 0 for no limit.
    std::uint64_t retention_bytes = 0;
    /// Samples older than the newest of their series are taken when they are no older than this
    /// before the newest of all; 0: none are.
    Milliseconds out_of_order_window{0};
    /// What is kept of samples for longer. Each resolution takes a quarter of `retention_bytes` at
    /// most.
    std::array<RollupSettings, 2> rollups{{{std::chrono::minutes(5), std::chrono::hours(24 * 365)},
                                           {std::chrono::hours(1), std::chrono::hours(24 * 365)}}};
    /// How far back `current` looks for a series' value, as Prometheus's look-back.
    Milliseconds lookback = std::chrono::minutes(5);

    // ── what it may cost ──
    std::size_t series_max = limits::series_max_default;
    /// Series of one job; 0: as many as there is room for.
    std::size_t job_series_max = 0;
    std::size_t head_bytes_max = limits::head_bytes_max_default;
    LabelLimits labels;
    Budget budget() const { return {series_max, job_series_max, head_bytes_max}; }

    /// So many exemplars are remembered, the newest of all series; 0 for none.
    std::size_t exemplars_max = limits::exemplars_max_default;

    // ── what a full disk may take ──
    /// While less is free, samples that their senders keep are refused; 0 for no such floor.
    std::uint64_t disk_free_min = 0;
    /// Space kept in the data directory and released for the ledger when the disk is full; 0 for
    /// none.
    std::size_t reserve_bytes = limits::reserve_bytes_default;

    // ── what a power cut may take ──
    /// What was appended longer ago than this is on the disk; much (limits::wal_unsynced_bytes)
    /// sooner. `kill -9` takes nothing in any case.
    Milliseconds wal_sync_interval = limits::wal_sync_interval;
    /// A checkpoint is written when the log has grown by this since the last one, or by as much as
    /// the last one was large, whichever is more.
    std::size_t checkpoint_after_bytes = 2 * limits::wal_segment_bytes;

    // ── for those who send on what is appended ──
    /// The log is kept from the beginning until `hold_log` says from where it is needed.
    bool hold_log = false;

    // ── for tests, whose disks and clocks are not the machine's ──
    /// Blocks that are cut from the head are so long, and are cut half of it later.
    Milliseconds block_range = std::chrono::hours(2);
    bool lock_folder = true;  ///< takes `lock`, a file of the real disk
    bool own_thread = true;  ///< syncs and maintains by itself; otherwise `flush` and `maintain` do
};

/// Reads the `storage:` section; of Prometheus's `tsdb` below it `out_of_order_time_window`.
/// `parse` reads what stands in a class's `match`.
using ParseSelector = std::function<Result<std::vector<Matcher>>(std::string_view)>;
StoreSettings read_storage_section(const ConfigNode& section, Problems& problems,
                                   const ParseSelector& parse);

}  // namespace vedette::store
