#pragma once

#include <set>
#include <string>

#include "core/series.h"
#include "promql/syntax/ast.h"

namespace vedette::rules {

/// Why the first selector of `expr` that selects nothing in `window` does so: the name, or the
/// label, that nothing has there, and the nearest that something has. Empty when each selects
/// something. Names in `recorded` are there once their rules run. Selectors inside `absent` and
/// `absent_over_time` are meant to select nothing.
///
///   no series is named "node_cpu_second_total"; did you mean "node_cpu_seconds_total"?
///   no series of "up" has job="shopp"; did you mean "shop"?
///   nothing matches up{job="shop",zone="eu"}
std::string why_nothing_matches(const promql::Expr& expr, LabelSource& names, Window window,
                                const std::set<std::string>& recorded = {});

}  // namespace vedette::rules
