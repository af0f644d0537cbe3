// Steady series are the common ones and have ways of their own: many windows at once, sums that
// take rows as they come. What these give must be what one step at a time gives.

#include <bit>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "promql/engine.h"
#include "promql/syntax/parse.h"
#include "tests/promql/random_data.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

using namespace vedette;
using namespace vedette::promql;

namespace {

constexpr std::int64_t interval = 15'000;
constexpr int scrapes = 400;

/// Counters and gauges scraped every 15 s, but for gaps, late samples, resets and stale markers,
/// of which some series have many and some none.
MemorySource steady_series(std::mt19937_64& random) {
    MemorySource source;
    const auto one_in = [&](unsigned n) { return n > 0 && random() % n == 0; };
    for (int n = 0; n < 40; ++n) {
        const Labels labels{{metric_name_label, n % 5 == 4 ? "gauge" : "requests_total"},
                            {"instance", std::to_string(n)},
                            {"job", std::to_string(n % 3)}};
        const unsigned trouble = n % 4 == 0 ? 0 : n % 4 == 1 ? 10 : 100;
        double value = n % 2 == 0 ? 0 : 1e6;
        for (int i = 0; i < scrapes; ++i) {
            if (one_in(trouble)) continue;
            if (one_in(trouble)) value = 0;
            const std::int64_t late = one_in(trouble) ? 1 : 0;
            value += static_cast<double>(random() % 4);
            if (n % 5 == 4) value -= 2;
            source.add(labels, {i * interval + late}, one_in(trouble) ? stale_marker() : value);
        }
    }
    return source;
}

using Bits = std::map<std::pair<Labels, std::int64_t>, std::uint64_t>;

void note(Bits& bits, const QueryResult& result) {
    for (const auto& series : result.series)
        for (const Sample& sample : series.samples)
            bits[{series.labels, sample.at.ms}] =
                std::bit_cast<std::uint64_t>(std::get<double>(sample.value));
}

}  // namespace

TEST_CASE("a range over steady series says at each step what an instant query says, bit for bit",
          "[promql][steady]") {
    const std::uint64_t seed = random_seed();
    INFO("VEDETTE_SEED=" << seed << " shows this again");
    std::mt19937_64 random(seed);
    MemorySource source = steady_series(random);
    const ManualClock clock;
    const Engine engine({}, clock);
    for (const char* query :
         {"rate(requests_total[5m])", "increase(requests_total[1m])", "delta(gauge[2m])",
          "sum by (job) (rate(requests_total[5m]))", "sum(rate(requests_total[30s] offset 1m))",
          "sum without (instance) (delta(gauge[61s]))", "sum by (__name__) (increase(gauge[1h]))",
          "sum(max_over_time(requests_total[3m]))", "sum(rate({job=\"1\"}[5m]))"}) {
        for (const std::int64_t step : {15'000, 30'000, 60'000, 20'000, 7'501}) {
            CAPTURE(query, step);
            const auto expr = parse(query);
            REQUIRE(expr);
            const Timestamp start{static_cast<std::int64_t>(random() % 300'000)};
            const Timestamp end{scrapes * interval + 100'000};
            const auto whole = engine.range(**expr, start, end, Milliseconds(step), source);
            REQUIRE(whole);
            Bits at_once, one_by_one;
            note(at_once, *whole);
            for (Timestamp at = start; at <= end; at = at + Milliseconds(step)) {
                const auto one = engine.instant(**expr, at, source);
                REQUIRE(one);
                note(one_by_one, *one);
            }
            CHECK(at_once.size() > 10);
            CHECK(at_once == one_by_one);
        }
    }
}
