#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/time.h"
#include "promql/syntax/ast.h"
#include "rules/rule_file.h"

/// Our own keys of an alerting rule, each instead of `expr`, compiled to plain PromQL. What is
/// evaluated, shown and exported is the compiled form; docs/rules has a page for each key.
namespace vedette::rules {

inline constexpr std::array<std::string_view, 4> own_keys{"threshold", "forecast", "burn_rate",
                                                          "baseline"};
/// Stands beside `threshold`.
inline constexpr std::string_view absent_key = "absent_for";

/// Whether this rule has one of our keys, `absent_for` among them.
bool has_own_key(const ConfigNode& rule);

/// Reports each own key in a file that may have Prometheus's only, and names `vedette_rules`.
void refuse_own_keys(MapReader& rule);

/// A condition in our words.
struct OwnCondition {
    std::string written;  ///< in one line, as the file has it: `threshold: {metric: x, above: 1}`
    std::shared_ptr<const promql::Expr> expr;  ///< null when something is wrong with it
};

/// Reads and compiles the own key of `rule`, whose name and labels (the group's among them) are
/// read already; `interval` is the group's, when it has one, and `features` those of its
/// expressions. Every problem is reported at its
/// place. Nothing when the rule has no own key; all of them are known to `map` afterwards.
std::optional<OwnCondition> read_own_condition(MapReader& map, const Rule& rule,
                                               std::optional<Milliseconds> interval,
                                               promql::Features features);

}  // namespace vedette::rules
