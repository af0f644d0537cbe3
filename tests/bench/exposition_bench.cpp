// Budget 14: a page of 100,000 series, ours beside prometheus-cpp's own writer, which prints fewer
// digits and does not escape help.
//
//   build/release/exposition_bench

#include <benchmark/benchmark.h>
#include <prometheus/text_serializer.h>

#include <sstream>

#include "exporter/exposition.h"

namespace {

using namespace vedette;

constexpr int families = 100, points = 1000;

double value_of(int family, int point) {
    return family % 2 == 0 ? family * 1000.0 + point : (family * 37 + point * 101) % 10'000 / 100.0;
}

std::string name_of(int family) {
    return "bench_requests_" + std::to_string(family) + (family % 2 == 0 ? "_total" : "_ratio");
}

void ours(benchmark::State& state) {
    std::vector<MetricFamily> page;
    for (int family = 0; family < families; ++family) {
        MetricFamily made;
        made.name = name_of(family);
        made.type = family % 2 == 0 ? MetricFamily::Type::Counter : MetricFamily::Type::Gauge;
        made.help = "Requests of a benchmark.";
        for (int point = 0; point < points; ++point)
            made.points.push_back({.labels = Labels{{"instance", "host-" + std::to_string(point)},
                                                    {"job", "bench"},
                                                    {"path", "/api/v1/resource"}},
                                   .value = value_of(family, point)});
        page.push_back(std::move(made));
    }
    const auto format = exporter::choose_format("");
    std::size_t bytes = 0;
    for (auto _ : state) bytes = exporter::write_exposition(page, format).size();
    state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(ours)->Unit(benchmark::kMillisecond);

void prometheus_cpp(benchmark::State& state) {
    std::vector<prometheus::MetricFamily> page;
    for (int family = 0; family < families; ++family) {
        prometheus::MetricFamily made;
        made.name = name_of(family);
        made.type =
            family % 2 == 0 ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
        made.help = "Requests of a benchmark.";
        for (int point = 0; point < points; ++point) {
            prometheus::ClientMetric metric;
            metric.label = {{"instance", "host-" + std::to_string(point)},
                            {"job", "bench"},
                            {"path", "/api/v1/resource"}};
            metric.counter.value = metric.gauge.value = value_of(family, point);
            made.metric.push_back(std::move(metric));
        }
        page.push_back(std::move(made));
    }
    std::size_t bytes = 0;
    for (auto _ : state) bytes = prometheus::TextSerializer().Serialize(page).size();
    state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(prometheus_cpp)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
