// Budget 6 without HTTP: samples of 100,000 series by remote write, one a series, 2,000 in a
// request, from the bytes that were posted to what is in memory and in the log; `known` 0 makes the
// labels of every series, 1 asks for series that are known without.
//
//   build/release/intake_bench

#include <benchmark/benchmark.h>
#include <snappy.h>

#include <memory>

#include "base/metrics.h"
#include "core/wire_writer.h"
#include "exporter/ingest/remote_write.h"
#include "store/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace vedette;

constexpr std::size_t series = 100'000, per_request = 2'000;
constexpr std::int64_t step_ms = 15'000;

void put_label(std::string& out, std::string_view name, std::string_view value) {
    std::string label;
    WireWriter writer(label);
    writer.bytes_field(1, name);
    writer.bytes_field(2, value);
    WireWriter(out).bytes_field(1, label);
}

std::string time_series(std::size_t number, std::int64_t at_ms) {
    std::string out, sample;
    put_label(out, "__name__", "bench_requests_total");
    put_label(out, "instance", "host-" + std::to_string(number / 100) + ":9100");
    put_label(out, "job", "bench");
    put_label(out, "path", "/api/v1/resource/" + std::to_string(number % 100));
    WireWriter writer(sample);
    writer.double_field(1, static_cast<double>(number));
    writer.signed_field(2, at_ms);
    WireWriter(out).bytes_field(2, sample);
    return out;
}

/// The bodies of one round, all samples at one time.
std::vector<Request> round_at(std::int64_t at_ms) {
    std::vector<Request> requests;
    for (std::size_t first = 0; first < series; first += per_request) {
        std::string message;
        for (std::size_t n = first; n < first + per_request; ++n)
            WireWriter(message).bytes_field(1, time_series(n, at_ms));
        Request request;
        request.headers = {{"content-encoding", "snappy"},
                           {"content-type", "application/x-protobuf"}};
        snappy::Compress(message.data(), message.size(), &request.body);
        requests.push_back(std::move(request));
    }
    return requests;
}

void take_in(benchmark::State& state) {
    const TempFolder folder;
    const auto files = make_files();
    ManualClock clock;
    Log log({.level = LogLevel::Error, .file = "/dev/null"});
    Metrics metrics;
    store::StoreSettings settings;
    settings.own_thread = false;
    const auto store =
        std::move(*store::Store::open(*files, folder.path(), settings, clock, log, metrics));
    SeriesFinder* known = state.range(0) == 1 ? store.get() : nullptr;
    const Route route = exporter::remote_write_route(*store, clock, known);
    const auto send = [&] {
        clock.wind(Milliseconds(step_ms));
        for (const Request& request : round_at(clock.now().ms)) (void)route.answer(request);
    };
    send();
    for (auto _ : state) {
        state.PauseTiming();
        clock.wind(Milliseconds(step_ms));
        const auto requests = round_at(clock.now().ms);
        state.ResumeTiming();
        for (const Request& request : requests)
            if (route.answer(request).status != 204) state.SkipWithError("not taken");
    }
    state.counters["samples"] = benchmark::Counter(static_cast<double>(state.iterations() * series),
                                                   benchmark::Counter::kIsRate);
}
BENCHMARK(take_in)->ArgName("known")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
