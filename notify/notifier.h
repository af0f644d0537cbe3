#pragma once

#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/command.h"
#include "base/http/client.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/smtp.h"
#include "core/alert.h"
#include "core/mutex.h"
#include "notify/dispatcher.h"
#include "notify/ledger.h"
#include "notify/settings.h"
#include "notify/templates.h"

namespace vedette::notify {

/// Asks what an alert's expression gave over the last hours. `done` is called once, soon, from any
/// thread; with null when nobody knows.
using AskHistory =
    std::function<void(AlertRef alert, std::function<void(std::shared_ptr<const History>)> done)>;

/// Takes alerts from rules, remembers them in `alerts.db`, and tells people.
///
/// Threads: `take` and the reading functions may be called from any thread; decisions are made under
/// one mutex; messages go out on the loop; the ledger has a thread of its own.
///
///     any thread     take ── ledger (commit, at most 200 ms) ── dispatcher ──┐ post
///     loop           pump: due → ledger → send → finished → pump ◄───────────┘
///     ledger's       transactions of all that waits
///
/// Must be destroyed on the loop's thread, or when the loop no longer runs; `stop` comes before.
class Notifier final : public AlertSink, public AlertMemory {
public:
    /// Opens the ledger and takes up what it remembers: what was owed goes out again once `start` was
    /// called. Fails when the ledger cannot be opened or a template cannot be parsed. The references
    /// must outlive the notifier, and so must `reserve`, which the ledger falls back on.
    static Result<std::unique_ptr<Notifier>> make(Settings settings, const std::string& ledger_path,
                                                  Loop& loop, HttpClient& http, SmtpClient& mail,
                                                  const Clock& clock, Log& log, Metrics& metrics,
                                                  Reserve* reserve = nullptr);
    ~Notifier() override;

    /// Whom to ask before a message goes out. Before `start`, or never: then messages have no chart and
    /// no threshold. A page waits for an answer at most `history_wait_max`.
    void ask_for_histories(AskHistory ask) { ask_history_ = std::move(ask); }
    /// Begins to tell. From any thread.
    void start();
    /// Begins no more attempts and waits for those in flight, at most limits::notify_stop_wait_max;
    /// on the loop's thread it does not wait. What is owed stays in the ledger for the next start.
    void stop() VEDETTE_EXCLUDES(mutex_);
    /// Swaps the configuration; when a template cannot be parsed, nothing changes. From any thread.
    Result<void> reload(Settings settings) VEDETTE_EXCLUDES(mutex_);

    /// Fails with Limit when limits::alerts_open_max is reached: nothing of `alerts` was taken.
    Result<void> take(std::span<const Alert> alerts) override VEDETTE_EXCLUDES(mutex_);
    Result<std::vector<Alert>> open_alerts() override { return ledger_->open_alerts(); }

    /// Alerts of other programs (API v2). Success: they are on disk, and reach their receivers after
    /// any kill. Fails with Limit as `take` does, and with Unavailable when the disk did not answer
    /// in posted_commit_wait_max: they are acted on all the same, and should be sent again.
    Result<void> take_posted(std::span<const PostedAlert> alerts) VEDETTE_EXCLUDES(mutex_);

    /// Creates or changes a silence, as `SilenceTable::set`; returns its id when it is on disk.
    Result<std::string> put_silence(Silence silence, std::string who) VEDETTE_EXCLUDES(mutex_);
    /// Ends a silence now. Fails with NotFound.
    Result<void> expire_silence(std::string_view id, std::string who) VEDETTE_EXCLUDES(mutex_);
    std::vector<Silence> silences() const VEDETTE_EXCLUDES(mutex_);
    /// Who changed silences, newest first. From any thread but the loop's (it reads disk).
    Result<std::vector<AuditRow>> audit(std::size_t count) { return ledger_->audit(count); }
    /// What fires, for API v2. From any thread.
    Standing standing() const VEDETTE_EXCLUDES(mutex_);
    /// Names of the receivers, in the order of the configuration.
    std::vector<std::string> receivers() const VEDETTE_EXCLUDES(mutex_);
    /// Alertmanager's part of the configuration as YAML, without secrets.
    std::string shown() const VEDETTE_EXCLUDES(mutex_);

    /// What pages and API show. From any thread.
    Snapshot snapshot() const VEDETTE_EXCLUDES(mutex_);
    /// The whole story of one alert, from the ledger. From any thread but the loop's (it reads disk).
    Result<Story> why(AlertId id) { return ledger_->story(id); }
    Result<std::vector<AttemptRow>> recent_attempts(std::size_t count) {
        return ledger_->recent_attempts(count);
    }

private:
    /// Messages of one turn, waiting for their record or for the time that a page waits for it.
    struct Outbox {
        std::vector<Dispatcher::Send> sends;
        Loop::TimerId timer;
        bool gone = false;
    };
    Notifier(std::shared_ptr<const Settings> settings, std::shared_ptr<const Templates> templates,
             std::unique_ptr<Ledger> ledger, Loop& loop, HttpClient& http, SmtpClient& mail,
             const Clock& clock, Log& log, Metrics& metrics);
    /// Runs `work` on the loop, unless this is gone by then.
    void post(std::function<void()> work);
    void pump() VEDETTE_EXCLUDES(mutex_);
    void post_when_recorded(Ledger::Ticket ticket, std::vector<Dispatcher::Send> sends);
    void go(const std::shared_ptr<Outbox>& outbox);
    struct Gathering;
    void gather_histories(Dispatcher::Send send, std::function<void(Dispatcher::Send)> then);
    void attempt(const Dispatcher::Send& one);
    void finished(const Dispatcher::Send& send, const Outcome& outcome, Moment began)
        VEDETTE_EXCLUDES(mutex_);
    void write_notes(const std::vector<Dispatcher::Note>& notes);
    /// Records what an outside caller asked for and waits for the disk, longer than a page would.
    Result<void> commit(Result<Dispatcher::SilenceChange> change);
    Result<void> wait_for_disk(Ledger::Ticket ticket);
    void note_record(const Dispatcher::Send& one, Moment began);
    std::optional<Dispatcher::SteadyTime> next_due(Moment now) const VEDETTE_REQUIRES(mutex_);

    // Constant after construction, or with their own locking.
    Loop& loop_;
    HttpClient& http_;
    SmtpClient& mail_;
    const Clock& clock_;
    Log& log_;
    Metrics& metrics_;
    std::unique_ptr<Ledger> ledger_;
    AskHistory ask_history_;

    // The loop's thread only.
    Loop::TimerId timer_;
    Commands commands_;

    mutable Mutex mutex_;
    Condition idle_;
    std::minstd_rand random_ VEDETTE_GUARDED_BY(mutex_);
    Dispatcher dispatcher_ VEDETTE_GUARDED_BY(mutex_);
    Intake intake_ VEDETTE_GUARDED_BY(mutex_);
    std::shared_ptr<const Templates> templates_ VEDETTE_GUARDED_BY(mutex_);
    bool running_ VEDETTE_GUARDED_BY(mutex_) = false;

    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // posted work looks at it
};

}  // namespace vedette::notify
