#pragma once

#include <string>
#include <vector>

#include "app/commands/commands.h"
#include "core/time.h"

namespace vedette::app {

/// Which stretch of what a data folder remembers rules are tried on, and what is said of it.
struct HistoryOptions {
    Milliseconds since{0};  ///< so far back; zero: no history is asked for
    std::string until;      ///< RFC 3339; empty: now
    std::string data = "./data";
    // ── of `test rules` ──
    std::vector<std::string> against;  ///< rule files to compare with; none: what ALERTS says
    bool all = false;                  ///< show every time that an alert fired
    // ── of `check rules` ──
    bool check = false;
    double pages_max = 10;  ///< a week, before an alert is warned of
};

/// `vedette test rules FILE... --since 7d`: when each alert would have fired on stored history, and
/// how that differs from the rules as they are. The files are rules, not tests.
Exit backtest_rules(const TestOptions& options, const HistoryOptions& history);

/// `vedette check rules FILE... --history`, after `check_rules` found the files fine: alerts that
/// would page too often, and rules that select nothing. LintOnly when there is something to say
/// and `lint_fatal` asks for it.
Exit check_history(const CheckOptions& options, const HistoryOptions& history);

}  // namespace vedette::app
