// A store that rolls up what it throws away, asked in PromQL: beside one that keeps every sample.

#include "store/blocks/layout.h"
#include "tests/store/rollup_world.h"
#include "tests/support/failing_files.h"

namespace vedette::store {

using std::chrono::hours;
using std::chrono::minutes;

TEST_CASE("where buckets meet the steps an answer is that of the samples, which are gone",
          "[store][rollup]") {
    World world;
    world.live(hours(24 * 12), minutes(3));
    REQUIRE(files_of(world, "5m").size() > 0);
    struct Row {
        const char* range;
        Milliseconds step;
        const char* resolution;
    };
    for (const auto& [range, step, resolution] :
         {Row{"1h", hours(1), "1h"}, Row{"30m", hours(1), "5m"}, Row{"6h", hours(3), "1h"},
          Row{"1h", minutes(15), "5m"}})
        for (const std::string& query : exact_queries()) {
            CAPTURE(query, range, resolution);
            std::vector<std::string> notes;
            CHECK(world.difference(with_range(query, range), begin_ms + 2 * day,
                                   begin_ms + 11 * day + 20 * hour, step, &notes) == "");
            REQUIRE(notes.size() >= 1);
            CHECK(notes.back().find(" roll-ups of ") != std::string::npos);
            CHECK(notes.back().find("rounded") == std::string::npos);
        }
}

TEST_CASE("four hundred days are answered as if all samples were there", "[store][rollup]") {
    World world(short_lived(hours(24 * 15)));
    world.live(hours(24 * 400), minutes(20));
    const std::int64_t end = begin_ms + 400 * day - 4 * hour;
    for (const std::string& query : exact_queries()) {
        CAPTURE(query);
        std::vector<std::string> notes;
        CHECK(world.difference(with_range(query, "1d"), end - 360 * day, end, hours(24), &notes) ==
              "");
        REQUIRE(notes.size() == 1);
        CHECK(notes[0].starts_with("Vedette info: from 2026-"));
        CHECK(notes[0].ends_with(" roll-ups of 1h were read"));
    }
    // Older than a year is nothing, but for the block that a year ago lies in.
    CHECK(world.answer("requests_total", begin_ms + day) == "");
    CHECK(files_of(world, "1h").size() < 30);
    CHECK(world.it.store->label_values("__name__", {}, {{begin_ms}, {end - 300 * day}}) ==
          std::vector<std::string>{"night", "requests_total", "silent", "temperature"});
}

TEST_CASE("a short question about samples that are there is answered from them, bit for bit",
          "[store][rollup]") {
    World world(short_lived(hours(24 * 30)));
    world.live(hours(24 * 12), minutes(3));
    std::vector<std::string> notes;
    const std::int64_t end = begin_ms + 12 * day - 3 * hour;
    CHECK(world.difference("avg_over_time(temperature[1h])", end - 6 * day, end, hours(1),
                           &notes) == "");
    CHECK(notes.empty());
    // Longer than a week, from roll-ups.
    CHECK(world.difference("avg_over_time(temperature[1h])", end - 8 * day, end, hours(1),
                           &notes) == "");
    CHECK(notes.size() == 1);
    // But not when it would be another answer.
    CHECK(world.difference("quantile_over_time(0.9, temperature[1h])", end - 8 * day, end, hours(1),
                           &notes) == "");
    CHECK(notes.empty());
    CHECK(world.difference("avg_over_time(temperature[61m])", end - 8 * day, end, hours(1),
                           &notes) == "");
    CHECK(notes.empty());
}

TEST_CASE("an answer that is not exact says what it is", "[store][rollup]") {
    World world;
    world.live(hours(24 * 8), minutes(3));
    const std::int64_t at = begin_ms + 2 * day + 1000;
    CHECK(world.answer("count_over_time(temperature[1h])", at) ==
          "{} 20\nVedette info: from 2026-09-22T23:00:00Z to 2026-09-23T00:00:00Z roll-ups of 5m "
          "were read; times are rounded to it\n");
    CHECK(world.answer("count(temperature)", at) ==
          "{} 1\nVedette info: from 2026-09-22T23:50:00Z to 2026-09-23T00:00:00Z roll-ups of 5m "
          "were read; times are rounded to it\n");
    CHECK(world.answer("count(quantile_over_time(0.5, temperature[1h]))", at) ==
          "{} 1\nVedette warning: from 2026-09-22T23:00:00Z to 2026-09-23T00:00:00Z only roll-ups "
          "are left: quantile_over_time had the newest sample of each 5m instead of all\n");
    CHECK(world.answer("rate(requests_total[1m])", at) ==
          "Vedette warning: from 2026-09-22T23:55:00Z to 2026-09-23T00:00:00Z only roll-ups "
          "are left: rate had the newest sample of each 5m instead of all\n");
}

TEST_CASE("a rounded rate is that of whole buckets, and an increase of as much time as was asked",
          "[store][rollup]") {
    World world;
    world.live(hours(24 * 8), minutes(3));
    // Whatever second is asked, of the counter's true rate nothing is lost at the edges.
    const std::int64_t at = begin_ms + 2 * day + 6 * hour;
    const auto value = [&](const std::string& query, std::int64_t when) {
        const auto found = world.ask(*world.it.store, query, when, when, Milliseconds(0));
        REQUIRE(found);
        REQUIRE(found->series.size() == 1);
        return std::get<double>(found->series[0].samples[0].value);
    };
    const double exact = value("rate(requests_total[6h])", at);
    for (const std::int64_t off : {1, 1000, 60'000, 299'999}) {
        CHECK(value("rate(requests_total[6h])", at + off) == Approx(exact));
        CHECK(value("increase(requests_total[6h])", at + off) == Approx(exact * 6 * 3600));
    }
}

TEST_CASE("of histograms the newest of each bucket is kept", "[store][rollup]") {
    World world;
    world.histograms = true;
    world.live(hours(24 * 8), minutes(3));
    const std::int64_t start = begin_ms + day, end = begin_ms + 7 * day + 20 * hour;
    std::vector<std::string> notes;
    CHECK(world.difference("histogram_count(seconds)", start, end, hours(1), &notes) == "");
    CHECK(notes.size() == 1);
    CHECK(world.difference("histogram_count(last_over_time(seconds[6h]))", start, end, hours(1),
                           &notes) == "");
    const auto rates =
        world.ask(*world.it.store, "histogram_count(rate(seconds[6h]))", start, end, hours(1));
    REQUIRE(rates);
    REQUIRE(rates->series.size() == 1);
    CHECK(rates->series[0].samples.size() > 100);
    REQUIRE(rates->warnings.size() == 1);
    CHECK(rates->warnings[0].find("rate had the newest sample of each 1h instead of all") !=
          std::string::npos);
}

TEST_CASE("whatever fails while samples are rolled up, none are thrown away before they are",
          "[store][rollup]") {
    for (std::uint64_t n = 1; n < 60; n += 3) {
        CAPTURE(n);
        World world;
        FailingFiles failing(world.it.files);
        REQUIRE(world.it.open(failing));
        world.live(hours(24 * 4), minutes(10));
        world.live(hours(24 * 4 + 26), minutes(10), false);
        failing.fail_at(failing.operations() + n, FailingFiles::disk_full());
        (void)world.it.store->maintain();
        if (n % 2 == 0) REQUIRE(world.it.open());  // killed
        failing.heal();
        world.live(hours(24 * 7), minutes(10));
        CHECK(world.it.store->recovery().losses.empty());
        CHECK(world.difference(
                  "count_over_time({__name__=~\"temperature|night|requests_total\"}[1h])",
                  begin_ms + hour, begin_ms + 6 * day, hours(1)) == "");
        for (const char* resolution : {"5m", "1h"})
            for (const std::string& name : files_of(world, resolution))
                CHECK(name.ends_with(".block"));
    }
}

TEST_CASE("a clock that was set back takes the roll-ups of that time with it", "[store][rollup]") {
    World world;
    world.live(hours(24 * 5 + 6), minutes(5));
    REQUIRE(world.it.store->maintain());
    // Into the last day, which was already rolled up.
    world.it.clock.step(-hours(13));
    REQUIRE(world.it.store->maintain());
    const auto latest = [&](const char* resolution) {
        std::int64_t to = 0;
        for (const std::string& name : files_of(world, resolution)) {
            BlockAbout about;
            REQUIRE(read_block_name(name, about));
            to = std::max(to, about.to.ms);
        }
        return to - begin_ms;
    };
    CHECK(latest("5m") <= 5 * day - 7 * hour);
    CHECK(latest("1h") <= 5 * day - 7 * hour);
    CHECK(latest("1h") > 4 * day);
}

TEST_CASE("roll-ups go when they are past their own retention, or take too much of the disk",
          "[store][rollup]") {
    StoreSettings settings = short_lived();
    settings.rollups[0].retention = hours(24 * 5);
    settings.rollups[1].retention = Milliseconds(0);
    World world(settings);
    world.live(hours(24 * 20), minutes(5));
    CHECK(files_of(world, "1h").empty());
    CHECK(files_of(world, "5m").size() <= 7);
    CHECK(world.answer("count(temperature)", begin_ms + 10 * day) == "");
    CHECK(world.answer("count(temperature)", begin_ms + 16 * day).starts_with("{} 1\n"));
}

}  // namespace vedette::store
