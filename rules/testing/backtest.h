#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/labels.h"
#include "core/series.h"
#include "core/time.h"
#include "promql/features.h"
#include "rules/rule_file.h"

namespace vedette::rules::testing {

/// One alert's way through history, from when it fired to when it was over.
struct Firing {
    Labels labels;
    Timestamp from;
    std::optional<Timestamp> until;  ///< nothing: it still fires at the end

    Milliseconds lasted(Timestamp end) const { return until.value_or(end) - from; }
};

/// What became of one alerting rule, or of all of one name.
struct AlertHistory {
    std::string group, name;
    std::vector<Firing> firings;  ///< by when they began
    std::string error;            ///< of the first evaluation that failed
    std::uint64_t failed = 0;     ///< evaluations

    /// How often somebody would have been paged: alerts of one rule that begin at the same
    /// evaluation are one message.
    std::size_t pages() const;
    double pages_per_week(Window window) const;
};

struct BacktestSettings {
    Window window;
    Milliseconds evaluation_interval{60'000};  ///< of groups that name none
    promql::Features features;
    Labels external_labels;
};

/// Evaluates the rules at every time in the window at which they would have been, over what
/// `source` remembers, as the running program does: in order, with `for`, and with what one rule
/// recorded visible to the next. Begins as long before the window as the longest `for` is, so that
/// what held already fires in time; what fired before the window and still does counts from its
/// begin. What the rules record, ALERTS among it, is computed and not read from `source`.
///
/// One history an alerting rule, in the order of the files. Fails when the source does; a rule that
/// fails says so in its history.
Result<std::vector<AlertHistory>> backtest(const std::vector<RuleGroup>& groups,
                                           SeriesSource& source, const BacktestSettings& settings,
                                           std::stop_token stop = {});

/// What fired as it was: by the ALERTS that the running rules left in `source`. A gap of more than
/// `gap` ends one. Sorted by name.
Result<std::vector<AlertHistory>> as_it_was(SeriesSource& source, Window window, Milliseconds gap);

}  // namespace vedette::rules::testing
