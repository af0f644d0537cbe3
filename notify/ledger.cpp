#include "notify/ledger.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"
#include "notify/ledger_rows.h"

namespace vedette::notify {
namespace {

using namespace std::chrono_literals;

/// All rows of a question, each read by `read`.
template <typename T>
Result<std::vector<T>> rows(Statement& statement, Result<T> (*read)(const Statement&)) {
    std::vector<T> out;
    for (;;) {
        const auto row = statement.step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        auto one = read(statement);
        if (!one) return fail(one.error());
        out.push_back(std::move(*one));
    }
}

template <typename T>
Result<std::vector<T>> select(Database& from, const std::string& sql,
                              Result<T> (*read)(const Statement&)) {
    auto statement = from.prepare(sql);
    if (!statement) return fail(statement.error());
    return rows(*statement, read);
}

}  // namespace

Result<Ledger::Doors> Ledger::open_doors(const std::string& path) {
    auto writer = Database::open(path, {});
    if (!writer) return fail(writer.error());
    if (auto ok = writer->migrate("notify", ledger_migrations()); !ok) return fail(ok.error());
    auto reader = Database::open(path, {.read_only = true});
    if (!reader) return fail(reader.error());
    return Doors{std::move(*writer), std::move(*reader)};
}

Result<std::unique_ptr<Ledger>> Ledger::open(const std::string& path, const Clock& clock, Log& log,
                                             Metrics& metrics, Reserve* reserve) {
    auto doors = open_doors(path);
    while (!doors && reserve != nullptr && reserve->give(doors.error(), Reserve::Whose::Starting))
        doors = open_doors(path);
    if (!doors) return fail(doors.error());
    return std::unique_ptr<Ledger>(new Ledger(std::move(*doors), clock, log, metrics, reserve));
}

Ledger::Ledger(Doors doors, const Clock& clock, Log& log, Metrics& metrics, Reserve* reserve)
    : clock_(clock),
      log_(log),
      reserve_(reserve),
      committed_(metrics.counter("vedette_notify_ledger_entries_total",
                                 "Entries of the ledger that are on disk.")),
      unrecorded_(metrics.counter("vedette_notify_unrecorded_total",
                                  "Entries that were acted on before they were on disk.")),
      dropped_(
          metrics.counter("vedette_notify_ledger_dropped_total",
                          "Entries that were acted on and never recorded: the backlog was full.")),
      failures_(metrics.counter("vedette_notify_ledger_failures_total",
                                "Transactions of the ledger that failed and are tried again.")),
      writer_(std::move(doors.writer)),
      reader_(std::move(doors.reader)),
      thread_([this](std::stop_token stop) { run(stop); }) {}

Ledger::~Ledger() {
    {
        Lock lock(mutex_);
        const auto until = std::chrono::steady_clock::now() + limits::notify_stop_wait_max;
        while (!queue_.empty() &&
               changed_.wait_until(mutex_, until) == std::cv_status::no_timeout) {
        }
        if (!queue_.empty()) writer_.interrupt();
    }
    thread_.request_stop();
    changed_.notify_all();
}

Ledger::Ticket Ledger::record(std::vector<Entry> entries) {
    Lock lock(mutex_);
    if (entries.empty()) return committed_ticket_;
    if (waiting_entries_ + entries.size() > limits::ledger_backlog_max) {
        dropped_.add(static_cast<double>(entries.size()));
        return ++last_ticket_;
    }
    waiting_entries_ += entries.size();
    queue_.push_back({++last_ticket_, false, std::move(entries)});
    changed_.notify_all();
    return last_ticket_;
}

bool Ledger::wait(Ticket ticket, Milliseconds at_most) {
    {
        Lock lock(mutex_);
        const auto until = std::chrono::steady_clock::now() + at_most;
        while (committed_ticket_ < ticket &&
               changed_.wait_until(mutex_, until) == std::cv_status::no_timeout) {
        }
        if (committed_ticket_ >= ticket) return true;
    }
    return !act_unrecorded(ticket);
}

void Ledger::when_recorded(Ticket ticket, std::function<void()> then) {
    {
        Lock lock(mutex_);
        if (committed_ticket_ < ticket) {
            callbacks_.push_back({ticket, std::move(then)});
            return;
        }
    }
    then();
}

bool Ledger::act_unrecorded(Ticket ticket) {
    Lock lock(mutex_);
    if (committed_ticket_ >= ticket) return false;
    for (Waiting& one : queue_)
        if (one.ticket == ticket && !std::exchange(one.unrecorded, true))
            unrecorded_.add(static_cast<double>(one.entries.size()));
    return true;
}

std::size_t Ledger::backlog() const {
    Lock lock(mutex_);
    return waiting_entries_;
}

/// What waits is copied, written and only then taken off, so that a failure loses nothing and a
/// mark set meanwhile is seen by the next try.
void Ledger::run(std::stop_token stop) {
    const auto wake = std::stop_callback(stop, [this] { changed_.notify_all(); });
    while (!stop.stop_requested()) {
        const std::vector<Waiting> batch = next_batch(stop);
        if (!batch.empty()) {
            if (const auto ok = write(batch); !ok) {
                if (reserve_ != nullptr && reserve_->give(ok.error(), Reserve::Whose::Running))
                    continue;
                note_failure(ok.error());
                Lock lock(mutex_);
                changed_.wait_for(mutex_, 100ms, [&] { return stop.stop_requested(); });
                continue;
            }
            if (std::exchange(failing_, false)) log_.info("ledger writes again");
            committed(batch);
            prune();
        }
        if (reserve_ != nullptr) reserve_->refill();
    }
}

/// Empty when it is time to look after the reserve, or to stop.
std::vector<Ledger::Waiting> Ledger::next_batch(const std::stop_token& stop) {
    Lock lock(mutex_);
    while (queue_.empty() && !stop.stop_requested()) {
        if (reserve_ == nullptr || reserve_->whole())
            changed_.wait(mutex_);
        else if (changed_.wait_for(mutex_, limits::reserve_look_interval) ==
                 std::cv_status::timeout)
            return {};
    }
    std::vector<Waiting> batch;
    std::size_t entries = 0;
    for (const Waiting& one : queue_) {
        if (!batch.empty() && entries + one.entries.size() > limits::ledger_batch_max) break;
        entries += one.entries.size();
        batch.push_back(one);
    }
    return batch;
}

void Ledger::committed(const std::vector<Waiting>& batch) {
    std::vector<Callback> ready;
    {
        Lock lock(mutex_);
        for (const Waiting& one : batch) {
            waiting_entries_ -= one.entries.size();
            committed_.add(static_cast<double>(one.entries.size()));
            queue_.pop_front();
        }
        committed_ticket_ = queue_.empty() ? last_ticket_ : batch.back().ticket;
        const auto due = std::ranges::stable_partition(
            callbacks_, [&](const Callback& one)
                            VEDETTE_REQUIRES(mutex_) { return one.ticket > committed_ticket_; });
        std::ranges::move(due, std::back_inserter(ready));
        callbacks_.erase(due.begin(), due.end());
        changed_.notify_all();
    }
    for (const Callback& one : ready) one.then();
}

Result<void> Ledger::write(std::span<const Waiting> batch) {
    RowWriter rows(writer_);
    return writer_.transaction([&]() -> Result<void> {
        for (const Waiting& waiting : batch) {
            // Its transaction failed once and somebody acted meanwhile: the newest mark counts.
            bool unrecorded = waiting.unrecorded;
            {
                Lock lock(mutex_);
                for (const Waiting& one : queue_)
                    if (one.ticket == waiting.ticket) unrecorded = one.unrecorded;
            }
            for (const Entry& entry : waiting.entries)
                if (auto ok = rows.write(entry, unrecorded); !ok) return ok;
        }
        return {};
    });
}

void Ledger::note_failure(const Error& error) {
    failures_.add();
    if (!std::exchange(failing_, true))
        log_.error("ledger cannot write; pages go out before their record",
                   {{"error", error.message}});
}

/// Once an hour, in small bites, so that it never holds up a page.
void Ledger::prune() {
    const Timestamp now = clock_.now();
    if (now < next_prune_) return;
    next_prune_ = now + Milliseconds(1h);
    const std::int64_t before = (now - Milliseconds(limits::ledger_kept)).ms;
    for (const char* sql :
         {"DELETE FROM transitions WHERE id IN (SELECT id FROM transitions WHERE at_ms < ?1 LIMIT "
          "5000)",
          "DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE at_ms < ?1 LIMIT "
          "5000)",
          "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE planned_ms < ?1 "
          "AND finished_ms IS NOT NULL LIMIT 5000)",
          "DELETE FROM alerts WHERE state = 'resolved' AND resolved_ms < ?1",
          "DELETE FROM concerned WHERE since_ms < ?1 AND NOT EXISTS (SELECT 1 FROM alerts a WHERE "
          "a.fingerprint = concerned.fingerprint AND a.since_ms = concerned.since_ms)",
          "DELETE FROM silences WHERE ends_ms < ?1",
          "DELETE FROM audit WHERE row IN (SELECT row FROM audit WHERE at_ms < ?1 LIMIT 5000)"}) {
        auto statement = writer_.prepare(sql);
        if (!statement) return note_failure(statement.error());
        if (auto ok = statement->bind(1, before).run(); !ok) return note_failure(ok.error());
    }
}

// ── reading ──

Result<Memory> Ledger::recall() {
    Lock lock(reader_mutex_);
    Memory out;
    // Resolved ones of the last days may still be owed to somebody; the dispatcher knows by `told`.
    auto alerts =
        select<Alert>(reader_,
                      fmt::format("SELECT {} FROM alerts WHERE state = 'firing' OR (state = "
                                  "'resolved' AND fired_ms IS NOT NULL AND resolved_ms > {})",
                                  alert_columns, (clock_.now() - Milliseconds(72h)).ms),
                      read_alert);
    auto told = select<ToldEntry>(
        reader_, "SELECT group_key, receiver, integration, at_ms, firing, resolved, remember FROM told",
        read_told);
    auto unfinished = select<AttemptEntry>(
        reader_,
        fmt::format("SELECT {} FROM attempts WHERE finished_ms IS NULL ORDER BY id",
                    attempt_columns),
        read_attempt);
    auto silences = select<Silence>(
        reader_, fmt::format("SELECT {} FROM silences", silence_columns), read_silence);
    auto posted = select<ResentEntry>(
        reader_,
        "SELECT fingerprint, since_ms, starts_ms, ends_ms, updated_ms, by_timeout FROM alerts "
        "WHERE state = 'firing' AND ends_ms IS NOT NULL",
        read_posted);
    if (!posted) return fail(posted.error());
    out.posted = std::move(*posted);
    if (!alerts) return fail(alerts.error());
    if (!told) return fail(told.error());
    if (!unfinished) return fail(unfinished.error());
    if (!silences) return fail(silences.error());
    out.alerts = std::move(*alerts);
    out.told = std::move(*told);
    out.unfinished = std::move(*unfinished);
    out.silences = std::move(*silences);
    auto last = reader_.prepare("SELECT coalesce(max(id), 0) FROM attempts");
    if (!last) return fail(last.error());
    if (auto row = last->step(); !row) return fail(row.error());
    out.last_attempt_id = last->integer(0);
    return out;
}

Result<std::vector<Alert>> Ledger::open_alerts() {
    Lock lock(reader_mutex_);
    return select<Alert>(
        reader_,
        fmt::format("SELECT {} FROM alerts WHERE state <> 'resolved' AND ends_ms IS NULL",
                    alert_columns),
        read_alert);
}

Result<std::vector<AuditRow>> Ledger::audit(std::size_t count) {
    Lock lock(reader_mutex_);
    return select<AuditRow>(
        reader_,
        fmt::format("SELECT {}, who, what, at_ms FROM audit ORDER BY row DESC LIMIT {}",
                    silence_columns, count),
        +[](const Statement& row) -> Result<AuditRow> {
            auto silence = read_silence(row);
            if (!silence) return fail(silence.error());
            return AuditRow{{row.integer(11)}, row.text(9), row.text(10), std::move(*silence)};
        });
}

Result<Story> Ledger::story(AlertId id) {
    Lock lock(reader_mutex_);
    const std::string whose = fmt::format("fingerprint = {} AND since_ms = {}",
                                          static_cast<std::int64_t>(id.fingerprint), id.since.ms);
    auto alert = select<Alert>(
        reader_, fmt::format("SELECT {} FROM alerts WHERE {}", alert_columns, whose), read_alert);
    if (!alert) return fail(alert.error());
    if (alert->empty())
        return fail(Fault::NotFound, fmt::format("the ledger has no alert `{}`", to_string(id)));
    Story out{std::move(alert->front()), {}};
    const auto concerned = [&](std::string_view kind) {
        return fmt::format("(SELECT row FROM concerned WHERE {} AND kind = '{}')", whose, kind);
    };
    auto lines = reader_.prepare(fmt::format(
        "SELECT at_ms, state, reason, '', unrecorded, 0, id FROM transitions WHERE {0} "
        "UNION ALL SELECT at_ms, 'decided', reason, receiver || CASE detail WHEN '' THEN '' ELSE ' "
        "by ' "
        "|| detail END, unrecorded, 1, id FROM decisions WHERE id IN {1} "
        "UNION ALL SELECT coalesce(started_ms, planned_ms), CASE WHEN started_ms IS NULL THEN "
        "'planned' "
        "ELSE 'attempt ' || number END, reason, receiver || CASE possible_repeat WHEN 1 THEN ', "
        "possible "
        "repeat' ELSE '' END, unrecorded, 2, id FROM attempts WHERE id IN {2} "
        "UNION ALL SELECT finished_ms, 'outcome', outcome, receiver || CASE status WHEN 0 THEN '' "
        "ELSE ' ' "
        "|| status END || CASE error WHEN '' THEN '' ELSE ': ' || error END, unrecorded, 3, id "
        "FROM "
        "attempts WHERE finished_ms IS NOT NULL AND id IN {2} ORDER BY 1, 6, 7 LIMIT {3}",
        whose, concerned("decision"), concerned("attempt"), limits::story_lines_max));
    if (!lines) return fail(lines.error());
    for (;;) {
        const auto row = lines->step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        out.lines.push_back({{lines->integer(0)},
                             lines->text(1),
                             lines->text(2),
                             lines->text(3),
                             lines->integer(4) != 0});
    }
}

Result<std::vector<AttemptRow>> Ledger::recent_attempts(std::size_t count) {
    Lock lock(reader_mutex_);
    return select<AttemptRow>(
        reader_,
        fmt::format("SELECT {} FROM attempts ORDER BY id DESC LIMIT {}", attempt_columns, count),
        +[](const Statement& row) -> Result<AttemptRow> {
            auto entry = read_attempt(row);
            if (!entry) return fail(entry.error());
            return AttemptRow{std::move(*entry), read_attempt_end(row)};
        });
}

}  // namespace vedette::notify
