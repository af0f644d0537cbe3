#include "promql/prepared.h"

#include <catch2/catch.hpp>
#include <random>

#include "base/log.h"
#include "base/metrics.h"
#include "promql/syntax/parse.h"
#include "store/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

using namespace vedette;
using namespace std::chrono_literals;

namespace {

struct Scene {
    Scene() {
        settings.own_thread = false;
        settings.out_of_order_window = 10min;
        store =
            std::move(*store::Store::open(*files, folder.path(), settings, clock, log, *metrics));
    }

    void write(const Labels& labels, Timestamp at, Value value) {
        (void)store->append({{{*store->series(labels), {at, std::move(value)}}}, {}});
    }

    TempFolder folder;
    std::unique_ptr<Files> files = make_files();
    ManualClock clock;
    Log log{LogSettings{.level = LogLevel::Error, .file = "/dev/null"}};
    std::unique_ptr<Metrics> metrics = std::make_unique<Metrics>();
    store::StoreSettings settings;
    std::unique_ptr<store::Store> store;
    promql::Engine engine{{}, clock};
};

std::string text_of(const Result<QueryResult>& result) {
    if (!result) return "failed: " + result.error().message;
    std::string out;
    for (const auto& series : result->series) {
        out += to_string(series.labels);
        for (const Sample& sample : series.samples) {
            const double* number = std::get_if<double>(&sample.value);
            out += " " + std::to_string(sample.at.ms) + " " +
                   (number ? format_value(*number) : "histogram");
        }
        out += "\n";
    }
    for (const auto& warning : result->warnings) out += warning + "\n";
    for (const auto& info : result->infos) out += info + "\n";
    return out;
}

/// What a program of ours asks: thresholds, which have a quick way, and others, which have not.
std::string random_expression(std::mt19937_64& random) {
    const auto one_of = [&](std::initializer_list<const char*> words) {
        return std::string(words.begin()[random() % words.size()]);
    };
    const std::string selector =
        one_of({"load", "temp", "nothing", "{job=\"a\"}", "load{job=\"a\"}", "load{job=\"b\"}",
                "load{job=~\"a|c\"}", "load{job!=\"a\"}", "temp{job=\"\"}", "load{zone=\"eu\"}",
                "{__name__=~\"load|temp\"}", "load{job=\"late\"}"});
    const std::string shifted = selector + one_of({"", "", "", " offset 1m", " offset -30s"});
    const std::string compared = one_of({">", "<", ">=", "<=", "==", "!="});
    const std::string number = one_of({"0", "5", "-3", "1e9", "NaN", "+Inf"});
    switch (random() % 8) {
        case 0:
            return shifted;
        case 1:
            return number + " " + compared + " " + shifted;
        case 2:
            return "rate(" + selector + "[2m]) " + compared + " 0";
        case 3:
            return "sum by (job) (" + shifted + ") " + compared + " " + number;
        case 4:
            return "(" + shifted + " " + compared + " " + number + ") and load";
        case 5:
            return "absent(" + selector + ")";
        default:
            return shifted + " " + compared + " (" + number + ")";
    }
}

/// One step of a store's life: samples on time, late, gone stale, of new series, histograms.
void live(Scene& scene, std::mt19937_64& random, int& born) {
    const auto labels = [&]() -> Labels {
        const char* name = random() % 3 == 0 ? "temp" : "load";
        const char* jobs[] = {"a", "b", "c", ""};
        return Labels{{"__name__", name},
                      {"job", jobs[random() % 4]},
                      {"n", std::to_string(random() % 6)},
                      {"zone", random() % 2 == 0 ? "eu" : "us"}};
    };
    const Timestamp now = scene.clock.now();
    for (int i = 0; i < 12; ++i) {
        const Timestamp at = now - Milliseconds(random() % 10 == 0 ? random() % 400'000 : 1'000);
        Value value = static_cast<double>(random() % 20) - 5;
        if (random() % 12 == 0) value = stale_marker();
        if (random() % 15 == 0) value = std::numeric_limits<double>::quiet_NaN();
        if (random() % 60 == 0) {
            auto histogram = std::make_shared<Histogram>();
            histogram->count = 3;
            value = HistogramRef(std::move(histogram));
        }
        scene.write(labels(), at, std::move(value));
    }
    if (random() % 4 == 0)
        scene.write(Labels{{"__name__", "load"}, {"job", "late"}, {"born", std::to_string(++born)}},
                    now, 7.0);
    // Sometimes ahead of the time that is asked for.
    if (random() % 6 == 0) scene.write(labels(), now + 20s, 1.0);
}

}  // namespace

