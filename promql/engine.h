#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "core/limits.h"
#include "core/query.h"
#include "core/series.h"
#include "promql/evaluation/block.h"
#include "promql/features.h"
#include "promql/syntax/ast.h"

namespace vedette::promql {

class Crew;

/// What one query may cost, and Prometheus's own constants.
struct EngineSettings {
    /// Held at once, counted as Prometheus counts them; and so much memory as these take there.
    std::size_t samples_max = limits::query_samples_max_default;
    Milliseconds timeout = limits::query_timeout_default;
    Milliseconds lookback = std::chrono::minutes(5);       ///< how long a sample stays current
    Milliseconds subquery_step = std::chrono::minutes(1);  ///< of `[1h:]`
    std::size_t threads = 0;  ///< that work on one large query; 0: as many as the machine runs
    Features features;
};

/// What one query cost. Samples are counted as Prometheus counts them.
struct QueryStatistics {
    using Seconds = std::chrono::duration<double>;
    Seconds preparing{}, evaluating{}, sorting{};  ///< one after the other
    std::int64_t samples_read = 0, samples_peak = 0;
    std::int64_t series_read = 0;  ///< with a sample in the time asked, once for each selector
    Steps steps;
    std::vector<std::int64_t> samples_at_steps;  ///< of samples_read
};

/// Evaluates expressions as Prometheus 3.5 does.
///
/// Fails with BadInput when the query cannot be answered (Prometheus's text: duplicate series,
/// many-to-many matches …), Limit when it would cost too much, Timeout, Cancelled when `stop` was
/// requested, and with what the source fails with. Safe to call from any thread.
///
/// Where a source splits what is selected, the parts are read, and the functions of their ranges
/// computed, by several threads: the caller's, and helpers that the engine starts when a source
/// first does. The answer is the same, bit for bit.
class Engine {
public:
    Engine(EngineSettings settings, const Clock& clock);
    ~Engine();

    /// An engine with other settings and the threads of this one, which it must not outlive.
    Engine with(const EngineSettings& settings) const;

    const EngineSettings& settings() const { return settings_; }

    /// The value at one time. A vector comes in the order of evaluation (that of `sort`, `topk`), a
    /// matrix (`up[5m]`) in label order.
    Result<QueryResult> instant(const Expr& expr, Timestamp at, SeriesSource& source,
                                std::stop_token stop = {},
                                QueryStatistics* statistics = nullptr) const;
    /// The values at start, start + step, … up to end; a Matrix in label order. The expression is a
    /// scalar or an instant vector; step is positive.
    Result<QueryResult> range(const Expr& expr, Timestamp start, Timestamp end, Milliseconds step,
                              SeriesSource& source, std::stop_token stop = {},
                              QueryStatistics* statistics = nullptr) const;

private:
    Engine(const EngineSettings& settings, const Clock& clock, Crew& crew);

    EngineSettings settings_;
    const Clock& clock_;
    std::unique_ptr<Crew> own_crew_;  // none where another engine's works
    Crew& crew_;
};

}  // namespace vedette::promql
