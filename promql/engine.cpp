#include "promql/engine.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include "promql/deep_stack.h"
#include "promql/evaluation/crew.h"
#include "promql/evaluation/evaluator.h"
#include "promql/syntax/parse.h"

namespace vedette::promql {

namespace {

using Series = QueryResult::Series;

/// Series with the values of every step at which there are any.
std::vector<Series> series_of(const Block& block, const Steps& steps) {
    std::vector<Series> out;
    out.reserve(block.rows());
    for (std::size_t r = 0; r < block.rows(); ++r) {
        const auto row = block.row(r);
        const auto present =
            std::count_if(row.begin(), row.end(), [](double value) { return !is_absent(value); });
        if (present == 0) continue;
        Series series{block.shown_labels(r), {}};
        series.samples.reserve(static_cast<std::size_t>(present));
        for (std::size_t i = 0; i < row.size(); ++i)
            if (is_histogram(row[i]))
                series.samples.push_back({{steps.at(i)}, block.histogram(r, i)});
            else if (!is_absent(row[i]))
                series.samples.push_back({{steps.at(i)}, row[i]});
        out.push_back(std::move(series));
    }
    return out;
}

void sort_by_labels(std::vector<Series>& series) {
    std::sort(series.begin(), series.end(),
              [](const Series& a, const Series& b) { return a.labels < b.labels; });
}

bool any_twice(const std::vector<Series>& sorted) {
    return std::adjacent_find(sorted.begin(), sorted.end(), [](const Series& a, const Series& b) {
               return a.labels == b.labels;
           }) != sorted.end();
}

/// A range vector alone: the samples of one window.
Result<std::vector<Series>> raw_series(Evaluator& evaluator, const Expr& expr) {
    std::vector<Series> out;
    const auto done = evaluator.each_raw(expr, [&](const SeriesSamples& series) -> Result<void> {
        Series one{series.name_goes ? LabelsBuilder(*series.labels).del(metric_name_label).build()
                                    : *series.labels,
                   {}};
        for (std::size_t i = 0; i < series.times.size(); ++i)
            one.samples.push_back({series.times[i], is_histogram(series.values[i])
                                                        ? Value(series.histograms[i])
                                                        : Value(series.values[i])});
        out.push_back(std::move(one));
        return {};
    });
    if (!done) return fail(done.error());
    return out;
}

/// Looks at the clock between the parts of a query.
class Stopwatch {
public:
    explicit Stopwatch(const Clock& clock) : clock_(clock), at_(clock.steady()) {}
    QueryStatistics::Seconds lap() {
        const auto before = std::exchange(at_, clock_.steady());
        return at_ - before;
    }

private:
    const Clock& clock_;
    std::chrono::steady_clock::time_point at_;
};

void tell_samples(QueryStatistics& statistics, const Evaluator& evaluator, const Steps& steps,
                  const QueryContext& context) {
    const StepCounts& read = evaluator.read();
    statistics.samples_read = std::accumulate(read.begin(), read.end(), std::int64_t{0});
    statistics.samples_peak = context.peak;
    statistics.series_read = context.series;
    statistics.steps = steps;
    statistics.samples_at_steps = read;
}

/// Evaluates where the tree's depth has room.
template <typename Evaluate>
auto deeply(const Expr& expr, const Evaluate& evaluate) -> decltype(evaluate()) {
    std::optional<decltype(evaluate())> result;
    if (!with_stack_for(expr.depth, [&] { result.emplace(evaluate()); }))
        return fail(Fault::Unavailable, "no memory for the stack of a query that nests so deep");
    return std::move(*result);
}

std::size_t threads_of(const EngineSettings& settings) {
    const std::size_t wanted =
        settings.threads != 0 ? settings.threads : std::thread::hardware_concurrency();
    return std::clamp<std::size_t>(wanted, 1, limits::query_threads_max);
}

}  // namespace

Engine::Engine(EngineSettings settings, const Clock& clock)
    : settings_(settings),
      clock_(clock),
      own_crew_(std::make_unique<Crew>(threads_of(settings))),
      crew_(*own_crew_) {}

Engine::Engine(const EngineSettings& settings, const Clock& clock, Crew& crew)
    : settings_(settings), clock_(clock), crew_(crew) {}

Engine::~Engine() = default;

Engine Engine::with(const EngineSettings& settings) const {
    return Engine(settings, clock_, crew_);
}

Result<QueryResult> Engine::instant(const Expr& expr, Timestamp at, SeriesSource& source,
                                    std::stop_token stop, QueryStatistics* statistics) const {
    QueryStatistics ignored;
    QueryStatistics& cost = statistics != nullptr ? *statistics : ignored;
    Stopwatch watch(clock_);
    if (auto good = check_durations(expr); !good) return fail(good.error());
    QueryContext context(settings_, clock_, source, crew_, std::move(stop), at, at);
    context.counts_only = selector_without_buckets(expr);
    const Steps steps{at.ms, 1, 1};
    Evaluator evaluator(context, steps, {.end = at.ms});
    QueryResult result;
    result.at = at;
    cost.preparing = watch.lap();
    if (expr.type == Type::String) {
        if (expr.as<Paren>() != nullptr)  // Prometheus does not expect one there
            return fail(Fault::BadInput,
                        "unexpected result in StepInvariantExpr evaluation: "
                        "*parser.StepInvariantExpr");
        result.kind = QueryResult::Kind::String;
        result.text = text_of(expr);
    } else if (expr.type == Type::Matrix) {
        auto series = deeply(expr, [&] { return raw_series(evaluator, expr); });
        if (!series) return fail(series.error());
        cost.evaluating = watch.lap();
        result.kind = QueryResult::Kind::Matrix;
        result.series = std::move(*series);
        sort_by_labels(result.series);
        if (settings_.features.delayed_name_removal && any_twice(result.series))
            return fail(Fault::BadInput, std::string(same_labels));
        cost.sorting = watch.lap();
    } else {
        Result<Block> block = deeply(expr, [&] { return evaluator.eval(expr); });
        if (!block) return fail(block.error());
        if (!drop_delayed_names(*block)) return fail(Fault::BadInput, std::string(same_labels));
        result.kind =
            expr.type == Type::Scalar ? QueryResult::Kind::Scalar : QueryResult::Kind::Vector;
        result.series = series_of(*block, steps);
        cost.evaluating = watch.lap();
    }
    tell_samples(cost, evaluator, steps, context);
    result.warnings = context.warnings();
    result.infos = context.infos();
    return result;
}

Result<QueryResult> Engine::range(const Expr& expr, Timestamp start, Timestamp end,
                                  Milliseconds step, SeriesSource& source, std::stop_token stop,
                                  QueryStatistics* statistics) const {
    if (expr.type != Type::Scalar && expr.type != Type::Vector)
        return fail(Fault::BadInput, "invalid expression type \"" +
                                         std::string(to_string(expr.type)) +
                                         "\" for range query, must be Scalar or instant Vector");
    if (step.count() <= 0)
        return fail(
            Fault::BadInput,
            "zero or negative query resolution step widths are not accepted. Try a positive "
            "integer");
    if (end < start) return fail(Fault::BadInput, "end timestamp must not be before start time");
    const auto count = static_cast<std::uint64_t>((end - start).count() / step.count()) + 1;
    if (count - 1 > limits::query_steps_max)
        return fail(
            Fault::Limit,
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
            "query resolution (?step=XX)");
    QueryStatistics ignored;
    QueryStatistics& cost = statistics != nullptr ? *statistics : ignored;
    Stopwatch watch(clock_);
    if (auto good = check_durations(expr); !good) return fail(good.error());
    QueryContext context(settings_, clock_, source, crew_, std::move(stop), start, end);
    context.counts_only = selector_without_buckets(expr);
    const Steps steps{start.ms, step.count(), static_cast<std::size_t>(count)};
    Evaluator evaluator(context, steps, {.end = end.ms});
    cost.preparing = watch.lap();
    Result<Block> block = deeply(expr, [&] { return evaluator.eval(expr); });
    if (!block) return fail(block.error());
    if (!drop_delayed_names(*block)) return fail(Fault::BadInput, std::string(same_labels));
    QueryResult result;
    result.kind = QueryResult::Kind::Matrix;
    result.at = end;
    result.series = series_of(*block, steps);
    cost.evaluating = watch.lap();
    sort_by_labels(result.series);
    cost.sorting = watch.lap();
    tell_samples(cost, evaluator, steps, context);
    result.warnings = context.warnings();
    result.infos = context.infos();
    return result;
}

}  // namespace vedette::promql
