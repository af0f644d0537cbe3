#pragma once

#include <vector>

#include "core/error.h"
#include "core/labels.h"
#include "core/sample.h"
#include "promql/syntax/ast.h"

namespace vedette::promql {

/// One value of a vector, with the labels its series had before the node at hand changed them.
struct SlowItem {
    Labels labels;
    double value = 0;
    Labels from = {};
    HistogramRef histogram = {};  ///< instead of the value
};
using SlowVector = std::vector<SlowItem>;
/// A vector a step; a scalar is one item without labels.
using SlowTimeline = std::vector<SlowVector>;

inline constexpr const char* slow_collision =
    "vector cannot contain metrics with the same labelset";

/// Fails when the same series stands twice at one step, or (`ever`) was made of two different ones
/// at any two steps.
Result<SlowTimeline> checked(SlowTimeline timeline, bool ever);
/// Takes the names away, then checks.
Result<SlowTimeline> unnamed(SlowTimeline timeline, bool ever);
/// NaN stands behind all others whichever way; ties as Prometheus leaves them (promql/evaluation/ranking.h).
void sort_by_value(SlowVector& vector, bool descending);
/// The k largest or smallest, best first.
SlowVector best_of(const SlowVector& vector, double k, bool largest);
/// What the equality matchers of a selector say of the series that is not there.
Labels absent_labels(const Expr& arg);

}  // namespace vedette::promql
