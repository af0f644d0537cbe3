#include <array>
#include <atomic>
#include <bit>
#include <catch2/catch.hpp>
#include <limits>
#include <stdexcept>
#include <thread>

#include "promql/engine.h"
#include "promql/evaluation/crew.h"
#include "promql/syntax/parse.h"
#include "tests/promql/random_data.h"
#include "tests/promql/random_query.h"
#include "tests/support/manual_clock.h"

using namespace vedette;
using namespace vedette::promql;

namespace {

EngineSettings threads(std::size_t count) {
    EngineSettings settings;
    settings.threads = count;
    return settings;
}

std::string bits_of(const Value& value) {
    if (const double* number = std::get_if<double>(&value))
        return std::to_string(std::bit_cast<std::uint64_t>(*number));
    const Histogram& histogram = *std::get<HistogramRef>(value);
    return to_string(histogram) + '/' +
           std::to_string(std::bit_cast<std::uint64_t>(histogram.sum)) + '/' +
           std::to_string(static_cast<int>(histogram.reset_hint));
}

/// All of an answer and its cost, its order and every bit included.
std::string whole(const Result<QueryResult>& result, const QueryStatistics& cost) {
    if (!result) return result.error().message;
    std::string out = std::to_string(cost.samples_peak) + " of " +
                      std::to_string(cost.samples_read) + " samples\n";
    for (const std::int64_t samples : cost.samples_at_steps) out += std::to_string(samples) + ' ';
    for (const auto& series : result->series) {
        out += to_string(series.labels);
        for (const Sample& sample : series.samples)
            out += ' ' + bits_of(sample.value) + '@' + std::to_string(sample.at.ms);
        out += '\n';
    }
    for (const auto* said : {&result->warnings, &result->infos})
        for (const std::string& each : *said) out += each + '\n';
    return out;
}

/// A clock at whose 30th look the caller goes away.
class LeavingClock final : public Clock {
public:
    explicit LeavingClock(std::stop_source& caller) : caller_(caller) {}
    Timestamp now() const override { return {0}; }
    std::chrono::steady_clock::time_point steady() const override {
        if (++looks_ == 30) caller_.request_stop();
        return {};
    }

private:
    std::stop_source& caller_;
    mutable std::atomic<int> looks_ = 0;
};

/// Two parts: series of stale markers without end, and one series of numbers.
class EndlessSource final : public SeriesSource {
public:
    Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher>, Window, const Hints&,
                                                 std::stop_token) override {
        return fail(Fault::Unavailable, "only in parts");
    }
    Result<std::vector<std::unique_ptr<SeriesCursor>>> select_parts(std::span<const Matcher>,
                                                                    Window, const Hints&,
                                                                    std::size_t,
                                                                    std::stop_token) override {
        std::vector<std::unique_ptr<SeriesCursor>> parts;
        parts.push_back(std::make_unique<Cursor>(stale_marker(), false));
        parts.push_back(std::make_unique<Cursor>(1, true));
        return parts;
    }

private:
    class Cursor final : public SeriesCursor {
    public:
        Cursor(double value, bool ends) : values_{value, value, value}, ends_(ends) {}
        bool next(Column& out) override {
            if (ends_ && any_) return false;
            any_ = true;
            out = {&labels_, times_, values_, {}};
            return true;
        }

