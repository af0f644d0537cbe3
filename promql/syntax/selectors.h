#pragma once

#include <vector>

#include "core/series.h"
#include "promql/syntax/ast.h"

namespace vedette::promql {

/// The matchers of every selector of a query, in the order in which they are written.
std::vector<std::vector<Matcher>> selectors_in(const Expr& expr);

/// The selectors themselves, as long as the query lives.
std::vector<const Selector*> selectors_of(const Expr& expr);

/// But for those inside `absent` and `absent_over_time`, which are meant to select nothing.
std::vector<const Selector*> expected_selectors(const Expr& expr);

}  // namespace vedette::promql
