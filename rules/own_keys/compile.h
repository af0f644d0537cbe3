#pragma once

#include <optional>
#include <string>

#include "core/config.h"
#include "core/time.h"
#include "promql/features.h"
#include "rules/rule_file.h"

/// One compiler a key: reads the key's map and gives PromQL as text. Nothing, and problems at their
/// places, when something is wrong. `rule` has its name and labels; `features` are those of the
/// expressions that the key is about.
namespace vedette::rules {

/// Above, below or outside of a level; stays lit until it is back at `recover`.
///
///     above ┄┄┄┄┄┄╱▔╲┄┄┄┄┄┄┄┄┄┄
///   recover ┄┄┄┄┄╱┄┄┄╲__╱╲┄┄┄┄┄      between the two: quiet on the way up, lit on the way down
///     value ____╱        ╱  ╲____
///     fires       ████████████
///
/// `absent_for`: what else fires, when series vanish; absent when nothing does.
std::optional<std::string> compile_threshold(const ConfigNode& key, Problems& problems,
                                             const std::string& what, promql::Features features,
                                             const Rule& rule,
                                             std::optional<Milliseconds> interval,
                                             std::optional<Milliseconds> absent_for);

/// The line through the values of `over`, `within` from now, is on the other side of `crosses`.
std::optional<std::string> compile_forecast(const ConfigNode& key, Problems& problems,
                                            const std::string& what, promql::Features features);

/// The share of failures is a multiple of what the objective leaves, over a long window and over
/// the short one at its end.
std::optional<std::string> compile_burn_rate(const ConfigNode& key, Problems& problems,
                                             const std::string& what, promql::Features features,
                                             const Rule& rule);

/// Away from the median of this hour, as UTC counts them, of this weekday of the last four weeks.
std::optional<std::string> compile_baseline(const ConfigNode& key, Problems& problems,
                                            const std::string& what, promql::Features features);

}  // namespace vedette::rules
