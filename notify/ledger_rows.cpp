#include "notify/ledger_rows.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace vedette::notify {
namespace {

constexpr Migration migrations[] = {
    {1, R"sql(
CREATE TABLE alerts (
    fingerprint   INTEGER NOT NULL,
    since_ms      INTEGER NOT NULL,
    labels        TEXT NOT NULL,
    annotations   TEXT NOT NULL,
    state         TEXT NOT NULL,
    value         REAL,
    active_ms     INTEGER NOT NULL,
    fired_ms      INTEGER,
    resolved_ms   INTEGER,
    generator_url TEXT NOT NULL,
    rule          TEXT NOT NULL,
    reason        TEXT NOT NULL,
    updated_ms    INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, since_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_open ON alerts (updated_ms) WHERE state <> 'resolved';
CREATE INDEX alerts_resolved ON alerts (resolved_ms) WHERE state = 'resolved';
CREATE TABLE transitions (
    id          INTEGER PRIMARY KEY,
    fingerprint INTEGER NOT NULL,
    since_ms    INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    state       TEXT NOT NULL,
    value       REAL,
    reason      TEXT NOT NULL,
    unrecorded  INTEGER NOT NULL
) STRICT;
CREATE INDEX transitions_alert ON transitions (fingerprint, since_ms);
CREATE INDEX transitions_at ON transitions (at_ms);
CREATE TABLE decisions (
    id          INTEGER PRIMARY KEY,
    at_ms       INTEGER NOT NULL,
    group_key   TEXT NOT NULL,
    receiver    TEXT NOT NULL,
    integration INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    alerts      TEXT NOT NULL,
    unrecorded  INTEGER NOT NULL
) STRICT;
CREATE INDEX decisions_at ON decisions (at_ms);
CREATE TABLE attempts (
    id              INTEGER PRIMARY KEY,
    group_key       TEXT NOT NULL,
    receiver        TEXT NOT NULL,
    integration     INTEGER NOT NULL,
    number          INTEGER NOT NULL,
    reason          TEXT NOT NULL,
    alerts          TEXT NOT NULL,
    planned_ms      INTEGER NOT NULL,
    started_ms      INTEGER,
    possible_repeat INTEGER NOT NULL,
    finished_ms     INTEGER,
    outcome         TEXT,
    status          INTEGER,
    error           TEXT,
    unrecorded      INTEGER NOT NULL
) STRICT;
CREATE INDEX attempts_unfinished ON attempts (id) WHERE finished_ms IS NULL;
CREATE INDEX attempts_planned ON attempts (planned_ms);
CREATE TABLE concerned (
    kind        TEXT NOT NULL,
    row         INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    since_ms    INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, since_ms, kind, row)
) STRICT, WITHOUT ROWID;
CREATE TABLE told (
    group_key   TEXT NOT NULL,
    receiver    TEXT NOT NULL,
    integration INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    firing      TEXT NOT NULL,
    resolved    TEXT NOT NULL,
    PRIMARY KEY (group_key, receiver, integration)
) STRICT, WITHOUT ROWID;
CREATE TABLE silences (
    id         TEXT PRIMARY KEY,
    matchers   TEXT NOT NULL,
    starts_ms  INTEGER NOT NULL,
    ends_ms    INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    comment    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql"},
                         {2, "ALTER TABLE told ADD COLUMN remember TEXT NOT NULL DEFAULT '';"},

    // Alerts of other programs, which end by the clock; silences that recur; who changed them.
    {3, R"sql(
ALTER TABLE alerts ADD COLUMN starts_ms INTEGER;
ALTER TABLE alerts ADD COLUMN ends_ms INTEGER;
ALTER TABLE alerts ADD COLUMN by_timeout INTEGER NOT NULL DEFAULT 0;
ALTER TABLE silences ADD COLUMN recurring TEXT NOT NULL DEFAULT '';
ALTER TABLE silences ADD COLUMN until_resolved INTEGER NOT NULL DEFAULT 0;
CREATE TABLE audit (
    row            INTEGER PRIMARY KEY,
    at_ms          INTEGER NOT NULL,
    who            TEXT NOT NULL,
    what           TEXT NOT NULL,
    id             TEXT NOT NULL,
    matchers       TEXT NOT NULL,
    starts_ms      INTEGER NOT NULL,
    ends_ms        INTEGER NOT NULL,
    updated_ms     INTEGER NOT NULL,
    created_by     TEXT NOT NULL,
    comment        TEXT NOT NULL,
    recurring      TEXT NOT NULL,
    until_resolved INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at_ms);
)sql"}};

enum Which : std::size_t { PutAlert, AddTransition, AddDecision, PutAttempt, EndAttempt, PutTold,
                           PutSilence, AddConcerned, PutTimes, AddAudit, StatementCount };

constexpr std::string_view statements[StatementCount] = {
    "INSERT INTO alerts VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16) "
    "ON CONFLICT (fingerprint, since_ms) DO UPDATE SET labels=?3, annotations=?4, state=?5, value=?6, "
    "active_ms=?7, fired_ms=?8, resolved_ms=?9, generator_url=?10, rule=?11, reason=?12, "
    "updated_ms=?13, starts_ms=?14, ends_ms=?15, by_timeout=?16",
    // A resend is no transition: only a state that differs from the last one is a row.
    "INSERT INTO transitions (fingerprint, since_ms, at_ms, state, value, reason, unrecorded) "
    "SELECT ?1,?2,?3,?4,?5,?6,?7 WHERE ?4 IS NOT (SELECT state FROM transitions "
    "WHERE fingerprint=?1 AND since_ms=?2 ORDER BY id DESC LIMIT 1)",
    "INSERT INTO decisions (at_ms, group_key, receiver, integration, reason, detail, alerts, unrecorded) "
    "VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
    "INSERT INTO attempts (id, group_key, receiver, integration, number, reason, alerts, planned_ms, "
    "started_ms, possible_repeat, unrecorded) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) "
    "ON CONFLICT (id) DO UPDATE SET number=?5, reason=?6, alerts=?7, started_ms=?9, possible_repeat=?10, "
    "unrecorded=max(unrecorded, ?11)",
    "UPDATE attempts SET finished_ms=?2, outcome=?3, status=?4, error=?5, unrecorded=max(unrecorded, ?6) "
    "WHERE id=?1",
    "INSERT OR REPLACE INTO told VALUES (?1,?2,?3,?4,?5,?6,?7)",
    "INSERT OR REPLACE INTO silences VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
    "INSERT OR IGNORE INTO concerned VALUES (?1,?2,?3,?4)",
    "UPDATE alerts SET starts_ms=?3, ends_ms=?4, updated_ms=?5, by_timeout=?6 "
    "WHERE fingerprint=?1 AND since_ms=?2",
    "INSERT INTO audit (id, matchers, starts_ms, ends_ms, updated_ms, created_by, comment, "
    "recurring, until_resolved, at_ms, who, what) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?5,?10,?11)",
};

std::int64_t signed_of(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

void bind_time(Statement& to, int index, const std::optional<Timestamp>& at) {
    if (at) to.bind(index, at->ms);
    else to.bind_null(index);
}

void bind_value(Statement& to, int index, double value) {
    if (std::isnan(value)) to.bind_null(index);  // SQLite has no NaN
    else to.bind(index, value);
}

std::optional<Timestamp> read_time(const Statement& row, int column) {
    if (row.is_null(column)) return std::nullopt;
    return Timestamp{row.integer(column)};
}

std::string print_fingerprints(const Fingerprints& all) {
    std::string out;
    for (const std::uint64_t one : all) out += (out.empty() ? "" : " ") + format_fingerprint(one);
    return out;
}

Result<Fingerprints> parse_fingerprints(std::string_view text) {
    Fingerprints out;
    while (!text.empty()) {
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
        if (error != std::errc()) return fail(Fault::Corrupt, "a fingerprint cannot be read");
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.starts_with(' ')) text.remove_prefix(1);
        out.push_back(value);
    }
    return out;
}

Result<std::vector<AlertId>> parse_ids(std::string_view text) {
    std::vector<AlertId> out;
    while (!text.empty()) {
        const std::size_t space = std::min(text.find(' '), text.size());
        auto id = parse_alert_id(text.substr(0, space));
        if (!id) return fail(Fault::Corrupt, id.error().message);
        out.push_back(*id);
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    return out;
}

Result<AlertState> parse_state(std::string_view text) {
    for (const AlertState one : {AlertState::Pending, AlertState::Firing, AlertState::Resolved})
        if (to_string(one) == text) return one;
    return fail(Fault::Corrupt, fmt::format("an alert has the state {}", quote(text)));
}

template <typename Texts>
std::string print_texts(const Texts& texts) {
    nlohmann::json out = nlohmann::json::object();
    for (const auto& [name, text] : texts) out[std::string(name)] = text;
    return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Annotations::Texts> parse_texts(const std::string& text) {
    const auto parsed = nlohmann::json::parse(text, nullptr, false);
    if (!parsed.is_object()) return fail(Fault::Corrupt, "labels are no JSON object");
    Annotations::Texts out;
    for (const auto& [name, value] : parsed.items()) {
        if (!value.is_string()) return fail(Fault::Corrupt, "a label's value is no text");
        out.emplace(name, value.get<std::string>());
    }
    return out;
}

}  // namespace

std::span<const Migration> ledger_migrations() {
    return migrations;
}

std::string print_labels(const Labels& labels) {
    return print_texts(labels);
}

Result<Labels> parse_labels(const std::string& text) {
    const auto texts = parse_texts(text);
    if (!texts) return fail(texts.error());
    LabelsBuilder out;
    for (const auto& [name, value] : *texts) out.set(name, value);
    return out.build();
}

std::string print_annotations(const Annotations& annotations) {
    return print_texts(annotations);
}

Result<Annotations> parse_annotations(const std::string& text) {
    auto texts = parse_texts(text);
    if (!texts) return fail(texts.error());
    return Annotations(*std::move(texts));
}

std::string print_ids(const std::vector<AlertId>& ids) {
    std::string out;
    for (const AlertId& one : ids) out += (out.empty() ? "" : " ") + to_string(one);
    return out;
}

Result<Statement*> RowWriter::statement(std::size_t which) {
    if (statements_.empty()) statements_.resize(StatementCount);
    if (!statements_[which]) {
        auto prepared = database_.prepare(statements[which]);
        if (!prepared) return fail(prepared.error());
        statements_[which] = std::move(*prepared);
    }
    return &*statements_[which];
}

Result<void> RowWriter::write(const Entry& entry, bool unrecorded) {
    if (const auto* one = std::get_if<AlertEntry>(&entry)) return write_alert(*one, unrecorded);
    if (const auto* one = std::get_if<ResentEntry>(&entry)) return write_resent(*one);
    if (const auto* one = std::get_if<DecisionEntry>(&entry)) return write_decision(*one, unrecorded);
    if (const auto* one = std::get_if<AttemptEntry>(&entry)) return write_attempt(*one, unrecorded);
    if (const auto* one = std::get_if<AttemptEndEntry>(&entry)) return write_end(*one, unrecorded);
    if (const auto* one = std::get_if<ToldEntry>(&entry)) return write_told(*one);
    return write_silence(std::get<SilenceEntry>(entry));
}

Result<void> RowWriter::write_alert(const AlertEntry& entry, bool unrecorded) {
    const Alert& alert = *entry.alert;
    auto put = statement(PutAlert);
    if (!put) return fail(put.error());
    Statement& s = **put;
    s.bind(1, signed_of(alert.id.fingerprint)).bind(2, alert.id.since.ms);
    s.bind(3, print_labels(alert.labels)).bind(4, print_annotations(alert.annotations));
    s.bind(5, to_string(alert.state));
    bind_value(s, 6, alert.value);
    s.bind(7, alert.active_at.ms);
    bind_time(s, 8, alert.fired_at);
    bind_time(s, 9, alert.resolved_at);
    s.bind(10, alert.generator_url).bind(11, alert.rule).bind(12, alert.reason).bind(13, entry.at.ms);
    if (entry.posted)
        s.bind(14, entry.posted->starts.ms).bind(15, entry.posted->ends.ms);
    else
        s.bind_null(14).bind_null(15);
    s.bind(16, std::int64_t{entry.posted && entry.posted->by_timeout});
    if (auto ok = s.run(); !ok) return ok;
    auto add = statement(AddTransition);
    if (!add) return fail(add.error());
    Statement& t = **add;
    t.bind(1, signed_of(alert.id.fingerprint)).bind(2, alert.id.since.ms).bind(3, entry.at.ms);
    t.bind(4, to_string(alert.state));
    bind_value(t, 5, alert.value);
    t.bind(6, alert.reason).bind(7, std::int64_t{unrecorded});
    return t.run();
}

Result<void> RowWriter::write_concerned(std::string_view kind, std::int64_t row,
                                        const std::vector<AlertId>& alerts) {
    auto add = statement(AddConcerned);
    if (!add) return fail(add.error());
    for (const AlertId& id : alerts) {
        Statement& s = **add;
        s.bind(1, kind).bind(2, row).bind(3, signed_of(id.fingerprint)).bind(4, id.since.ms);
        if (auto ok = s.run(); !ok) return ok;
    }
    return {};
}

Result<void> RowWriter::write_decision(const DecisionEntry& entry, bool unrecorded) {
    auto add = statement(AddDecision);
    if (!add) return fail(add.error());
    Statement& s = **add;
    s.bind(1, entry.at.ms).bind(2, entry.key.group_key).bind(3, entry.key.receiver);
    s.bind(4, std::int64_t{entry.key.integration}).bind(5, to_string(entry.reason));
    s.bind(6, entry.detail).bind(7, print_ids(entry.alerts)).bind(8, std::int64_t{unrecorded});
    if (auto ok = s.run(); !ok) return ok;
    return write_concerned("decision", database_.last_insert_id(), entry.alerts);
}

Result<void> RowWriter::write_attempt(const AttemptEntry& entry, bool unrecorded) {
    auto put = statement(PutAttempt);
    if (!put) return fail(put.error());
    Statement& s = **put;
    s.bind(1, entry.id).bind(2, entry.key.group_key).bind(3, entry.key.receiver);
    s.bind(4, std::int64_t{entry.key.integration}).bind(5, std::int64_t{entry.number});
    s.bind(6, to_string(entry.reason)).bind(7, print_ids(entry.alerts)).bind(8, entry.planned.ms);
    bind_time(s, 9, entry.started);
    s.bind(10, std::int64_t{entry.possible_repeat}).bind(11, std::int64_t{unrecorded});
    if (auto ok = s.run(); !ok) return ok;
    return write_concerned("attempt", entry.id, entry.alerts);
}

Result<void> RowWriter::write_end(const AttemptEndEntry& entry, bool unrecorded) {
    auto end = statement(EndAttempt);
    if (!end) return fail(end.error());
    Statement& s = **end;
    s.bind(1, entry.id).bind(2, entry.finished.ms).bind(3, to_string(entry.outcome));
    s.bind(4, std::int64_t{entry.status}).bind(5, entry.error).bind(6, std::int64_t{unrecorded});
    return s.run();
}

Result<void> RowWriter::write_told(const ToldEntry& entry) {
    auto put = statement(PutTold);
    if (!put) return fail(put.error());
    Statement& s = **put;
    s.bind(1, entry.key.group_key).bind(2, entry.key.receiver);
    s.bind(3, std::int64_t{entry.key.integration}).bind(4, entry.at.ms);
    s.bind(5, print_fingerprints(entry.firing)).bind(6, print_fingerprints(entry.resolved));
    s.bind(7, entry.remember);
    return s.run();
}

Result<void> RowWriter::write_resent(const ResentEntry& entry) {
    auto put = statement(PutTimes);
    if (!put) return fail(put.error());
    Statement& s = **put;
    s.bind(1, signed_of(entry.id.fingerprint)).bind(2, entry.id.since.ms);
    s.bind(3, entry.times.starts.ms).bind(4, entry.times.ends.ms).bind(5, entry.times.updated.ms);
    s.bind(6, std::int64_t{entry.times.by_timeout});
    return s.run();
}

namespace {

void bind_silence(Statement& s, const Silence& silence) {
    s.bind(1, silence.id).bind(2, to_string(silence.matchers)).bind(3, silence.starts.ms);
    s.bind(4, silence.ends.ms).bind(5, silence.updated.ms).bind(6, silence.created_by);
    s.bind(7, silence.comment).bind(8, silence.recurring);
    s.bind(9, std::int64_t{silence.until_resolved});
}

}  // namespace

Result<void> RowWriter::write_silence(const SilenceEntry& entry) {
    auto put = statement(PutSilence);
    if (!put) return fail(put.error());
    bind_silence(**put, entry.silence);
    if (auto ok = (*put)->run(); !ok || entry.what.empty()) return ok;
    return write_audit(entry);
}

Result<void> RowWriter::write_audit(const SilenceEntry& entry) {
    auto add = statement(AddAudit);
    if (!add) return fail(add.error());
    bind_silence(**add, entry.silence);
    (*add)->bind(10, entry.who).bind(11, entry.what);
    return (*add)->run();
}

Result<Alert> read_alert(const Statement& row) {
    Alert out;
    out.id = {static_cast<std::uint64_t>(row.integer(0)), {row.integer(1)}};
    auto labels = parse_labels(row.text(2));
    auto annotations = parse_annotations(row.text(3));
    auto state = parse_state(row.text(4));
    if (!labels) return fail(labels.error());
    if (!annotations) return fail(annotations.error());
    if (!state) return fail(state.error());
    out.labels = std::move(*labels);
    out.annotations = std::move(*annotations);
    out.state = *state;
    out.value = row.is_null(5) ? std::nan("") : row.real(5);
    out.active_at = {row.integer(6)};
    out.fired_at = read_time(row, 7);
    out.resolved_at = read_time(row, 8);
    out.generator_url = row.text(9);
    out.rule = row.text(10);
    out.reason = row.text(11);
    return out;
}

Result<AttemptEntry> read_attempt(const Statement& row) {
    AttemptEntry out;
    out.id = row.integer(0);
    out.key = {row.text(1), row.text(2), static_cast<std::uint32_t>(row.integer(3))};
    out.number = static_cast<unsigned>(row.integer(4));
    const auto reason = parse_reason(row.text(5));
    auto alerts = parse_ids(row.text(6));
    if (!reason) return fail(Fault::Corrupt, fmt::format("attempt {} has no known reason", out.id));
    if (!alerts) return fail(alerts.error());
    out.reason = *reason;
    out.alerts = std::move(*alerts);
    out.planned = {row.integer(7)};
    out.started = read_time(row, 8);
    out.possible_repeat = row.integer(9) != 0;
    return out;
}

std::optional<AttemptEndEntry> read_attempt_end(const Statement& row) {
    if (row.is_null(10)) return std::nullopt;
    return AttemptEndEntry{row.integer(0), {row.integer(10)},
                           parse_reason(row.text(11)).value_or(Reason::Unfinished),
                           static_cast<int>(row.integer(12)), row.text(13)};
}

Result<ToldEntry> read_told(const Statement& row) {
    ToldEntry out;
    out.key = {row.text(0), row.text(1), static_cast<std::uint32_t>(row.integer(2))};
    out.at = {row.integer(3)};
    auto firing = parse_fingerprints(row.text(4));
    auto resolved = parse_fingerprints(row.text(5));
    if (!firing) return fail(firing.error());
    if (!resolved) return fail(resolved.error());
    out.firing = std::move(*firing);
    out.resolved = std::move(*resolved);
    out.remember = row.text(6);
    return out;
}

Result<ResentEntry> read_posted(const Statement& row) {
    return ResentEntry{{static_cast<std::uint64_t>(row.integer(0)), {row.integer(1)}},
                       {{row.integer(2)}, {row.integer(3)}, {row.integer(4)}, row.integer(5) != 0}};
}

Result<Silence> read_silence(const Statement& row) {
    Silence out;
    out.id = row.text(0);
    auto matchers = parse_matchers(row.text(1));
    if (!matchers) return fail(Fault::Corrupt, matchers.error().message);
    out.matchers = std::move(*matchers);
    out.starts = {row.integer(2)};
    out.ends = {row.integer(3)};
    out.updated = {row.integer(4)};
    out.created_by = row.text(5);
    out.comment = row.text(6);
    out.recurring = row.text(7);
    out.until_resolved = row.integer(8) != 0;
    if (auto ok = read_times(out); !ok) return fail(Fault::Corrupt, ok.error().message);
    return out;
}

}  // namespace vedette::notify
