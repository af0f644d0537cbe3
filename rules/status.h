#pragma once

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
};

}  // namespace vedette::rules
