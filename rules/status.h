#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/alert.h"
#include "core/labels.h"
#include "core/time.h"
#include "rules/rule_file.h"

/// What the API and the pages show of rules: plain values, a copy of one moment.
namespace vedette::rules {

struct AlertStatus {
    AlertId id;
    Labels labels;
    Annotations annotations;
    AlertState state = AlertState::Pending;  ///< never Resolved: those are not shown
    Timestamp active_at;
    std::optional<Timestamp> keep_firing_since;
    double value = 0;
    std::string reason;  ///< of the last transition
};

struct RuleStatus {
    enum class Health { Unknown, Ok, Failed };

    Rule::Kind kind = Rule::Kind::Recording;
    std::string name, query;
    std::string own_key;  ///< what `query` is compiled from, when it is
    Holds holds;
    TextMap labels, annotations;
    std::vector<AlertStatus> alerts;
    Health health = Health::Unknown;
    std::string last_error;
    double evaluation_seconds = 0;
    std::optional<Timestamp> last_evaluation;
    /// What the last evaluation read; nothing where the source does not say.
    std::optional<std::int64_t> samples, series;
    std::uint64_t evaluations = 0, failures = 0;
    /// Why a selector of it selects nothing, with the nearest name there is; empty when all is well
    /// or not looked into yet.
    std::string unmatched;

    /// The worst of its alerts: `inactive`, `pending`, `firing`.
    std::string_view state() const;
};

std::string_view to_string(
    RuleStatus::Health health);  // Prometheus's words: "unknown", "ok", "err"

struct GroupStatus {
    std::string name, file;
    Milliseconds interval{0};
    std::size_t limit = 0;
    std::vector<RuleStatus> rules;
    double evaluation_seconds = 0;
    std::optional<Timestamp> last_evaluation;
    bool on_arrival = false;
    std::uint64_t iterations = 0, missed = 0;
};

}  // namespace vedette::rules
