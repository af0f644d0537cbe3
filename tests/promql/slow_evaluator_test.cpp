#include "tests/promql/slow_evaluator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>

#include "promql/engine.h"
#include "promql/parse.h"
#include "tests/promql/random_data.h"
#include "tests/promql/random_query.h"
#include "tests/support/manual_clock.h"

using namespace vedette;
using namespace vedette::promql;

namespace {

/// Which of several duplicates is named first is nobody's promise.
std::string without_example(const std::string& error) {
    return error.starts_with("found duplicate series") ? "found duplicate series" : error;
}

/// The same bits, or as near as sums in another order come.
bool agree(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b);
    if (std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || a == b) return true;
    return std::abs(a - b) <= 1e-12 * std::max(std::abs(a), std::abs(b));
}

std::string shown(const QueryResult::Series& series) {
    std::string out = to_string(series.labels);
    for (const Sample& sample : series.samples)
        out +=
            ' ' + format_value(std::get<double>(sample.value)) + '@' + std::to_string(sample.at.ms);
    return out;
}

bool agree(const QueryResult::Series& a, const QueryResult::Series& b) {
    if (a.labels != b.labels || a.samples.size() != b.samples.size()) return false;
    for (std::size_t i = 0; i < a.samples.size(); ++i)
        if (a.samples[i].at != b.samples[i].at ||
            !agree(std::get<double>(a.samples[i].value), std::get<double>(b.samples[i].value)))
            return false;
    return true;
}

/// What differs, in words; empty when nothing does. `in_order`: the order of series counts.
std::string difference(Result<QueryResult> fast, Result<QueryResult> slow, bool in_order) {
    if (!fast || !slow) {
        const std::string a = fast ? "an answer" : without_example(fast.error().message);
        const std::string b = slow ? "an answer" : without_example(slow.error().message);
        return a == b ? "" : a + "; expected " + b;
    }
    if (fast->kind != slow->kind) return "another kind of answer";
    for (auto* result : {&*fast, &*slow})
        if (!in_order)
            std::sort(result->series.begin(), result->series.end(),
                      [](const auto& a, const auto& b) { return a.labels < b.labels; });
    for (std::size_t i = 0; i < std::max(fast->series.size(), slow->series.size()); ++i) {
        const std::string a = i < fast->series.size() ? shown(fast->series[i]) : "nothing";
        const std::string b = i < slow->series.size() ? shown(slow->series[i]) : "nothing";
        if (a == "nothing" || b == "nothing" || !agree(fast->series[i], slow->series[i]))
            return a + "\nexpected " + b;
    }
    return {};
}

}  // namespace

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
            CHECK(difference(engine.instant(*expr, start, source), slow.instant(*expr, start),
                             text.starts_with("sort")) == "");
        else
            CHECK(difference(engine.range(*expr, start, end, step, source),
                             slow.range(*expr, start, end, step), true) == "");
    }
}
