#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "promql/features.h"
#include "promql/syntax/ast.h"

namespace vedette::promql {

/// Where and why a text is not a query.
struct ParseProblem {
    Place at;
    std::size_t line = 1, column = 1;  ///< of `at.begin`, counted in bytes from 1
    std::string message;               ///< in Prometheus's words, without the place
    std::string advice;  ///< what was expected, for a person; empty when `message` says it
    /// The line, and below it carets with the advice:
    ///
    ///   sum by job (up)
    ///          ^^^ a label list needs parentheses: by (job)
    std::string picture;
};

/// Reads a PromQL expression as Prometheus 3.5 does with these features and checks its types.
///
/// Fails with BadInput and Prometheus's own text (`1:5: parse error: …`), or with Limit when the
/// text is longer than limits::query_text_bytes_max or nests deeper than limits::query_depth_max (a
/// difference from Prometheus, which goes on). `problem`, when given, says the same in parts.
Result<ExprPtr> parse(std::string_view text, ParseProblem* problem = nullptr,
                      Features features = {});

/// Reads `name{…}` alone, as `match[]` has it: an instant selector without offset or `@`.
Result<std::vector<Matcher>> parse_selector(std::string_view text, ParseProblem* problem = nullptr);

/// Whether all arithmetic on durations in `expr` has an answer: Prometheus reads `up[1m - 2m]` and
/// refuses to evaluate it. The engine asks the same.
Result<void> check_durations(const Expr& expr);

/// One line, as Prometheus prints it; parses back to the same tree. Where Prometheus's own form
/// would not (a quoted label in `on (…)`, `ignoring () group_left ()`), ours says more.
std::string print(const Expr& expr);

/// Several lines, as `promtool promql format` lays them out; parses back to the same tree.
std::string print_pretty(const Expr& expr);

}  // namespace vedette::promql
