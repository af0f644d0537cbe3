// A store that rolls up what it throws away, asked in PromQL: beside one that keeps every sample.

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "promql/engine.h"
#include "promql/syntax/parse.h"
#include "store/blocks/layout.h"
#include "tests/store/scratch.h"
#include "tests/support/failing_files.h"

namespace vedette::store {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr std::int64_t hour = 3'600'000;
constexpr std::int64_t day = 24 * hour;
constexpr std::int64_t begin_ms = 1'789'948'800'000;  // midnight

StoreSettings short_lived(Milliseconds retention = hours(24 * 3)) {
    StoreSettings settings;
    settings.retention = retention;
    return settings;
}

HistogramRef counted(double count) {
    auto histogram = std::make_shared<Histogram>();
    histogram->count = histogram->sum = count;
    histogram->positive_spans = {{0, 1}};
    histogram->positive_buckets = {count};
    return histogram;
}

/// A platform of few series: a counter with resets, a gauge with NaN, one that comes and goes, one
/// that goes silently, one of histograms.
class World {
public:
    explicit World(StoreSettings settings = short_lived()) : it(settings) { REQUIRE(it.open()); }

    void live(Milliseconds until, Milliseconds every, bool maintained = true) {
        for (; at_ < begin_ms + until.count(); at_ += every.count()) {
            it.clock.wind(Timestamp{at_} - it.clock.now());
            step();
            if (maintained && ++steps_ % 16 == 0) REQUIRE(it.store->maintain());
        }
    }

    /// What both say; empty when it is the same. Sums may differ in their last bits.
    std::string difference(const std::string& query, std::int64_t start, std::int64_t end,
                           Milliseconds step, std::vector<std::string>* notes = nullptr) {
        const auto a = ask(*it.store, query, start, end, step);
        const auto b = ask(twin, query, start, end, step);
        if (!a || !b) return "no answer";
        if (notes != nullptr) {
            *notes = a->infos;
            notes->insert(notes->end(), a->warnings.begin(), a->warnings.end());
        }
        if (a->series.size() != b->series.size())
            return std::to_string(a->series.size()) + " series instead of " +
                   std::to_string(b->series.size());
        for (std::size_t i = 0; i < a->series.size(); ++i)
            if (auto text = difference(a->series[i], b->series[i]); !text.empty())
                return to_string(a->series[i].labels) + text;
        return {};
    }

    Result<QueryResult> ask(SeriesSource& source, const std::string& query, std::int64_t start,
                            std::int64_t end, Milliseconds step) {
        const auto expr = promql::parse(query);
        REQUIRE(expr);
        if (step == Milliseconds(0)) return engine.instant(**expr, {start}, source);
        return engine.range(**expr, {start}, {end}, step, source);
    }

    std::string answer(const std::string& query, std::int64_t at) {
        const auto found = ask(*it.store, query, at, at, Milliseconds(0));
        REQUIRE(found);
        std::string out;
        for (const auto& series : found->series)
            for (const Sample& sample : series.samples)
                out += to_string(series.labels) + " " +
                       format_value(std::get<double>(sample.value)) + "\n";
        for (const auto& note : found->infos) out += note + "\n";
        for (const auto& note : found->warnings) out += note + "\n";
        return out;
    }

    void add(Batch& batch, std::string_view name, Value value) {
        batch.rows.push_back({it.ref(name), {{at_}, value}});
        twin.add(series_name(name), {at_}, value);
    }

    Scratch it;
    MemorySource twin;
    promql::Engine engine{{}, it.clock};

private:
    void step() {
        Batch batch;
        counter_ = random_() % 300 == 0 ? 0 : counter_ + double(random_() % 20);
        add(batch, "requests_total{job=\"a\"}", counter_);
        const double wave = std::round(500 + 400 * std::sin(double(at_) / 1e7)) / 10;
        add(batch, "temperature", random_() % 90 == 0 ? std::nan("") : wave);
        const std::int64_t of_day = at_ % day;
        if (of_day < 6 * hour)
            add(batch, "night{job=\"b\"}", double(of_day) / 1000);
        else if (of_day < 6 * hour + 30 * 60'000)
            add(batch, "night{job=\"b\"}", stale_marker());
        if (of_day > 12 * hour) add(batch, "silent", 3.0);
        if (histograms) add(batch, "seconds", counted(counter_));
        REQUIRE(it.store->append(batch));
    }

    static std::string difference(const QueryResult::Series& a, const QueryResult::Series& b) {
        if (a.labels != b.labels) return " is not " + to_string(b.labels);
        if (a.samples.size() != b.samples.size())
            return " has " + std::to_string(a.samples.size()) + " samples instead of " +
                   std::to_string(b.samples.size());
        for (std::size_t i = 0; i < a.samples.size(); ++i) {
            const double x = std::get<double>(a.samples[i].value);
            const double y = std::get<double>(b.samples[i].value);
            const bool same = (std::isnan(x) && std::isnan(y)) || x == y ||
                              std::abs(x - y) <= 1e-12 * std::max(std::abs(x), std::abs(y));
            if (a.samples[i].at != b.samples[i].at || !same)
                return " " + format_value(x) + "@" + std::to_string(a.samples[i].at.ms) +
                       " instead of " + format_value(y) + "@" + std::to_string(b.samples[i].at.ms);
        }
        return {};
    }

    std::mt19937 random_{5};
    std::int64_t at_ = begin_ms + 7000;
    std::uint64_t steps_ = 0;
    double counter_ = 0;

public:
    bool histograms = false;
};

const std::vector<std::string>& exact_queries() {
    static const std::vector<std::string> all{
        "requests_total",
        "timestamp(requests_total)",
        "temperature",
        "night",
        "silent",
        "rate(requests_total[RANGE])",
        "increase(requests_total[RANGE])",
        "delta(temperature[RANGE])",
        "min_over_time(temperature[RANGE])",
        "max_over_time({__name__=~\"temperature|night\"}[RANGE])",
        "sum_over_time({__name__=~\"temperature|night|requests_total\"}[RANGE])",
        "avg_over_time({__name__=~\"temperature|night|requests_total\"}[RANGE])",
        "count_over_time({__name__=~\"temperature|night|requests_total\"}[RANGE])",
        "count_over_time(silent[RANGE])",
        "last_over_time({__name__=~\".+\"}[RANGE])",
        "present_over_time(night[RANGE])",
        "absent_over_time(night[RANGE])",
        "sum(rate(requests_total[RANGE] offset 1d)) / 2",
        "max_over_time(rate(requests_total[RANGE])[12h:2h])",
    };
    return all;
}

std::vector<std::string> files_of(World& world, const std::string& resolution) {
    return world.it.files.list("data/rollups/" + resolution).value();
}

std::string with_range(std::string query, const std::string& range) {
    for (std::size_t at; (at = query.find("RANGE")) != query.npos;) query.replace(at, 5, range);
    return query;
}

}  // namespace

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
