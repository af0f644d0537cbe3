#pragma once

#include <string>
#include <vector>

#include "app/commands/history.h"
#include "app/history/report.h"
#include "core/error.h"
#include "core/series.h"
#include "rules/rule_file.h"

namespace vedette::app {

/// The stretch of history that options name: `since` up to `until`, or up to now. Fails with
/// BadInput and the option's name.
Result<Window> window_of(const HistoryOptions& options);

/// The rules of files, together; what is wrong with them is said on standard error.
Result<std::vector<rules::RuleGroup>> read_rule_files(const std::vector<std::string>& files,
                                                      const rules::RuleReading& how);

/// Rules over history, as `backtest`; the group keys have to be of one file each.
Result<Histories> replay(const std::vector<rules::RuleGroup>& groups, SeriesSource& source,
                         Window window, const promql::Features& features);

}  // namespace vedette::app
