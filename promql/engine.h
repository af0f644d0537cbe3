#pragma once

#include <stop_token>

#include "core/limits.h"
#include "core/query.h"
#include "core/series.h"
#include "promql/ast.h"
#include "promql/features.h"

namespace vedette::promql {

/// What one query may cost, and Prometheus's own constants.
struct EngineSettings {
    std::size_t samples_max = limits::query_samples_max_default;  ///< read and computed, together
    Milliseconds timeout = limits::query_timeout_default;
    Milliseconds lookback = std::chrono::minutes(5);       ///< how long a sample stays current
    Milliseconds subquery_step = std::chrono::minutes(1);  ///< of `[1h:]`
    Features features;
};

/// Evaluates expressions as Prometheus 3.5 does.
///
/// Fails with BadInput when the query cannot be answered (Prometheus's text: duplicate series,
/// many-to-many matches …), Limit when it would cost too much, Timeout, Cancelled when `stop` was
/// requested, and with what the source fails with. Safe to call from any thread.
class Engine {
public:
    Engine(EngineSettings settings, const Clock& clock) : settings_(settings), clock_(clock) {}

    const EngineSettings& settings() const { return settings_; }

    /// The value at one time. A vector comes in the order of evaluation (that of `sort`, `topk`), a
    /// matrix (`up[5m]`) in label order.
    Result<QueryResult> instant(const Expr& expr, Timestamp at, SeriesSource& source,
                                std::stop_token stop = {}) const;
    /// The values at start, start + step, … up to end; a Matrix in label order. The expression is a
    /// scalar or an instant vector; step is positive.
    Result<QueryResult> range(const Expr& expr, Timestamp start, Timestamp end, Milliseconds step,
                              SeriesSource& source, std::stop_token stop = {}) const;

private:
    EngineSettings settings_;
    const Clock& clock_;
};

}  // namespace vedette::promql
