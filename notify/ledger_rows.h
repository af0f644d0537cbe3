#pragma once

#include <span>

#include "base/sqlite.h"
#include "notify/entries.h"

namespace vedette::notify {

/// The schema of `alerts.db`, step by step.
std::span<const Migration> ledger_migrations();

/// Writes entries as rows. Statements are prepared once; belongs to its database's thread.
class RowWriter {
public:
    explicit RowWriter(Database& database) : database_(database) {}

    /// `unrecorded`: it was acted on before this.
    Result<void> write(const Entry& entry, bool unrecorded);

private:
    Result<Statement*> statement(std::size_t which);
    Result<void> write_alert(const AlertEntry& entry, bool unrecorded);
    Result<void> write_decision(const DecisionEntry& entry, bool unrecorded);
    Result<void> write_attempt(const AttemptEntry& entry, bool unrecorded);
    Result<void> write_end(const AttemptEndEntry& entry, bool unrecorded);
    Result<void> write_concerned(std::string_view kind, std::int64_t row,
                                 const std::vector<AlertId>& alerts);
    Result<void> write_told(const ToldEntry& entry);
    Result<void> write_resent(const ResentEntry& entry);
    Result<void> write_silence(const SilenceEntry& entry);
    Result<void> write_audit(const SilenceEntry& entry);

    Database& database_;
    std::vector<std::optional<Statement>> statements_;
};

/// Columns that `read_alert` expects, in order.
inline constexpr std::string_view alert_columns =
    "fingerprint, since_ms, labels, annotations, state, value, active_ms, fired_ms, resolved_ms, "
    "generator_url, rule, reason";
Result<Alert> read_alert(const Statement& row);

inline constexpr std::string_view attempt_columns =
    "id, group_key, receiver, integration, number, reason, alerts, planned_ms, started_ms, "
    "possible_repeat, finished_ms, outcome, status, error";
Result<AttemptEntry> read_attempt(const Statement& row);
std::optional<AttemptEndEntry> read_attempt_end(const Statement& row);

Result<ToldEntry> read_told(const Statement& row);    // group_key, receiver, integration, at_ms, firing, resolved, remember
/// fingerprint, since_ms, starts_ms, ends_ms, updated_ms, by_timeout
Result<ResentEntry> read_posted(const Statement& row);

inline constexpr std::string_view silence_columns =
    "id, matchers, starts_ms, ends_ms, updated_ms, created_by, comment, recurring, until_resolved";
Result<Silence> read_silence(const Statement& row);

/// `{"job":"checkout"}`, names sorted; and back.
std::string print_labels(const Labels& labels);
Result<Labels> parse_labels(const std::string& text);
/// The same shape; a text may be empty.
std::string print_annotations(const Annotations& annotations);
Result<Annotations> parse_annotations(const std::string& text);
/// `c0ffee…-1790000000000 …`: alert ids with spaces between.
std::string print_ids(const std::vector<AlertId>& ids);

}  // namespace vedette::notify
