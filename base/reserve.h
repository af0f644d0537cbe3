#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/files.h"
#include "base/log.h"
#include "base/metrics.h"
#include "core/limits.h"
#include "core/mutex.h"

namespace vedette {

/// Space kept on the disk for those who must write though it is full: a file that is cut shorter,
/// one piece at a time, and is made whole when there is room again.
///
///     whole ── the disk is full: give ──► short ── give ──► … ──► one piece, for a start
///       ▲                                   │
///       └──── refill: room for what is ◄────┘
///             missing and as much again
///
/// Piece by piece, because whatever else fills the disk gets hold of what was given too. Our own
/// writers that can do without are asked to wait: `may_others_grow`. Filled with noise: a file
/// system that compresses would keep no space for zeros. Safe from any thread.
class Reserve {
public:
    struct Settings {
        std::string folder;  ///< must be there when `open` is called; the file is `reserve` in it
        std::uint64_t bytes = limits::reserve_bytes_default;  ///< 0: nothing is kept
    };
    /// Whoever runs leaves the last piece to whoever starts.
    enum class Whose { Running, Starting };

    /// The references must outlive it.
    Reserve(Files& files, Settings settings, Log& log, Metrics& metrics);

    /// Takes up the file as it was left, and fills it when there is room. What hinders it is logged
    /// and no failure: a start without a reserve is better than none.
    void open() VEDETTE_EXCLUDES(mutex_);
    /// After a write failed with `error`: true when a piece was given and the write is worth trying
    /// again. False when it is not the disk's space that is missing, and when nothing is left to
    /// give.
    bool give(const Error& error, Whose whose) VEDETTE_EXCLUDES(mutex_);
    /// Makes it whole again when there is room.
    void refill() VEDETTE_EXCLUDES(mutex_);
    bool whole() const { return held_ >= settings_.bytes; }
    /// Fails with Limit from the first piece that is given until there is room again.
    Result<void> may_others_grow() const;

private:
    void refill_locked() VEDETTE_REQUIRES(mutex_);
    Result<void> grow() VEDETTE_REQUIRES(mutex_);
    Result<void> cut(std::uint64_t bytes) VEDETTE_REQUIRES(mutex_);
    void hold(std::uint64_t bytes) VEDETTE_REQUIRES(mutex_);

    Files& files_;
    const Settings settings_;
    const std::string path_;
    Log& log_;
    Gauge& held_bytes_;
    Counter& given_bytes_;

    Mutex mutex_;
    std::atomic<std::uint64_t> held_ = 0;  // written under the mutex
    std::atomic<bool> full_ = false;
    bool refill_failed_ VEDETTE_GUARDED_BY(mutex_) = false;
};

}  // namespace vedette
