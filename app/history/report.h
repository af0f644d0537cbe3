#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/time.h"
#include "rules/testing/backtest.h"

namespace vedette::app {

using Histories = std::vector<rules::testing::AlertHistory>;

/// What became of rules over history, for people: a table with a line for each alert, how its pages
/// a week differ from those of `before` (by name; alerts only there come last), and below when each
/// fired, the last `shown_max` times.
///
///   alert    fired  pages/week  as it is  difference  median  longest
///   Slow         3           3         1          +2   4 min   12 min
///
///   Slow
///     2026-11-18T09:12:00Z  for 4 min  {instance="a"}
std::string history_report(const Histories& histories, const Histories& before, Window window,
                           std::size_t shown_max);

}  // namespace vedette::app
