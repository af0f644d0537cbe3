#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "store/shedding/refusals.h"
#include "tests/store/scratch.h"
#include "tests/support/temp_folder.h"

namespace vedette::store {
namespace {

StoreSettings places(std::size_t series, std::size_t of_job = 0) {
    StoreSettings settings;
    settings.series_max = series;
    settings.job_series_max = of_job;
    return settings;
}

Labels series(std::string_view job, int number) {
    return {{"__name__", "m"}, {"job", job}, {"n", std::to_string(number)}};
}

std::string said(const Result<SeriesRef>& made) {
    return made ? "taken" : made.error().message;
}

/// `limit job metric times`, a line each.
std::string refusals(const Scratch& it) {
    std::string out;
    for (const Refused& each : it.store->cardinality(10).refused)
        out += fmt::format("{} {} {} {}\n", each.limit, each.job, each.metric, each.count);
    return out;
}

double counted(const Scratch& it, std::string_view limit) {
    for (const MetricFamily& family : it.metrics->collect())
        if (family.name == "vedette_store_refusals_total")
            for (const auto& point : family.points)
                if (point.labels.get("limit") == limit) return point.value;
    return 0;
}

/// Fills memory to so many percent of its budget with series of job `a`, by lowering the budget.
void fill(Scratch& it, std::size_t percent) {
    it.settings.head_bytes_max = std::size_t{1} << 30;
    REQUIRE(it.open());
    for (int i = 0; i < 110; ++i) REQUIRE(it.store->series(series("a", i)));
    for (int i = 0; i < 40; ++i) REQUIRE(it.store->series(series("b", i)));
    REQUIRE(it.store->flush());
    const auto bytes_after_restart = [&] {
        REQUIRE(it.open());
        return it.store->memory_bytes();
    };
    it.settings.head_bytes_max = bytes_after_restart() * 100 / percent;
    REQUIRE(it.open());
}

Result<Appended> append(SampleSink& sink, const Labels& labels, std::int64_t at) {
    auto made = sink.series(labels);
    if (!made) return fail(made.error());
    Batch batch;
    batch.rows.push_back({*made, {{at}, 1.0}});
    return sink.append(batch);
}

}  // namespace

TEST_CASE("a job at its limit gets no new series, its old ones go on, and others do not notice",
          "[store][shedding]") {
    Scratch it(places(1000, 2));
    REQUIRE(it.open());
    CHECK(said(it.store->series(series("a", 1))) == "taken");
    CHECK(said(it.store->series(series("a", 2))) == "taken");
    const auto refused = it.store->series(series("a", 3));
    CHECK(said(refused) ==
          "series limit of a job reached: \"a\" has 2 series and storage.job_series_max is 2; "
          "m{job=\"a\", n=\"3\"} was not added");
    CHECK(refused.error().fault == Fault::Refused);
    CHECK(said(it.store->series(series("a", 2))) == "taken");
    CHECK(said(it.store->series(series("b", 1))) == "taken");
    CHECK(said(it.store->series({{"__name__", "nameless"}})) == "taken");
    CHECK(refusals(it) == "job_series_max a m 1\n");
    CHECK(counted(it, "job_series_max") == 1);
    // What came back from the log counts as before.
    REQUIRE(it.add(R"(m{job="a", n="1"})", 1000, 1.0));
    REQUIRE(it.add(R"(m{job="a", n="2"})", 1000, 1.0));
    REQUIRE(it.open());
    CHECK_FALSE(it.store->series(series("a", 3)));
}

TEST_CASE("when places are short the job with most of them is refused first, alerting last",
          "[store][shedding]") {
    Scratch it(places(100));
    REQUIRE(it.open());
    for (int i = 0; i < 79; ++i) REQUIRE(it.store->series(series("greedy", i)));
    REQUIRE(it.store->series(series("modest", 0)));
    CHECK(
        said(it.store->seen_rather_than_safe().series(series("greedy", 79))) ==
        "series are short: 80 % of the budget is used and \"greedy\" has 79 of the 80 series of 2 "
        "jobs; the rest is for jobs with less; m{job=\"greedy\", n=\"79\"} was not added");
    for (int i = 1; i < 21; ++i) CHECK(said(it.store->series(series("modest", i))) == "taken");
    CHECK(said(it.store->series(series("modest", 21))) ==
          "series limit reached: the store holds 100 series and storage.series_max is 100; "
          "m{job=\"modest\", n=\"21\"} was not added");
    CHECK(said(it.store->vital().series({{"__name__", "ALERTS"}})) == "taken");
    CHECK(said(it.store->vital().series({{"__name__", "up"}, {"job", "greedy"}})) == "taken");
    CHECK(refusals(it) == "even_share greedy m 1\nseries_max modest m 1\n");
}

TEST_CASE(
    "when memory is short exemplars and metadata go before queries, and queries before "
    "samples",
    "[store][shedding]") {
    Scratch it;
    it.settings.exemplars_max = 10;
    const auto percent = GENERATE(85, 92, 97, 105);
    CAPTURE(percent);
    fill(it, static_cast<std::size_t>(percent));
    const bool extras = percent < 90, samples = percent < 100;
    CHECK(to_string(it.store->pressure()) == (percent < 90    ? "greedy_jobs"
                                              : percent < 95  ? "extras"
                                              : percent < 100 ? "queries"
                                                              : "ordinary"));
    it.store->metadata("m", "gauge", "What it is.", "");
    CHECK(it.store->find_metadata("m").has_value() == extras);
    Batch batch;
    batch.exemplars.push_back({*it.store->vital().series(series("b", 0)), {{"t", "1"}}, {1}, 1});
    REQUIRE(it.store->append(batch));
    CHECK(it.store->exemplars({}, {{0}, {10}})->size() == (extras ? 1 : 0));
    CHECK(append(*it.store, series("b", 0), 1000).has_value() == samples);
    // Of what nobody sends twice, only greedy jobs are refused; alerting is not.
    CHECK(append(it.store->seen_rather_than_safe(), series("a", 0), 1000).has_value() == samples);
    CHECK(append(it.store->seen_rather_than_safe(), series("b", 0), 2000).has_value());
    CHECK(append(it.store->vital(), series("a", 0), 3000).has_value());
    CHECK(counted(it, "shed_metadata") == (extras ? 0 : 1));
    CHECK(counted(it, "head_bytes_max") == (samples ? 0 : 2));
}

TEST_CASE(
    "below the floor of free space those who keep their samples are refused, until there is "
    "room",
    "[store][shedding]") {
    Scratch it;
    it.settings.disk_free_min = 1000;
    it.files.set_free_bytes(1000);
    REQUIRE(it.open());
    CHECK(append(*it.store, series("a", 1), 1000));
    it.files.set_free_bytes(999);
    REQUIRE(it.store->maintain());
    const auto refused = append(*it.store, series("a", 1), 2000);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == Fault::Limit);
    CHECK(refused.error().message ==
          "disk floor reached: 999 bytes are free and "
          "storage.disk_free_min is 1000; no sample was taken");
    CHECK(append(it.store->seen_rather_than_safe(), series("a", 1), 2000));
    CHECK(append(it.store->vital(), series("a", 1), 3000));
    CHECK(refusals(it) == "disk_free_min a m 1\n");
    CHECK(it.store->cardinality(1).disk_free == 999);
    it.files.set_free_bytes(1000);
    REQUIRE(it.store->maintain());
    CHECK(append(*it.store, series("a", 1), 4000));
}

