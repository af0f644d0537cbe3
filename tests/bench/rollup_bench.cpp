// What a year costs in roll-ups: bytes of a series, and time of a question. Written as the store
// writes them, in blocks of 27 days, from samples at 15 s with jitter of up to 3 ms.

#include <benchmark/benchmark.h>

#include <cmath>
#include <random>

#include "promql/engine.h"
#include "promql/syntax/parse.h"
#include "store/blocks/writer.h"
#include "store/rollups/columns.h"
#include "store/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace vedette;
using namespace vedette::store;

constexpr std::int64_t day = 86'400'000;
constexpr std::int64_t begin_ms = 1'758'412'800'000;  // midnight
constexpr int block_days = 27, days = 378;
constexpr std::int64_t step_ms = 15'000;

enum Kind { Counter, Tenths, Percentage, Constant, Duration };
constexpr std::array kind_names{"counter", "gauge in tenths", "percentage", "constant",
                                "a duration as measured"};

/// One series, day by day.
class Series {
public:
    Series(Kind kind, unsigned seed) : kind_(kind), random_(seed) {}

    void next_day(std::int64_t from, Samples& out) {
        out.clear();
        for (std::int64_t at = from + 4'000; at < from + day; at += step_ms)
            out.add({at + std::int64_t(random_() % 4)}, next(at));
    }

private:
    double next(std::int64_t at) {
        switch (kind_) {
            case Counter:
                return value_ += double(random_() % 50);
            case Tenths:
                return (value_ += double(random_() % 5) - 2) / 10;
            case Percentage:
                return std::round(500 + 300 * std::sin(double(at) / 1.4e7) +
                                  double(random_() % 60)) /
                       10;
            case Constant:
                return 1;
            case Duration:
                return 0.003 * std::exp(double(random_()) / 4e9);
        }
        return 0;
    }
    Kind kind_;
    std::mt19937 random_;
    double value_ = 0;
};

Labels labels_of(int n) {
    return {{"__name__", "requests_total"},
            {"instance", "10.0.0." + std::to_string(1000 + n)},
            {"job", "job-" + std::to_string(n / 20)}};
}

/// Writes a year of `count` series as blocks of roll-ups, and returns their bytes; also those of
/// the samples.
struct Bytes {
    std::uint64_t rollups = 0, samples = 0;
};
Bytes write_year(Files& files, const std::string& folder, Kind kind, int count,
                 Milliseconds resolution, bool samples_too) {
    Bytes bytes;
    (void)files.make_folders(folder);
    std::vector<Series> all;
    for (int n = 0; n < count; ++n) all.emplace_back(kind, unsigned(n + 1));
    for (int first = 0; first < days; first += block_days) {
        BlockAbout about;
        about.number = std::uint64_t(first / block_days + 1);
        about.from = {begin_ms + first * day};
        about.to = {begin_ms + (first + block_days) * day};
        about.resolution = resolution;
        auto writer = *BlockWriter::open(files, folder, about);
        for (int n = 0; n < count; ++n) {
            Samples raw;
            Folded folded, buckets;
            CodedChunks chunks, raw_chunks;
            for (int d = first; d < first + block_days; ++d) {
                all[std::size_t(n)].next_day(begin_ms + d * day, raw);
                fold({nullptr, raw.times, raw.floats, {}, {}}, resolution, folded);
                buckets.buckets.insert(buckets.buckets.end(), folded.buckets.begin(),
                                       folded.buckets.end());
                if (!samples_too) continue;
                raw_chunks.clear();
                raw_chunks.add(Column{nullptr, raw.times, raw.floats, {}, {}});
                for (const auto& view : raw_chunks.views()) bytes.samples += view.bytes.size() + 18;
            }
            const Labels labels = labels_of(n);
            add_rolled({&labels, {}, {}, {}, buckets.buckets}, chunks);
            (void)writer->add(labels, chunks.views(), chunks.columns());
        }
        const std::string path = *writer->finish();
        bytes.rollups += (*Block::open(files, path))->bytes();
    }
    return bytes;
}

void bytes_of_a_year(benchmark::State& state) {
    const auto kind = static_cast<Kind>(state.range(0));
    const Milliseconds resolution = std::chrono::minutes(state.range(1));
    constexpr int series = 4;
    const auto files = make_files();
    Bytes bytes;
    for (auto _ : state) {
        TempFolder folder;
        bytes = write_year(*files, folder.path() + "/r", kind, series, resolution, true);
    }
    const double years = series * days / 365.0;
    state.counters["KB_a_year"] = double(bytes.rollups) / years / 1e3;
    state.counters["samples_KB_a_year"] = double(bytes.samples) / years / 1e3;
    state.SetLabel(kind_names[std::size_t(kind)]);
}
BENCHMARK(bytes_of_a_year)
    ->ArgsProduct({{Counter, Tenths, Percentage, Constant, Duration}, {5, 60}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

/// The same year as samples.
void write_samples(Files& files, const std::string& folder, Kind kind, int count) {
    (void)files.make_folders(folder);
    std::vector<Series> all;
    for (int n = 0; n < count; ++n) all.emplace_back(kind, unsigned(n + 1));
    for (int first = 0; first < days; first += block_days) {
        BlockAbout about;
        about.number = std::uint64_t(first / block_days + 1);
        about.from = {begin_ms + first * day};
        about.to = {begin_ms + (first + block_days) * day};
        auto writer = *BlockWriter::open(files, folder, about);
        for (int n = 0; n < count; ++n) {
            Samples raw;
            CodedChunks chunks;
            for (int d = first; d < first + block_days; ++d) {
                all[std::size_t(n)].next_day(begin_ms + d * day, raw);
                chunks.add(Column{nullptr, raw.times, raw.floats, {}, {}});
            }
            (void)writer->add(labels_of(n), chunks.views());
        }
        (void)writer->finish();
    }
}

/// A store that has nothing but a year of roll-ups, or of samples where the resolution is 0.
struct Filled {
    static constexpr int series = 10;
    explicit Filled(Milliseconds resolution) {
        settings.own_thread = false;
        settings.retention = std::chrono::hours(24 * 730);
        if (resolution == Milliseconds(0))
            write_samples(*files, folder.path() + "/blocks", Counter, series);
        else
            (void)write_year(*files, folder.path() + "/rollups/" + format_duration(resolution),
                             Counter, series, resolution, false);
        store = std::move(*Store::open(*files, folder.path(), settings, clock, log, *metrics));
    }
    TempFolder folder;
    std::unique_ptr<Files> files = make_files();
    ManualClock clock{{begin_ms + (days + 1) * day}};
    Log log{LogSettings{.level = LogLevel::Error}};
    std::unique_ptr<Metrics> metrics = std::make_unique<Metrics>();
    StoreSettings settings;
    std::unique_ptr<Store> store;
};

void query_of_a_year(benchmark::State& state, const char* text, Milliseconds resolution,
                     Milliseconds step) {
    static std::map<std::int64_t, std::unique_ptr<Filled>> filled;
    auto& place = filled[resolution.count()];
    if (!place) place = std::make_unique<Filled>(resolution);
    const promql::Engine engine({}, place->clock);
    const auto expr = *promql::parse(text);
    const Timestamp end{begin_ms + (days - 3) * day}, start = end - std::chrono::hours(24 * 365);
    for (auto _ : state) {
        auto result = engine.range(*expr, start, end, step, *place->store);
        if (!result || result->series.empty() || 
            result->infos.size() != (resolution > Milliseconds(0) ? 1 : 0))
            state.SkipWithError("no answer, or not from where it should be");
        benchmark::DoNotOptimize(result);
    }
}

constexpr Milliseconds samples{0}, hourly = std::chrono::hours(1), five = std::chrono::minutes(5);
constexpr Milliseconds a_day = std::chrono::hours(24), a_shift = std::chrono::hours(8);

void with_cpu(benchmark::internal::Benchmark* each) {
    each->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
}
BENCHMARK_CAPTURE(query_of_a_year, rate_1d_from_1h, "sum by (job) (rate(requests_total[1d]))",
                  hourly, a_day)
    ->Apply(with_cpu);
BENCHMARK_CAPTURE(query_of_a_year, rate_1d_from_samples,
                  "sum by (job) (rate(requests_total[1d]))", samples, a_day)
    ->Apply(with_cpu);
BENCHMARK_CAPTURE(query_of_a_year, max_1d_from_samples, "max_over_time(requests_total[1d])",
                  samples, a_day)
    ->Apply(with_cpu);
BENCHMARK_CAPTURE(query_of_a_year, rate_8h_from_1h, "sum by (job) (rate(requests_total[8h]))",
                  hourly, a_shift)
    ->Apply(with_cpu);
BENCHMARK_CAPTURE(query_of_a_year, max_1d_from_1h, "max_over_time(requests_total[1d])", hourly,
                  a_day)
    ->Apply(with_cpu);
BENCHMARK_CAPTURE(query_of_a_year, newest_8h_from_1h, "sum(requests_total)", hourly, a_shift)
    ->Apply(with_cpu);
BENCHMARK_CAPTURE(query_of_a_year, rate_1d_from_5m, "sum by (job) (rate(requests_total[1d]))", five,
                  a_day)
    ->Apply(with_cpu);
BENCHMARK_CAPTURE(query_of_a_year, rate_8h_from_5m, "sum by (job) (rate(requests_total[8h]))", five,
                  a_shift)
    ->Apply(with_cpu);

}  // namespace

BENCHMARK_MAIN();
