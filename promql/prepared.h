#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "core/prepared.h"
#include "core/query.h"
#include "promql/engine.h"
#include "promql/syntax/ast.h"

namespace vedette::promql {

/// `x`, `x > 5`, `5 < x offset 1m`: a selector at one time, perhaps compared with a number.
struct Threshold {
    const Selector* selector = nullptr;
    std::optional<Op> compared;  ///< nothing: every sample is an answer
    double limit = 0;
    bool limit_left = false;  ///< `5 < x`
};

/// Nothing when the expression says anything else.
std::optional<Threshold> threshold_of(const Expr& expr);

/// One expression that is asked again and again, as rules do. Its selectors are prepared, and a
/// plain threshold is answered by the newest sample of each series without an evaluation. The
/// answer is the engine's. Used by one thread at a time; what it is made of outlives it.
class PreparedQuery {
public:
    PreparedQuery(const Engine& engine, const Expr& expr, SeriesSource& source,
                  SelectorPreparer& preparer);
    ~PreparedQuery();
    PreparedQuery(const PreparedQuery&) = delete;
    PreparedQuery& operator=(const PreparedQuery&) = delete;

    /// As `Engine::instant`. Of the statistics only the samples, the series and the steps are said.
    Result<QueryResult> instant(Timestamp at, std::stop_token stop, QueryStatistics& statistics);

private:
    class Source;

    /// Nothing when only an evaluation can say it.
    std::optional<QueryResult> compare_newest(Timestamp at, QueryStatistics& statistics);

    const Engine& engine_;
    const Expr& expr_;
    std::unique_ptr<Source> source_;
    std::optional<Threshold> threshold_;
};

}  // namespace vedette::promql