TEST_CASE("a prepared query answers what the engine answers, whatever became of the store",
          "[rules][prepared][random]") {
    const auto seed = GENERATE(range(1, 7));
    CAPTURE(seed);
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    Scene scene;
    struct Asked {
        std::string text;
        promql::ExprPtr expr;
        std::unique_ptr<promql::PreparedQuery> prepared;
    };
    std::vector<Asked> asked;
    for (int i = 0; i < 25; ++i) {
        Asked one;
        one.text = random_expression(random);
        one.expr = std::move(*promql::parse(one.text));
        one.prepared = std::make_unique<promql::PreparedQuery>(scene.engine, *one.expr,
                                                               *scene.store, *scene.store);
        asked.push_back(std::move(one));
    }
    int born = 0;
    for (int step = 0; step < 120; ++step) {
        scene.clock.wind(step % 40 == 39 ? Milliseconds(2h) : Milliseconds(15s));
        live(scene, random, born);
        if (step % 10 == 9) REQUIRE(scene.store->maintain());
        if (step % 33 == 32)
            REQUIRE(
                scene.store->erase({{{Matcher::Op::Equal, "job", "b"}}}, {{0}, scene.clock.now()}));
        for (Asked& one : asked) {
            CAPTURE(step, one.text);
            promql::QueryStatistics quick, slow;
            const auto got = one.prepared->instant(scene.clock.now(), {}, quick);
            const auto expected =
                scene.engine.instant(*one.expr, scene.clock.now(), *scene.store, {}, &slow);
            REQUIRE(text_of(got) == text_of(expected));
            CHECK(quick.samples_read == slow.samples_read);
            CHECK(quick.series_read == slow.series_read);
        }
    }
}

TEST_CASE("a threshold is a selector, perhaps compared with a number", "[rules][prepared]") {
    const auto row = GENERATE(values<std::pair<const char*, bool>>({
        {"up", true},
        {"up == 0", true},
        {"(up) > -(5)", true},
        {"0 < up offset 5m", true},
        {"up > bool 0", false},
        {"up > up", false},
        {"up @ 5 > 0", false},
        {"up + 1", false},
        {"rate(up[5m]) > 1", false},
        {"up[5m]", false},
        {"5", false},
        {"up > scalar(up)", false},
    }));
    CAPTURE(row.first);
    CHECK(promql::threshold_of(**promql::parse(row.first)).has_value() == row.second);
}

TEST_CASE("a prepared selector sees a series that appears", "[rules][prepared]") {
    Scene scene;
    const auto expr = promql::parse("load{job=\"a\"} > 1");
    promql::PreparedQuery query(scene.engine, **expr, *scene.store, *scene.store);
    promql::QueryStatistics cost;
    CHECK(text_of(query.instant(scene.clock.now(), {}, cost)) == "");
    CHECK(cost.series_read == 0);
    scene.write(Labels{{"__name__", "load"}, {"job", "b"}}, scene.clock.now(), 2.0);
    CHECK(text_of(query.instant(scene.clock.now(), {}, cost)) == "");
    scene.write(Labels{{"__name__", "load"}, {"job", "a"}}, scene.clock.now(), 2.0);
    CHECK(text_of(query.instant(scene.clock.now(), {}, cost)) ==
          "load{job=\"a\"} 1790000000000 2\n");
    CHECK(cost.series_read == 1);
    CHECK(cost.samples_read == 1);
    scene.clock.wind(6min);
    CHECK(text_of(query.instant(scene.clock.now(), {}, cost)) == "");
}

TEST_CASE("a pattern that is none is refused when it is prepared", "[rules][prepared]") {
    Scene scene;
    const auto made = scene.store->prepare({{Matcher::Op::Match, "job", "("}});
    REQUIRE_FALSE(made);
    CHECK(made.error().fault == Fault::BadInput);
}
