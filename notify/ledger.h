#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "base/reserve.h"
#include "base/sqlite.h"
#include "core/mutex.h"
#include "notify/entries.h"

namespace vedette::notify {

/// One line of an alert's story, for `vedette why`.
struct StoryLine {
    Timestamp at;
    std::string what;    ///< `fired`, `decided`, `attempt`, `told`
    std::string reason;  ///< the named reason, or the transition's
    std::string detail;  ///< receiver, status, error; for people
    bool unrecorded = false;  ///< it was acted on before it was on disk
};
/// The whole story of one alert as the ledger has it, oldest first.
struct Story {
    Alert alert;
    std::vector<StoryLine> lines;
};

/// One attempt, for pages and API.
struct AttemptRow {
    AttemptEntry entry;
    std::optional<AttemptEndEntry> end;
};

/// Who changed which silence, for people who ask later.
struct AuditRow {
    Timestamp at;
    std::string who, what;  ///< `created`, `changed`, `ended`
    Silence silence;        ///< as it stood afterwards
};

/// What happened, on disk before it is acted on: transitions, decisions, attempts, what was told to
/// whom, silences. Tables in `alerts.db`, drawn in docs/formats/alerts-db.md.
///
/// One thread writes, in transactions of all that waits. Whoever records gets a ticket and may wait for
/// it, bounded; one that is not written in time is acted on all the same, is marked `unrecorded` when
/// it is written, and is counted. While the disk does not answer, entries wait in memory, up to
/// limits::ledger_backlog_max; beyond it the newest are acted on and never recorded, which is counted.
///
/// `record`, `wait`, `story`, `open_alerts` and `recent_attempts` are safe from any thread.
class Ledger {
public:
    /// Ascends; everything up to the committed one is on disk.
    using Ticket = std::uint64_t;

    /// Opens or creates, brings the tables up to date, starts the writer. Fails when that cannot be
    /// done; the clock is for the age of rows. When the disk is full, the ledger takes what `reserve`
    /// gives, and fills it again when there is room.
    static Result<std::unique_ptr<Ledger>> open(const std::string& path, const Clock& clock, Log& log,
                                                Metrics& metrics, Reserve* reserve = nullptr);
    /// Writes what waits, at most limits::notify_stop_wait_max, and stops the writer.
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    Ticket record(std::vector<Entry> entries) VEDETTE_EXCLUDES(mutex_);
    /// True: on disk. False after `at_most`: the entries are marked as acted on before their record.
    bool wait(Ticket ticket, Milliseconds at_most) VEDETTE_EXCLUDES(mutex_);
    /// Calls `then` on the writer's thread when the ticket is on disk (at once when it is already).
    /// Not called when the ledger ends before.
    void when_recorded(Ticket ticket, std::function<void()> then) VEDETTE_EXCLUDES(mutex_);
    /// Marks a ticket that is acted on before it is on disk; false when it is there after all.
    bool act_unrecorded(Ticket ticket) VEDETTE_EXCLUDES(mutex_);

    /// What is to be known at the start.
    Result<Memory> recall();
    /// Every alert of a rule that is not resolved, pending ones included.
    Result<std::vector<Alert>> open_alerts();
    Result<Story> story(AlertId id);
    /// Newest first.
    Result<std::vector<AttemptRow>> recent_attempts(std::size_t count);
    /// Newest first.
    Result<std::vector<AuditRow>> audit(std::size_t count);

    std::size_t backlog() const VEDETTE_EXCLUDES(mutex_);

private:
    struct Waiting {
        Ticket ticket = 0;
        bool unrecorded = false;
        std::vector<Entry> entries;
    };
    struct Callback {
        Ticket ticket = 0;
        std::function<void()> then;
    };
    struct Doors {
        Database writer, reader;
    };
    static Result<Doors> open_doors(const std::string& path);
    Ledger(Doors doors, const Clock& clock, Log& log, Metrics& metrics, Reserve* reserve);
    void run(std::stop_token stop);
    std::vector<Waiting> next_batch(const std::stop_token& stop) VEDETTE_EXCLUDES(mutex_);
    void committed(const std::vector<Waiting>& batch) VEDETTE_EXCLUDES(mutex_);
    Result<void> write(std::span<const Waiting> batch);
    void prune();
    void note_failure(const Error& error);

    // Constant after construction, or with their own locking.
    const Clock& clock_;
    Log& log_;
    Reserve* const reserve_;
    Counter& committed_;
    Counter& unrecorded_;
    Counter& dropped_;
    Counter& failures_;

    // The writer's thread only.
    Database writer_;
    bool failing_ = false;
    Timestamp next_prune_;

    Mutex reader_mutex_;
    Database reader_ VEDETTE_GUARDED_BY(reader_mutex_);

    mutable Mutex mutex_;
    Condition changed_;
    std::deque<Waiting> queue_ VEDETTE_GUARDED_BY(mutex_);
    std::vector<Callback> callbacks_ VEDETTE_GUARDED_BY(mutex_);
    std::size_t waiting_entries_ VEDETTE_GUARDED_BY(mutex_) = 0;
    Ticket last_ticket_ VEDETTE_GUARDED_BY(mutex_) = 0;
    Ticket committed_ticket_ VEDETTE_GUARDED_BY(mutex_) = 0;

    std::jthread thread_;  // last: stops before the rest goes
};

}  // namespace vedette::notify
