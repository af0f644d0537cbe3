#include "probes/series_writer.h"

#include <catch2/catch.hpp>

#include "base/log.h"
#include "base/metrics.h"
#include "tests/support/spy_sample_sink.h"

using namespace vedette;
using namespace vedette::probes;

namespace {

using Lines = std::vector<std::string>;

struct Fixture {
    SpySampleSink sink;
    Log log{LogSettings{.level = LogLevel::Error}};
    Metrics metrics;
    SeriesWriter writer{sink, log, metrics};
    TargetSeries series;
    Labels target{{"instance", "a"}, {"job", "shop"}};

    Lines write(std::int64_t ms, std::vector<Reading::Metric> reading) {
        sink.clear();
        writer.prepare(series, target, {ms}, reading);
        writer.commit();
        const auto batches = sink.batches();
        REQUIRE(batches.size() <= 1);
        return batches.empty() ? Lines{} : batches[0];
    }
    double rejected(const char* reason) {
        return metrics
            .counter("vedette_probe_samples_rejected_total",
                     "Samples of probes that the store did not take, by reason",
                     {{"reason", reason}})
            .value();
    }
};

Reading::Metric metric(const char* name, double value, Labels labels = {}) {
    return {name, std::move(labels), value, "help"};
}

}  // namespace

TEST_CASE("a reading becomes one batch, at one time, with the target's labels",
          "[probes][series]") {
    Fixture f;
    CHECK(f.write(1000, {metric("up", 1), metric("phase", 2.5, {{"phase", "tls"}})}) ==
          Lines{R"(up{instance="a", job="shop"} 1 @1000)",
                R"(phase{instance="a", job="shop", phase="tls"} 2.5 @1000)"});
    CHECK(f.sink.metadata_seen() ==
          std::map<std::string, std::string>{{"up", "gauge: help"}, {"phase", "gauge: help"}});
}

TEST_CASE("a steady probe asks for its series once", "[probes][series]") {
    Fixture f;
    for (int i = 0; i < 100; ++i)
        f.write(1000 + i, {metric("up", 1), metric("phase", i, {{"phase", "tls"}})});
    CHECK(f.sink.series_asked() == 2);
}

TEST_CASE("a metric that disappears ends with a stale marker, once, and may come back",
          "[probes][series]") {
    Fixture f;
    f.write(1000, {metric("up", 1), metric("tls", 1, {{"version", "1.2"}}), metric("took", 3)});
    CHECK(f.write(2000,
                  {metric("up", 1), metric("tls", 1, {{"version", "1.3"}}), metric("took", 3)}) ==
          Lines{R"(tls{instance="a", job="shop", version="1.2"} stale @2000)",
                R"(up{instance="a", job="shop"} 1 @2000)",
                R"(tls{instance="a", job="shop", version="1.3"} 1 @2000)",
                R"(took{instance="a", job="shop"} 3 @2000)"});
    CHECK(f.write(3000, {metric("up", 0)}) ==
          Lines{R"(tls{instance="a", job="shop", version="1.3"} stale @3000)",
                R"(took{instance="a", job="shop"} stale @3000)",
                R"(up{instance="a", job="shop"} 0 @3000)"});
    CHECK(f.write(4000, {metric("took", 4), metric("up", 1)}) ==
          Lines{R"(took{instance="a", job="shop"} 4 @4000)",
                R"(up{instance="a", job="shop"} 1 @4000)"});
}

TEST_CASE("of a metric that comes twice in one reading the first counts", "[probes][series]") {
    Fixture f;
    const std::vector<Reading::Metric> twice = {metric("a", 1), metric("a", 2), metric("b", 3)};
    const Lines expected = {R"(a{instance="a", job="shop"} 1 @1000)",
                            R"(b{instance="a", job="shop"} 3 @1000)"};
    CHECK(f.write(1000, twice) == expected);
    CHECK(f.write(1000, twice) == expected);
}

TEST_CASE("a label of the target wins over the metric's, which is kept as exported",
          "[probes][series]") {
    Fixture f;
    CHECK(f.write(1000, {metric("up", 1, {{"job", "own"}, {"phase", "tls"}})}) ==
          Lines{R"(up{exported_job="own", instance="a", job="shop", phase="tls"} 1 @1000)"});
}

TEST_CASE("references of an older generation are never used", "[probes][series]") {
    Fixture f;
    f.write(1000, {metric("up", 1), metric("took", 1)});
    f.sink.new_generation();
    CHECK(f.write(2000, {metric("up", 1)}) == Lines{R"(took{instance="a", job="shop"} stale @2000)",
                                                    R"(up{instance="a", job="shop"} 1 @2000)"});
    CHECK(f.sink.series_asked() == 4);
}

TEST_CASE("a series over the budget is counted, the others are stored, and room is used at once",
          "[probes][series]") {
    Fixture f;
    f.sink.allow_series(1);
    const std::vector<Reading::Metric> reading = {metric("up", 1), metric("took", 1)};
    CHECK(f.write(1000, reading) == Lines{R"(up{instance="a", job="shop"} 1 @1000)"});
    CHECK(f.rejected("series") == 1);
    f.write(2000, reading);
    CHECK(f.rejected("series") == 2);
    f.sink.allow_series(2);
    CHECK(f.write(3000, reading).size() == 2);
    CHECK(f.rejected("series") == 2);
}

TEST_CASE("a batch the store refuses is counted and the next one is offered again",
          "[probes][series]") {
    Fixture f;
    f.sink.fail_appends("the disk is full");
    CHECK(f.write(1000, {metric("up", 1), metric("took", 1)}).empty());
    CHECK(f.rejected("batch") == 2);
    f.sink.fail_appends("");
    CHECK(f.write(2000, {metric("up", 1), metric("took", 1)}).size() == 2);
}

TEST_CASE("a target that ends gets a stale marker for each of its series", "[probes][series]") {
    Fixture f;
    f.write(1000, {metric("up", 1), metric("took", 1)});
    f.sink.clear();
    f.writer.prepare_end(f.series, f.target, {1500});
    f.writer.commit();
    CHECK(f.sink.batches() ==
          std::vector<Lines>{{R"(up{instance="a", job="shop"} stale @1500)",
                              R"(took{instance="a", job="shop"} stale @1500)"}});
    CHECK(f.series.lines.empty());
}
