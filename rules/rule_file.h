#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/time.h"
#include "promql/features.h"
#include "promql/syntax/ast.h"
#include "rules/alert_state.h"

namespace vedette::rules {

using TextMap = std::vector<std::pair<std::string, std::string>>;

/// One rule as its file has it.
struct Rule {
    enum class Kind { Recording, Alerting };

    Kind kind = Kind::Recording;
    std::string name;        ///< of the recorded series, or of the alert
    std::string expression;  ///< as Prometheus prints it
    std::string own_key;     ///< what `expression` is compiled from; empty when the file has `expr`
    std::shared_ptr<const promql::Expr> expr;
    Holds holds;          ///< of an alert
    TextMap labels;       ///< the group's among them; templates in an alerting rule; sorted by name
    TextMap annotations;  ///< templates; sorted by name
};

struct RuleGroup {
    std::string file, name;
    std::optional<Milliseconds> interval;      ///< absent: the program's `evaluation_interval`
    std::optional<Milliseconds> query_offset;  ///< absent: the program's `rule_query_offset`
    std::size_t limit = 0;                     ///< of alerts or series a rule may give; 0: none
    bool on_arrival = false;  ///< `evaluate: on_arrival`: also whenever samples came
    /// `catch_up`: after an outage that was no longer, its evaluations are made up for. Zero: never.
    Milliseconds catch_up{0};
    std::vector<Rule> rules;
};

/// The longest `catch_up`; evaluations more than catch_up_evaluations_max ago are left out as well.
inline constexpr Milliseconds catch_up_max = std::chrono::hours(24);
inline constexpr std::int64_t catch_up_evaluations_max = 10'000;

/// Whose keys a rule file may have: Prometheus's (`rule_files`), or ours too (`vedette_rules`).
enum class Dialect { Prometheus, Vedette };

struct RuleReading {
    RuleReading(Dialect keys = Dialect::Prometheus, bool ignore = false)
        : dialect(keys), ignore_unknown_fields(ignore) {}

    Dialect dialect;
    bool ignore_unknown_fields;  ///< keys that nobody knows are no problem
    promql::Features features;   ///< of the expressions
    bool warn_of_duplicates = true;
};

/// Reads one rule file, strictly, and checks it as `promtool check rules` does: unknown keys,
/// expressions, names, templates. Our own keys are compiled. Rules written twice are a warning.
/// What is wrong goes to `problems`, each with its place; then the groups returned are not fit for
/// use.
std::vector<RuleGroup> read_rules(const ConfigNode& root, Problems& problems,
                                  const RuleReading& how = {});

/// The same from a text; `name` is what messages and the API call the file.
std::vector<RuleGroup> read_rules(const std::string& name, std::string_view text,
                                  Problems& problems, const RuleReading& how = {});

/// What rules are told apart by: the name of series or alert, and the labels, sorted.
using RuleName = std::pair<std::string, TextMap>;

/// What stands there more than once, sorted; promtool's lint `duplicate-rules`.
std::vector<RuleName> duplicate_rules(const std::vector<RuleGroup>& groups);

}  // namespace vedette::rules
