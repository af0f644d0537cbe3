#pragma once

#include <vector>

#include "core/series.h"
#include "promql/syntax/ast.h"

namespace vedette::promql {

/// The matchers of every selector of a query, in the order in which they are written.
std::vector<std::vector<Matcher>> selectors_in(const Expr& expr);

}  // namespace vedette::promql
