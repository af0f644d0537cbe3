// What a rule costs on the real store, row 12 of docs/benchmarks.md without the processes around
// it: 10,000 alerting rules over 10,000 series, all samples fresh, nothing fires. Figures are CPU
// time; `per_rule` is that of one rule.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "promql/engine.h"
#include "rules/manager.h"
#include "rules/rule_file.h"
#include "store/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace vedette;

constexpr int count = 10'000;
constexpr Milliseconds every{15'000};

class DeafSink final : public AlertSink, public AlertMemory {
public:
    Result<void> take(std::span<const Alert>) override { return {}; }
    Result<std::vector<Alert>> open_alerts() override { return std::vector<Alert>(); }
};

/// `expression` is asked of each series by its instance.
class World {
public:
    explicit World(const std::string& expression) {
        settings_.own_thread = false;
        store_ = std::move(
            *store::Store::open(*files_, folder_.path(), settings_, clock_, log_, *metrics_));
        for (int n = 0; n < count; ++n)
            refs_.push_back(*store_->series(Labels{{"__name__", "queue_length"},
                                                   {"instance", fmt::format("host-{}", n)},
                                                   {"job", fmt::format("job-{}", n % 20)}}));
        for (int n = 0; n < 24; ++n) scrape();
        engine_ = std::make_unique<promql::Engine>(promql::EngineSettings{}, clock_);
        manager_ = std::make_unique<rules::Manager>(rules::Doors{
            [this](const promql::Expr& expr, Timestamp at, std::stop_token stop) {
                return engine_->instant(expr, at, *store_, stop);
            },
            *store_, *store_, sink_, sink_, clock_, log_, *metrics_,
            [this](const promql::Expr& expr) {
                return std::make_unique<promql::PreparedQuery>(*engine_, expr, *store_, *store_);
            },
            store_.get()});
        std::string text = "groups:\n";
        for (int n = 0; n < count; ++n) {
            if (n % 100 == 0)
                text += fmt::format("- name: g{}\n  interval: 15s\n  rules:\n", n / 100);
            text += fmt::format("  - {{alert: Long{}, expr: '{}', for: 1m}}\n", n,
                                fmt::format(fmt::runtime(expression), n));
        }
        Problems problems;
        auto groups = rules::read_rules("bench.yml", text, problems);
        if (problems.any()) fmt::print(stderr, "{}", problems.text());
        (void)manager_->load(std::move(groups), rules::RuleSettings{});
    }

    /// As old as the time for which any group is evaluated, or older.
    void scrape() {
        clock_.wind(every);
        Batch batch;
        for (const SeriesRef ref : refs_)
            batch.rows.push_back({ref, {clock_.now() - every, ++value_}});
        (void)store_->append(batch);
    }
    void evaluate() { manager_->evaluate_due(clock_.now()); }

private:
    TempFolder folder_;
    std::unique_ptr<Files> files_ = make_files();
    ManualClock clock_{{1'790'000'000'000}};
    Log log_{LogSettings{.level = LogLevel::Error}};
    std::unique_ptr<Metrics> metrics_ = std::make_unique<Metrics>();
    store::StoreSettings settings_;
    std::unique_ptr<store::Store> store_;
    std::vector<SeriesRef> refs_;
    double value_ = 0;
    DeafSink sink_;
    std::unique_ptr<promql::Engine> engine_;
    std::unique_ptr<rules::Manager> manager_;
};

void evaluate(benchmark::State& state, const char* expression) {
    World world(expression);
    for (auto _ : state) {
        state.PauseTiming();
        world.scrape();
        state.ResumeTiming();
        world.evaluate();
    }
    state.counters["per_rule"] = benchmark::Counter(
        count, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(evaluate, threshold, "queue_length{{instance=\"host-{}\"}} > 1e12")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(evaluate, rate, "rate(queue_length{{instance=\"host-{}\"}}[5m]) > 1e12")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(evaluate, by_pattern, "queue_length{{instance=~\"host-{}\"}} > 1e12")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(evaluate, sum_by_job,
                  "sum by (job) (queue_length{{instance=\"host-{}\"}}) > 1e12")
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
