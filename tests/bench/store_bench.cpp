// What the store costs: append, select, replay, bytes a series and a sample. BUDGETS are per CPU
// second.

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cmath>
#include <fstream>
#include <random>

#include "store/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace vedette;

constexpr std::int64_t begin_ms = 1'790'000'000'000;
constexpr std::int64_t step_ms = 15'000;

// A series as an exporter on one of a hundred machines would have it.
Labels labels_of(std::size_t n) {
    return Labels{{"__name__", "node_metric_" + std::to_string(n / 100 % 100) + "_total"},
                  {"instance", "10.0.0." + std::to_string(n % 100) + ":9100"},
                  {"job", "node"},
                  {"device", "sd" + std::to_string(n / 10'000)},
                  {"mode", "user"}};
}

/// A store on the real disk with `count` series.
struct Filled {
    explicit Filled(std::size_t count, store::StoreSettings settings_ = {}) : settings(settings_) {
        settings.own_thread = false;
        open();
        for (std::size_t n = 0; n < count; ++n) refs.push_back(*store->series(labels_of(n)));
        values.resize(count);
    }
    void open() {
        store.reset();
        store =
            std::move(*store::Store::open(*files, folder.path(), settings, clock, log, *metrics));
    }
    /// One scrape of everything, in batches of a thousand: half counters, half noisy gauges.
    void scrape() {
        at += step_ms;
        clock.wind(Milliseconds(step_ms));
        for (std::size_t n = 0; n < refs.size();) {
            Batch batch;
            for (; n < refs.size() && batch.rows.size() < 1000; ++n) {
                values[n] +=
                    n % 2 == 0 ? double(random() % 50) : (double(random() % 100) - 50) / 10;
                batch.rows.push_back({refs[n], {{at}, values[n]}});
            }
            (void)store->append(batch);
        }
    }

    TempFolder folder;
    std::unique_ptr<Files> files = make_files();
    ManualClock clock{{begin_ms}};
    Log log{LogSettings{.level = LogLevel::Error}};
    std::unique_ptr<Metrics> metrics = std::make_unique<Metrics>();
    store::StoreSettings settings;
    std::unique_ptr<store::Store> store;
    std::vector<SeriesRef> refs;
    std::vector<double> values;
    std::int64_t at = begin_ms;
    std::mt19937_64 random{1};
};

double resident_bytes() {
    std::ifstream file("/proc/self/status");
    for (std::string word; file >> word;)
        if (word == "RssAnon:") {
            double kib = 0;
            file >> kib;
            return kib * 1024;
        }
    return 0;
}

void append(benchmark::State& state) {
    Filled filled(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) filled.scrape();
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(append)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

void find_series(benchmark::State& state) {
    Filled filled(100'000);
    std::vector<Labels> labels;
    for (std::size_t n = 0; n < 100'000; ++n) labels.push_back(labels_of(n));
    for (auto _ : state)
        for (const Labels& each : labels) benchmark::DoNotOptimize(filled.store->series(each));
    state.SetItemsProcessed(state.iterations() * 100'000);
}
BENCHMARK(find_series)->Unit(benchmark::kMillisecond);

// 1,200 series over `range` samples each, out of 12,000 series.
void select_range(benchmark::State& state) {
    Filled filled(12'000);
    for (int i = 0; i < state.range(0); ++i) filled.scrape();
    const std::vector<Matcher> matchers{{Matcher::Op::Match, "__name__", "node_metric_1.?_total"},
                                        {Matcher::Op::Equal, "job", "node"}};
    std::int64_t samples = 0, series = 0;
    for (auto _ : state) {
        auto cursor = filled.store->select(matchers, {{0}, {filled.at}}, {}, {});
        Column column;
        while ((*cursor)->next(column)) {
            samples += static_cast<std::int64_t>(column.times.size());
            ++series;
        }
    }
    state.SetItemsProcessed(samples);
    state.counters["series"] = double(series) / double(state.iterations());
}
BENCHMARK(select_range)->Arg(20)->Arg(1440)->Unit(benchmark::kMillisecond);

void select_latest(benchmark::State& state) {
    Filled filled(12'000);
    for (int i = 0; i < 20; ++i) filled.scrape();
    const std::vector<Matcher> matchers{{Matcher::Op::Match, "__name__", "node_metric_1.?_total"}};
    Hints hints;
    hints.latest_only = true;
    for (auto _ : state) {
        auto cursor = filled.store->select(matchers, {{0}, {filled.at}}, hints, {});
        Column column;
        while ((*cursor)->next(column)) benchmark::DoNotOptimize(column);
    }
}
BENCHMARK(select_latest)->Unit(benchmark::kMillisecond);

// Budget 15: series that came with a few samples, then kill -9 (no close: the log is all there is).
void replay_100k(benchmark::State& state) {
    Filled filled(100'000);
    for (int i = 0; i < state.range(0); ++i) filled.scrape();
    if (state.range(1) != 0) (void)filled.store->checkpoint();
    for (auto _ : state) filled.open();
    state.counters["series"] = double(filled.store->series_count());
    state.counters["losses"] = double(filled.store->recovery().losses.size());
}
BENCHMARK(replay_100k)->Args({4, 0})->Args({20, 0})->Args({20, 1})->Unit(benchmark::kMillisecond);

// Budget 7: resident anonymous memory of 100k series with few samples; the labels are in it.
void memory_a_series(benchmark::State& state) {
    for (auto _ : state) {
        malloc_trim(0);
        const double before = resident_bytes();
        const double malloc_before = double(::mallinfo2().uordblks + ::mallinfo2().hblkhd);
        Filled filled(100'000);
        for (int i = 0; i < 8; ++i) filled.scrape();
        malloc_trim(0);
        state.counters["resident_bytes_a_series"] = (resident_bytes() - before) / 100'000;
        state.counters["malloc_bytes_a_series"] =
            (double(::mallinfo2().uordblks + ::mallinfo2().hblkhd) - malloc_before) / 100'000;
        state.counters["counted_bytes_a_series"] = double(filled.store->memory_bytes()) / 100'000;
    }
}
BENCHMARK(memory_a_series)->Iterations(1)->Unit(benchmark::kMillisecond);

// Budget 8, as far as it goes without blocks: a checkpoint of 6 h at 15 s. 200 counters, 200 gauges
// and 200 percentages, as tests/bench/disk.py sends them to others; one scrape more, so that the
// last chunks are full and packed, as they will be in a block.
void disk_bytes_a_sample(benchmark::State& state) {
    constexpr std::size_t each = 200, series = 3 * each, scrapes = 1441;
    for (auto _ : state) {
        Filled filled(series);
        for (std::size_t i = 0; i < scrapes; ++i) {
            filled.at += step_ms;
            Batch batch;
            for (std::size_t n = 0; n < series; ++n) {
                double& value = filled.values[n];
                const auto below = [&](std::uint64_t m) {
                    return static_cast<double>(filled.random() % m);
                };
                if (n < each)
                    value += below(50);
                else if (n < 2 * each)
                    value = std::round(value * 10 + below(41) - 20) / 10;
                else
                    value = std::round(350 + below(64) + 60 * std::sin(double(i) / 90)) / 10;
                batch.rows.push_back({filled.refs[n], {{filled.at}, value}});
            }
            (void)filled.store->append(batch);
        }
        std::uint64_t log = 0, checkpoint = 0;
        const std::string wal = filled.folder / "wal";
        const auto measure = [&](std::uint64_t& sum) {
            const auto names = filled.files->list(wal).value();
            for (const auto& name : names)
                sum += (*filled.files->open(wal + "/" + name, Files::Open::Read))->size().value();
        };
        measure(log);
        (void)filled.store->checkpoint();
        measure(checkpoint);
        state.counters["log_bytes_a_sample"] = double(log) / double(series * scrapes);
        state.counters["checkpoint_bytes_a_sample"] = double(checkpoint) / double(series * scrapes);
    }
}
BENCHMARK(disk_bytes_a_sample)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
