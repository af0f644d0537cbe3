#include "tests/promql/slow_evaluator.h"

#include <re2/re2.h>

#include <array>
#include <catch2/catch.hpp>
#include <fstream>

#include "promql/engine.h"
#include "promql/syntax/parse.h"
#include "tests/promql/random_data.h"
#include "tests/promql/random_query.h"
#include "tests/promql/recorded_answers.h"
#include "tests/promql/twins.h"
#include "tests/support/manual_clock.h"

using namespace vedette;
using namespace vedette::promql;

TEST_CASE(
    "the engine answers as an evaluator does that goes step by step and looks at every sample",
    "[promql][slow]") {
    const std::uint64_t seed = random_seed();
    INFO("VEDETTE_SEED=" << seed << " shows this again");
    MemorySource source = RandomData(seed).source();
    RandomQuery random(seed);
    std::mt19937_64 times(seed);
    const ManualClock clock;
    const Engine engine({}, clock);
    SlowEvaluator slow(source);
    const char* asked = std::getenv("VEDETTE_CASES");
    const long cases = asked != nullptr ? std::strtol(asked, nullptr, 10) : 400;
    for (long i = 0; i < cases; ++i) {
        const bool instant = times() % 3 == 0;
        const std::string text = instant ? random.instant_query() : random.query();
        const Timestamp start{static_cast<std::int64_t>(times() % 1'900'000)};
        const Milliseconds step{(std::array{1'000, 15'000, 60'000, 61'500, 400'000})[times() % 5]};
        const Timestamp end = start + step * static_cast<std::int64_t>(times() % 12);
        CAPTURE(i, text, start.ms, end.ms, step.count());
        const ExprPtr expr = parse(text).value();
        if (instant)
            CHECK(twin_difference(engine.instant(*expr, start, source), slow.instant(*expr, start),
                                  text.starts_with("sort")) == "");
        else
            CHECK(twin_difference(engine.range(*expr, start, end, step, source),
                                  slow.range(*expr, start, end, step), true) == "");
    }
}

TEST_CASE("that evaluator answers as Prometheus 3.5.3 answered", "[promql][slow]") {
    std::ifstream file(GENERATE(as<std::string>(), "tests/promql/recorded/answers.json",
                                "tests/promql/recorded/native.json"));
    const auto recorded = nlohmann::json::parse(file);
    MemorySource source = recorded_data(recorded);
    SlowEvaluator slow(source);
    for (auto row : recorded["cases"]) {
        const auto text = row["query"].get<std::string>();
        if (row.contains("features") || row.value("type", "") == "string") continue;
        CAPTURE(row["query"].get<std::string>());
        const auto expr = parse(row["query"].get<std::string>());
        if (!expr) continue;
        row.erase("warnings");  // it has none
        row.erase("infos");
        const auto got = row.contains("at") ? slow.instant(**expr, recorded_time(row["at"]))
                                            : slow.range(**expr, recorded_time(row["start"]),
                                                         recorded_time(row["end"]),
                                                         recorded_time(row["step"]) - Timestamp{0});
        CHECK(difference(row, got, row.value("near", false) ? 1e-12 : 1e-14) == "");
    }
}
