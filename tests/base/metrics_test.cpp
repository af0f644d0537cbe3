#include "base/metrics.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <thread>
#include <vector>

using namespace vedette;

namespace {

/// All families, one point a line.
std::string show(const Metrics& metrics) {
    std::string out;
    for (const MetricFamily& family : metrics.collect()) {
        out += fmt::format("{} {} \"{}\"\n", family.name, to_string(family.type), family.help);
        for (const MetricFamily::Point& point : family.points) {
            out += fmt::format("  {} ", to_string(point.labels));
            if (family.type != MetricFamily::Type::Histogram) out += fmt::format("{}", point.value);
            for (const auto& [bound, count] : point.buckets)
                out += fmt::format("{}:{} ", bound, count);
            if (family.type == MetricFamily::Type::Histogram)
                out += fmt::format("count {} sum {}", point.count, point.sum);
            out += '\n';
        }
    }
    return out;
}

}  // namespace

TEST_CASE("what was counted is collected by name and label", "[base][metrics]") {
    Metrics metrics;
    metrics.gauge("vedette_store_series", "Series now.").set(0.1 + 0.2);
    metrics.counter("vedette_http_requests_total", "Answers.", {{"code", "503"}}).add();
    metrics.counter("vedette_http_requests_total", "Answers.", {{"code", "200"}}).add(41);
    metrics.observed("vedette_loop_lag_seconds", "Lag.", MetricFamily::Type::Gauge,
                     [] { return 0.5; });
    metrics.observed("vedette_http_requests_total", "Answers.", MetricFamily::Type::Counter,
                     [] { return 7.0; }, {{"code", "404"}});
    CHECK(show(metrics) ==
          "vedette_http_requests_total counter \"Answers.\"\n"
          "  {code=\"200\"} 41\n  {code=\"404\"} 7\n  {code=\"503\"} 1\n"
          "vedette_loop_lag_seconds gauge \"Lag.\"\n  {} 0.5\n"
          "vedette_store_series gauge \"Series now.\"\n  {} 0.30000000000000004\n");
}

TEST_CASE("buckets are cumulative and end with infinity", "[base][metrics]") {
    Metrics metrics;
    auto& seconds = metrics.histogram("vedette_probe_seconds", "How long.", {0.1, 1, 10});
    for (const double value : {0.05, 0.1, 0.5, 20.0}) seconds.observe(value);
    CHECK(show(metrics) ==
          "vedette_probe_seconds histogram \"How long.\"\n"
          "  {} 0.1:2 1:3 10:3 inf:4 count 4 sum 20.65\n");
}

TEST_CASE("asking twice gives the same one", "[base][metrics]") {
    Metrics metrics;
    Counter& one = metrics.counter("vedette_x_total", "X.", {{"a", "b"}});
    Counter& same = metrics.counter("vedette_x_total", "X.", {{"a", "b"}});
    Counter& other = metrics.counter("vedette_x_total", "X.", {{"a", "c"}});
    CHECK(&one == &same);
    CHECK(&one != &other);
    CHECK(&metrics.gauge("vedette_y", "Y.") == &metrics.gauge("vedette_y", "Y."));
    CHECK(&metrics.histogram("vedette_z", "Z.", {1}) == &metrics.histogram("vedette_z", "Z.", {1}));
}

TEST_CASE("help and label values are kept as they are, whatever is in them", "[base][metrics]") {
    // prometheus-cpp's own writer would let the line break through; escaping is our writer's work.
    Metrics metrics;
    metrics.gauge("vedette_x", "two\nlines", {{"path", "a\"b\\c\n"}}).set(std::nan(""));
    const auto families = metrics.collect();
    REQUIRE(families.size() == 1);
    CHECK(families[0].help == "two\nlines");
    CHECK(families[0].points[0].labels.get("path") == "a\"b\\c\n");
    CHECK(std::isnan(families[0].points[0].value));
}

TEST_CASE("many threads count together", "[base][metrics]") {
    Metrics metrics;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&metrics] {
                for (int i = 0; i < 1'000; ++i) metrics.counter("vedette_x_total", "X.").add();
                metrics.collect();
            });
    }
    CHECK(metrics.counter("vedette_x_total", "X.").value() == 4'000);
}
