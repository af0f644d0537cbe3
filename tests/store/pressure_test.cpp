#include "store/shedding/pressure.h"

#include <catch2/catch.hpp>

#include "store/shedding/churn.h"
#include "tests/support/manual_clock.h"

namespace vedette::store {
namespace {

constexpr Budget budget{.series_max = 1000, .head_bytes_max = 1000};

/// A store of two jobs, of which one asks.
Use use(std::size_t series, std::size_t bytes, std::size_t of_job) {
    return {.series = series, .bytes = bytes, .jobs = 2, .job_series = of_job};
}

}  // namespace

TEST_CASE("what is given up depends on the share of memory that is used", "[store][pressure]") {
    struct Row {
        const char* what;
        std::size_t series, bytes;
        const char* pressure;
    };
    const auto row = GENERATE(values<Row>({
        {"just before the first edge", 799, 799, "none"},
        {"memory reaches it", 10, 800, "greedy_jobs"},
        {"series reach it", 800, 10, "greedy_jobs"},
        {"series alone give up nothing else", 1000, 10, "greedy_jobs"},
        {"just before extras", 10, 899, "greedy_jobs"},
        {"extras", 10, 900, "extras"},
        {"just before queries", 10, 949, "extras"},
        {"queries", 10, 950, "queries"},
        {"what fits exactly fits", 10, 1000, "queries"},
        {"ordinary samples", 10, 1001, "ordinary"},
        {"the last of readings", 10, 1100, "ordinary"},
        {"readings", 10, 1101, "readings"},
    }));
    CAPTURE(row.what);
    CHECK(to_string(pressure_of(budget, use(row.series, row.bytes, 1))) == row.pressure);
}

TEST_CASE("new series are refused to greedy jobs first, then to all, to alerting last",
          "[store][pressure]") {
    struct Row {
        const char* what;
        Use use;
        const char *ordinary, *reading, *vital;
    };
    const auto row = GENERATE(values<Row>({
        {"room", use(799, 100, 700), "none", "none", "none"},
        {"the greedy one", use(800, 100, 334), "even_share", "even_share", "none"},
        {"an even share is none too much", use(800, 100, 333), "none", "none", "none"},
        {"the modest one", use(999, 100, 10), "none", "none", "none"},
        {"no place for anybody", use(1000, 100, 10), "series_max", "series_max", "none"},
        {"the last place for alerting", use(1999, 100, 10), "series_max", "series_max", "none"},
        {"none for alerting either", use(2000, 100, 10), "series_max", "series_max", "series_max"},
        {"memory is short, the greedy one", use(100, 801, 70), "even_share", "even_share", "none"},
        {"memory is short, the modest one", use(100, 1000, 33), "none", "none", "none"},
        {"memory is spent", use(100, 1001, 1), "head_bytes_max", "head_bytes_max", "none"},
        {"the wall", use(100, 1251, 1), "head_bytes_max", "head_bytes_max", "head_bytes_max"},
    }));
    CAPTURE(row.what);
    CHECK(to_string(judge_series(budget, row.use, Rank::Ordinary)) == row.ordinary);
    CHECK(to_string(judge_series(budget, row.use, Rank::Reading)) == row.reading);
    CHECK(to_string(judge_series(budget, row.use, Rank::Vital)) == row.vital);
}

TEST_CASE("a job alone may fill four fifths, the rest is for one that is yet to come",
          "[store][pressure]") {
    const auto judge = [](std::size_t series, std::size_t of_job) {
        return judge_series(budget, {.series = series, .jobs = 1, .job_series = of_job},
                            Rank::Reading);
    };
    CHECK(judge(799, 799) == Refusal::None);
    CHECK(judge(800, 800) == Refusal::EvenShare);
    CHECK(judge(800, 0) == Refusal::None);
}

TEST_CASE("a job has its own limit, which alerting has not", "[store][pressure]") {
    Budget own = budget;
    own.job_series_max = 50;
    CHECK(judge_series(own, use(100, 0, 49), Rank::Reading) == Refusal::None);
    CHECK(judge_series(own, use(100, 0, 50), Rank::Reading) == Refusal::JobSeriesMax);
    CHECK(judge_series(own, use(100, 0, 50), Rank::Vital) == Refusal::None);
}

TEST_CASE("samples are refused to those who keep them, then to greedy jobs, to alerting last",
          "[store][pressure]") {
    struct Row {
        const char* what;
        Use use;
        bool ordinary, reading, vital;
    };
    const auto row = GENERATE(values<Row>({
        {"what fits exactly fits", use(100, 1000, 90), true, true, true},
        {"a modest job", use(100, 1001, 30), false, true, true},
        {"a greedy job", use(100, 1001, 60), false, false, true},
        {"a modest job at the next edge", use(100, 1100, 30), false, true, true},
        {"beyond it", use(100, 1101, 30), false, false, true},
        {"the wall", use(100, 1250, 30), false, false, true},
        {"beyond the wall", use(100, 1251, 30), false, false, false},
    }));
    CAPTURE(row.what);
    CHECK(takes_samples(budget, row.use, Rank::Ordinary) == row.ordinary);
    CHECK(takes_samples(budget, row.use, Rank::Reading) == row.reading);
    CHECK(takes_samples(budget, row.use, Rank::Vital) == row.vital);
}

TEST_CASE("a series counts as new for half an hour to an hour", "[store][churn]") {
    constexpr Timestamp noon{1'790'000'000'000 / 1'800'000 * 1'800'000};
    const auto after = [&](int minutes) { return noon + std::chrono::minutes(minutes); };
    Churn churn;
    churn.made("a", after(1));
    churn.made("a", after(29));
    CHECK(churn.of("a", after(29)) == 2);
    CHECK(churn.of("a", after(59)) == 2);
    CHECK(churn.of("a", after(60)) == 0);
    churn.made("b", after(31));
    CHECK(churn.of("a", after(31)) == 2);
    CHECK(churn.of("b", after(31)) == 1);
    churn.made("b", after(61));
    CHECK(churn.of("a", after(61)) == 0);
    CHECK(churn.of("b", after(61)) == 2);
    CHECK(churn.of("nobody", after(61)) == 0);
    // The clock was set back by a day: nobody knows when they were made.
    churn.made("b", after(-24 * 60));
    CHECK(churn.of("b", after(-24 * 60)) == 1);
}

}  // namespace vedette::store