TEST_CASE("labels beyond what the configuration allows are refused by name", "[store][shedding]") {
    Scratch it;
    it.settings.labels = {.labels_max = 3, .name_bytes_max = 8, .value_bytes_max = 5};
    REQUIRE(it.open());
    CHECK(said(it.store->series(series("abcde", 1))) == "taken");
    CHECK(said(it.store->series(series("abcdef", 1))) ==
          "label \"job\" has a value of 6 bytes; at most 5 are taken");
    CHECK(said(it.store->series({{"__name__", "m"}, {"nine_char", "x"}})) ==
          "a label name has 9 bytes; at most 8 are taken");
    CHECK(said(it.store->series({{"__name__", "m"}, {"a", "x"}, {"b", "x"}, {"c", "x"}})) ==
          "a series has 4 labels; at most 3 are taken");
    CHECK(counted(it, "label_value_bytes_max") == 1);
    CHECK(counted(it, "label_name_bytes_max") == 1);
    CHECK(counted(it, "labels_max") == 1);
}

TEST_CASE("jobs are told by what they hold and by what they began lately", "[store][shedding]") {
    Scratch it;
    REQUIRE(it.open());
    for (int i = 0; i < 3; ++i)
        REQUIRE(it.add(fmt::format("m{{job=\"old\", n=\"{}\"}}", i), 1000, 1.0));
    it.clock.wind(std::chrono::hours(1));
    for (int i = 0; i < 2; ++i) REQUIRE(it.store->series(series("new", i)));
    REQUIRE(it.store->series({{"__name__", "m"}}));
    const auto text = [](const std::vector<Cardinality::Job>& jobs) {
        std::string out;
        for (const auto& job : jobs)
            out += fmt::format("{} {}/{} ", job.name, job.series, job.made);
        return out;
    };
    const Cardinality all = it.store->cardinality(10);
    CHECK(text(all.jobs_by_series) == "old 3/0 new 2/2  1/1 ");
    CHECK(text(all.jobs_by_churn) == "new 2/2  1/1 old 3/0 ");
    CHECK(all.use.jobs == 3);
    CHECK(all.use.job_series == 3);
    CHECK(text(it.store->cardinality(1).jobs_by_churn) == "new 2/2 ");
}

TEST_CASE("who is refused is said at once, and then once a minute with how often",
          "[store][shedding]") {
    const TempFolder folder;
    ManualClock clock;
    Metrics metrics;
    {
        Log log({.file = folder / "log"}, &clock);
        RefusalBook book(metrics, log);
        const auto refuse = [&](int times, std::string_view job) {
            for (int i = 0; i < times; ++i)
                book.note("series_max", series(job, i), clock.now(), "why");
        };
        refuse(3, "a");
        clock.wind(std::chrono::seconds(59));
        refuse(1, "a");
        refuse(1, "b");
        clock.wind(std::chrono::seconds(1));
        refuse(2, "a");
    }
    std::ifstream in(folder / "log");
    std::string lines, line;
    while (std::getline(in, line)) lines += line.substr(line.find("warn")) + "\n";
    CHECK(lines ==
          "warn  refused by a limit limit=series_max job=a metric=m times=1 reason=why\n"
          "warn  refused by a limit limit=series_max job=b metric=m times=1 reason=why\n"
          "warn  refused by a limit limit=series_max job=a metric=m times=4 reason=why\n");
}

TEST_CASE("a thousand jobs that are refused are told apart, the others are one",
          "[store][shedding]") {
    Log log({.level = LogLevel::Error, .file = "/dev/null"});
    Metrics metrics;
    RefusalBook book(metrics, log);
    for (int i = 0; i < 1003; ++i) book.note("series_max", series(std::to_string(i), 1), {1}, "");
    const auto all = book.most(2000);
    CHECK(all.size() == 1001);
    CHECK(all.front().job == "other");
    CHECK(all.front().count == 3);
}

}  // namespace vedette::store
