#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/query.h"
#include "promql/functions/functions.h"
#include "promql/syntax/ast.h"
#include "tests/promql/slow_functions.h"
#include "tests/promql/slow_timeline.h"
#include "tests/support/memory_source.h"

namespace vedette::promql {

/// The slow, obvious twin of `Engine`: every node at every step, every window by looking at every
/// sample. Shares the tree with it and nothing else; says nothing in warnings or infos.
class SlowEvaluator {
public:
    explicit SlowEvaluator(const MemorySource& source) : source_(source) {}

    Result<QueryResult> instant(const Expr& expr, Timestamp at);
    /// Series in label order.
    Result<QueryResult> range(const Expr& expr, Timestamp start, Timestamp end, Milliseconds step);

private:
    using Times = std::vector<std::int64_t>;
    struct Series {
        Labels labels;
        std::vector<SlowPoint> points;
    };

    Result<SlowTimeline> eval(const Expr& expr, const Times& times);
    SlowTimeline selected(const Expr& expr, const Times& times, bool want_times) const;
    Result<std::vector<Series>> samples(const Expr& matrix, const Times& ends);
    Result<SlowTimeline> over_time(const Call& call, const Times& times);
    Result<SlowTimeline> absent_over_time(const Call& call, const Times& times);
    Result<SlowTimeline> aggregate(const Aggregate& aggregate, const Times& times);
    Result<SlowVector> fold(const Aggregate& aggregate, const SlowVector& vector,
                            double param) const;
    Result<SlowTimeline> binary(const Binary& binary, const Times& times);
    Result<SlowTimeline> call(const Expr& expr, const Times& times);
    Result<SlowTimeline> label_call(const Call& call, const Times& times);
    SlowTimeline histogram(const Call& call, const std::vector<SlowTimeline>& args) const;
    Result<std::vector<SlowTimeline>> arguments(const Call& call, const Times& times);
    std::int64_t shifted(const Shift& shift, std::int64_t now) const;
    Times shifted(const Shift& shift, const Times& times) const;

    const MemorySource& source_;
    std::int64_t start_ = 0, end_ = 0;   ///< of the whole query
    const Expr* counts_only_ = nullptr;  ///< the selector whose histograms have no buckets
};

}  // namespace vedette::promql
