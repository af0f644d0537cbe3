// What a query costs on the real store: rows 9 to 11 of docs/benchmarks.md, without HTTP, on
// samples in memory and on the same samples in blocks. Figures are CPU time, of all threads in
// range queries; 1,200 series at 15 s over six hours.

#include <benchmark/benchmark.h>

#include <random>

#include "promql/engine.h"
#include "promql/syntax/parse.h"
#include "store/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace vedette;

constexpr std::int64_t begin_ms = 1'790'000'000'000;
constexpr std::int64_t step_ms = 15'000;
// Six hours and the five minutes before them, and so many more that the chunks being written are
// just full and not packed yet: the worst moment of every half hour.
constexpr int scrapes = 1'560;

/// Where the samples lie that are asked for: the first argument of each benchmark.
///
///   Head     never cut, as in the first three hours of a store
///   Blocks   all past the head, put together as far as they are
///   Both     as six hours are found on any day: two blocks, and the rest in the head
enum class Place { Head, Blocks, Both };

/// 1,200 counters `requests_total` (20 jobs of 60) and the 1,200 buckets of 100 histograms.
struct Filled {
    explicit Filled(Place place) {
        settings.own_thread = false;
        store =
            std::move(*store::Store::open(*files, folder.path(), settings, clock, log, *metrics));
        std::vector<SeriesRef> refs;
        for (int n = 0; n < 1'200; ++n)
            refs.push_back(*store->series(Labels{{"__name__", "requests_total"},
                                                 {"instance", "10.0.0." + std::to_string(n % 60)},
                                                 {"job", "job-" + std::to_string(n / 60)},
                                                 {"zone", "eu"}}));
        for (int n = 0; n < 1'200; ++n)
            refs.push_back(*store->series(
                Labels{{"__name__", "seconds_bucket"},
                       {"instance", "10.0.0." + std::to_string(n / 12)},
                       {"job", "api"},
                       {"le", n % 12 == 11 ? "+Inf" : std::to_string(0.01 * (1 << n % 12))}}));
        std::vector<double> values(refs.size());
        std::mt19937_64 random{1};
        for (int i = 0; i < scrapes; ++i) {
            at += step_ms;
            clock.wind(Milliseconds(step_ms));
            Batch batch;
            double below = 0;  // buckets are cumulative
            for (std::size_t n = 0; n < refs.size(); ++n) {
                below = n < 1'200 || n % 12 == 0 ? 0 : below;
                below += static_cast<double>(random() % 50);
                values[n] += n < 1'200 ? static_cast<double>(random() % 50) : below;
                batch.rows.push_back({refs[n], {{at}, values[n]}});
            }
            (void)store->append(batch);
        }
        if (place == Place::Blocks) {
            clock.wind(std::chrono::hours(12));
            const auto later = *store->series(Labels{{"__name__", "later"}});
            (void)store->append({{{later, {clock.now(), 1.0}}}, {}});
        }
        if (place != Place::Head) (void)store->maintain();
    }

    TempFolder folder;
    std::unique_ptr<Files> files = make_files();
    ManualClock clock{{begin_ms}};
    Log log{LogSettings{.level = LogLevel::Error}};
    std::unique_ptr<Metrics> metrics = std::make_unique<Metrics>();
    store::StoreSettings settings;
    std::unique_ptr<store::Store> store;
    std::int64_t at = begin_ms;
};

Filled& filled(Place place) {
    static Filled head(Place::Head), blocks(Place::Blocks), both(Place::Both);
    return place == Place::Head ? head : place == Place::Blocks ? blocks : both;
}

Place place_of(const benchmark::State& state) {
    return static_cast<Place>(state.range(0));
}

void everywhere(benchmark::internal::Benchmark* each) {
    each->ArgName("place");
    for (const Place place : {Place::Head, Place::Blocks, Place::Both})
        each->Arg(static_cast<std::int64_t>(place));
}

void instant(benchmark::State& state, const char* query) {
    Filled& data = filled(place_of(state));
    const promql::Engine engine({}, data.clock);
    // The last chunks of blocks are short: half an hour before, chunks are as long as most.
    const Timestamp at{data.at - (place_of(state) == Place::Blocks ? 1'800'000 : 0)};
    std::size_t series = 0;
    for (auto _ : state) {
        const auto expr = promql::parse(query);
        const auto result = engine.instant(**expr, at, *data.store);
        series = result.value().series.size();
    }
    state.counters["series"] = static_cast<double>(series);
}
BENCHMARK_CAPTURE(instant, sum_by_rate, "sum by (job) (rate(requests_total[5m]))")
    ->Apply(everywhere)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(instant, histogram_quantile,
                  "histogram_quantile(0.9, sum by (le) (rate(seconds_bucket[5m])))")
    ->Apply(everywhere)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(instant, topk, "topk(5, rate(requests_total[5m]))")
    ->Apply(everywhere)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(instant, select_all, "requests_total")
    ->Apply(everywhere)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(instant, small, "requests_total{job=\"job-3\", instance=\"10.0.0.7\"}")
    ->Apply(everywhere)
    ->Unit(benchmark::kMicrosecond);

void range_six_hours(benchmark::State& state, const char* query) {
    Filled& data = filled(place_of(state));
    const promql::Engine engine({}, data.clock);
    const auto expr = promql::parse(query);
    for (auto _ : state)
        benchmark::DoNotOptimize(engine.range(**expr, {data.at - 6 * 3'600'000}, {data.at},
                                              std::chrono::minutes(1), *data.store));
    state.SetItemsProcessed(state.iterations() * 1'200 * 1'440);
}
BENCHMARK_CAPTURE(range_six_hours, sum_by_rate, "sum by (job) (rate(requests_total[5m]))")
    ->Apply(everywhere)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_CAPTURE(range_six_hours, avg_over_time, "sum(avg_over_time(requests_total[5m]))")
    ->Apply(everywhere)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

// The same with one thread and with two: `cpu` is that of all of them, `time` is the caller's.
void on_threads(benchmark::State& state, const char* query) {
    Filled& data = filled(place_of(state));
    promql::EngineSettings settings;
    settings.threads = static_cast<std::size_t>(state.range(1));
    const promql::Engine engine(settings, data.clock);
    const auto expr = promql::parse(query);
    for (auto _ : state)
        benchmark::DoNotOptimize(engine.range(**expr, {data.at - 6 * 3'600'000}, {data.at},
                                              std::chrono::minutes(1), *data.store));
}
void one_and_two(benchmark::internal::Benchmark* each) {
    each->ArgNames({"place", "threads"})->ArgsProduct({{0, 1, 2}, {1, 2}});
    each->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();
}
BENCHMARK_CAPTURE(on_threads, sum_by_rate, "sum by (job) (rate(requests_total[5m]))")
    ->Apply(one_and_two);
BENCHMARK_CAPTURE(on_threads, max_by_rate, "max by (job) (rate(requests_total[5m]))")
    ->Apply(one_and_two);
BENCHMARK_CAPTURE(on_threads, quantile_over_time,
                  "max by (job) (quantile_over_time(0.9, requests_total[5m]))")
    ->Apply(one_and_two);
// Twice as many samples.
BENCHMARK_CAPTURE(on_threads, both_metrics,
                  "max by (job) (avg_over_time({job=~\"job-.*|api\"}[5m]))")
    ->Apply(one_and_two);

// What of the above is reading: every sample of the six hours, nothing computed.
void read_six_hours(benchmark::State& state) {
    Filled& data = filled(place_of(state));
    const std::vector<Matcher> matchers{{Matcher::Op::Equal, "__name__", "requests_total"}};
    for (auto _ : state) {
        auto cursor = data.store->select(matchers, {{data.at - 6 * 3'600'000}, {data.at}}, {}, {});
        Column column;
        while ((*cursor)->next(column)) benchmark::DoNotOptimize(column.floats.back());
    }
    state.SetItemsProcessed(state.iterations() * 1'200 * 1'440);
}
BENCHMARK(read_six_hours)->Apply(everywhere)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