    private:
        Labels labels_ = series_name("x");
        std::array<Timestamp, 3> times_{{{1'000}, {2'000}, {3'000}}};
        std::array<double, 3> values_;
        bool ends_, any_ = false;
    };
};

}  // namespace

TEST_CASE("a query read in parts by several threads has the same answer, bit for bit",
          "[promql][parts]") {
    const std::uint64_t seed = random_seed();
    INFO("VEDETTE_SEED=" << seed << " shows this again");
    MemorySource source = RandomData(seed).source();
    source.splits = true;
    RandomQuery random(seed);
    std::mt19937_64 times(seed);
    const ManualClock clock;
    const Engine alone(threads(1), clock), together(threads(3), clock);
    for (int i = 0; i < 600; ++i) {
        const bool instant = times() % 3 == 0;
        const std::string text = instant ? random.instant_query() : random.query();
        const Timestamp start{static_cast<std::int64_t>(times() % 1'900'000)};
        const Timestamp end = start + Milliseconds(15'000) * static_cast<long>(times() % 12);
        CAPTURE(i, text, start.ms, end.ms);
        const ExprPtr expr = parse(text).value();
        const auto answer = [&](const Engine& engine) {
            QueryStatistics cost;
            const auto result =
                instant ? engine.instant(*expr, start, source, {}, &cost)
                        : engine.range(*expr, start, end, Milliseconds(15'000), source, {}, &cost);
            return whole(result, cost);
        };
        CHECK(answer(together) == answer(alone));
    }
}

TEST_CASE("parts count their samples together", "[promql][parts]") {
    MemorySource source;
    // The last part holds most of it.
    source.load("x{a=\"1\"} 1x9\nx{a=\"2\"} 1x9\nx{a=\"3\"} 1x9\nx{a=\"4\"} 1x199");
    source.splits = true;
    const ManualClock clock;
    const ExprPtr expr = parse("sum_over_time(x[1d])").value();
    // The 200 samples of the last series, its value, and those of the three before it.
    for (std::size_t allowed = 195; allowed < 210; ++allowed) {
        for (const std::size_t count : {1, 2, 4}) {
            CAPTURE(allowed, count);
            EngineSettings settings = threads(count);
            settings.samples_max = allowed;
            const auto got = Engine(settings, clock).instant(*expr, {12'000'000}, source);
            CHECK(got.has_value() == (allowed >= 204));
            if (!got)
                CHECK(got.error() ==
                      Error{Fault::Limit,
                            "query processing would load too many samples into memory "
                            "in query execution"});
        }
    }
}

TEST_CASE("a query read in parts stops in the middle when its caller goes away",
          "[promql][parts]") {
    MemorySource source;
    for (int i = 0; i < 200; ++i) source.load("x{i=\"" + std::to_string(i) + "\"} 0+1x20");
    source.splits = true;
    const ExprPtr expr = parse("rate(x[5m])").value();
    for (const std::size_t count : {1, 2, 4}) {
        std::stop_source caller;
        const LeavingClock clock(caller);
        const auto got =
            Engine(threads(count), clock)
                .range(*expr, {0}, {1'200'000}, Milliseconds(60'000), source, caller.get_token());
        REQUIRE(!got);
        CHECK(got.error() ==
              Error{Fault::Cancelled, "query was canceled in expression evaluation"});
    }
}

TEST_CASE("a part that fails stops the others and says why", "[promql][parts]") {
    EndlessSource source;
    const ManualClock clock;
    EngineSettings settings = threads(2);
    settings.samples_max = std::numeric_limits<std::size_t>::max();
    settings.features.experimental_functions = true;
    const ExprPtr expr =
        parse("double_exponential_smoothing(x[5m], 2, 0.5)", nullptr, settings.features).value();
    const auto got = Engine(settings, clock).instant(*expr, {10'000}, source);
    REQUIRE(!got);
    CHECK(got.error() ==
          Error{Fault::BadInput, "invalid smoothing factor. Expected: 0 < sf < 1, got: 2.000000"});
}

TEST_CASE("a crew does each piece once, for many callers at the same time", "[promql][parts]") {
    Crew crew(3);
    std::array<std::atomic<int>, 4 * 50> done{};
    std::vector<std::thread> callers;
    for (std::size_t caller = 0; caller < 4; ++caller)
        callers.emplace_back([&, caller] {
            for (std::size_t round = 0; round < 10; ++round)
                crew.run(5, [&](std::size_t i) { ++done[caller * 50 + round * 5 + i]; });
        });
    for (std::thread& each : callers) each.join();
    for (const auto& times : done) CHECK(times == 1);
}

TEST_CASE("what a piece of work throws reaches its caller after all have returned",
          "[promql][parts]") {
    Crew crew(2);
    std::atomic<int> done = 0;
    CHECK_THROWS_WITH(crew.run(8,
                               [&](std::size_t i) {
                                   ++done;
                                   if (i == 3) throw std::runtime_error("no memory");
                               }),
                      "no memory");
    CHECK(done == 8);
    crew.run(2, [&](std::size_t) { ++done; });
    CHECK(done == 10);
}
