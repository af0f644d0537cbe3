#include "store/store.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/store/scratch.h"

namespace vedette::store {
namespace {

using Op = Matcher::Op;

Matcher named(std::string name) {
    return {Op::Equal, "__name__", std::move(name)};
}

HistogramRef counted(double count) {
    Histogram histogram;
    histogram.count = count;
    histogram.positive_spans = {{0, 1}};
    histogram.positive_buckets = {count};
    return std::make_shared<const Histogram>(histogram);
}

}  // namespace

TEST_CASE("series come in label order and samples in time order", "[store]") {
    Scratch it;
    REQUIRE(it.open());
    REQUIRE(it.add(R"(up{job="b"})", 1000, 1.0));
    REQUIRE(it.add(R"(up{job="a"})", 1000, 2.0));
    REQUIRE(it.add(R"(up{job="a"})", 2000, 3.0));
    REQUIRE(it.add(R"(down{job="a"})", 2000, 4.0));
    CHECK(it.read({named("up")}) == "up{job=\"a\"} 2@1000 3@2000\nup{job=\"b\"} 1@1000\n");
    CHECK(it.read({named("up")}, {{1000}, {2000}}) == "up{job=\"a\"} 3@2000\n");
    CHECK(it.read({named("up"), {Op::NotMatch, "job", "a.*"}}) == "up{job=\"b\"} 1@1000\n");
    CHECK(it.read({{Op::Match, "job", "("}}) ==
          "bad input: the pattern of job=~\"(\" cannot be read: missing ): (");
}

TEST_CASE("a long series is read back over many chunks", "[store]") {
    Scratch it;
    REQUIRE(it.open());
    std::string expected = "up";
    for (int i = 1; i <= 1000; ++i) {
        REQUIRE(it.add("up", i * 15'000, static_cast<double>(i % 7)));
        if (i > 200 && i <= 700)
            expected += " " + std::to_string(i % 7) + "@" + std::to_string(i * 15'000);
    }
    CHECK(it.read({named("up")}, {{200 * 15'000}, {700 * 15'000}}) == expected + "\n");
    Hints hints;
    hints.latest_only = true;
    CHECK(it.read({named("up")}, {{0}, {500 * 15'000 + 3}}, hints) == "up 3@7500000\n");
    CHECK(it.read({named("up")}, {{0}, {1000 * 15'000}}, hints) == "up 6@15000000\n");
    CHECK(it.read({named("up")}, {{1000 * 15'000}, {2000 * 15'000}}, hints).empty());
}

TEST_CASE("what is large is read in parts, by a thread each, while samples come in", "[store]") {
    Scratch it;
    REQUIRE(it.open());
    std::vector<SeriesRef> refs;
    for (int n = 0; n < 2'200; ++n) refs.push_back(it.ref("up{n=\"" + std::to_string(n) + "\"}"));
    const auto add = [&](std::int64_t minute) {
        Batch batch;
        for (const SeriesRef ref : refs)
            batch.rows.push_back({ref, {{minute * 60'000}, static_cast<double>(minute)}});
        return it.store->append(batch);
    };
    for (std::int64_t minute = 1; minute <= 1'000; ++minute) REQUIRE(add(minute));

    const std::vector<Matcher> matchers{named("up")};
    const auto parts = [&](std::int64_t minutes, Hints hints = {}) {
        return it.store->select_parts(matchers, {{0}, {minutes * 60'000}}, hints, 4, {}).value();
    };
    CHECK(parts(1'000).size() == 2);  // 2.2 million samples
    CHECK(parts(300).size() == 1);
    CHECK(parts(1'000, {.latest_only = true}).size() == 1);
    CHECK(it.store->select_parts({{named("down")}}, {{0}, {1}}, {}, 4, {}).value().size() == 1);

    auto cursors = parts(1'000);
    std::vector<std::string> texts(cursors.size());
    std::atomic<std::size_t> samples = 0;
    {
        std::vector<std::jthread> readers;
        for (std::size_t i = 0; i < cursors.size(); ++i)
            readers.emplace_back([&, i] {
                Column column;
                while (cursors[i]->next(column)) {
                    texts[i] += to_string(*column.labels) + "\n";
                    samples += column.times.size();
                }
            });
        for (std::int64_t minute = 1'001; minute <= 1'050; ++minute) REQUIRE(add(minute));
    }
    std::string expected;
    auto whole = it.store->select(matchers, {{0}, {60'000'000}}, {}, {}).value();
    for (Column column; whole->next(column);) expected += to_string(*column.labels) + "\n";
    CHECK(texts[0] + texts[1] == expected);
    CHECK(samples == 2'200'000);
}

TEST_CASE("floats, histograms and stale markers live side by side in one series", "[store]") {
    Scratch it;
    REQUIRE(it.open());
    REQUIRE(it.add("m", 1000, 1.0));
    REQUIRE(it.add("m", 2000, counted(7)));
    REQUIRE(it.add("m", 3000, counted(8)));
    REQUIRE(it.add("m", 4000, stale_marker()));
    CHECK(it.read({named("m")}) == "m 1@1000 h7@2000 h8@3000 stale@4000\n");
    CHECK(it.read({named("m")}, {{0}, {2000}}) == "m 1@1000 h7@2000\n");
}

TEST_CASE("samples that do not belong in time are counted by Prometheus's kinds", "[store]") {
    Scratch it;
    REQUIRE(it.open());
    const SeriesRef up = it.ref("up");
    REQUIRE(it.add("up", 1'700'000'000'000, 1.0));
    struct Row {
        const char* what;
        std::int64_t at;
        double value;
        std::size_t stored, out_of_order, duplicate, too_old;
        const char* text;
    };
    const auto row = GENERATE(values<Row>({
        {"later", 1'700'000'015'000, 1, 1, 0, 0, 0, ""},
        {"the same again", 1'700'000'000'000, 1, 1, 0, 0, 0, ""},
        {"another value", 1'700'000'000'000, 2, 0, 0, 1, 0,
         "duplicate sample for timestamp: up at 2023-11-14T22:13:20.000Z has another value"},
        {"a bit older", 1'699'999'999'999, 1, 0, 1, 0, 0,
         "out of order sample: up at 2023-11-14T22:13:19.999Z, its newest is at "
         "2023-11-14T22:13:20.000Z"},
        {"past retention", 1'698'000'000'000, 1, 0, 0, 0, 1,
         "too old sample: up at 2023-10-22T18:40:00.000Z, nothing before "
         "2023-10-30T22:13:20.000Z is taken"},
    }));
    CAPTURE(row.what);
    Batch batch;
    batch.rows.push_back({up, {{row.at}, row.value}});
    const auto appended = it.store->append(batch);
    REQUIRE(appended);
    CHECK(appended->stored == row.stored);
    CHECK(appended->out_of_order == row.out_of_order);
    CHECK(appended->duplicate == row.duplicate);
    CHECK(appended->too_old == row.too_old);
    CHECK(appended->first_rejection == row.text);
}

TEST_CASE("an empty store takes samples of any age", "[store]") {
    Scratch it;
    REQUIRE(it.open());
    CHECK(it.add("up", -5, 1.0)->stored == 1);
    CHECK(it.add("up", 0, 2.0)->stored == 1);
    CHECK(it.read({named("up")}, {{-10}, {0}}) == "up 1@-5 2@0\n");
}

TEST_CASE("one sample from the future does not age all others", "[store]") {
    Scratch it;
    REQUIRE(it.open());
    const std::int64_t now = it.clock.now().ms;
    REQUIRE(it.add("ahead", now + std::int64_t{1000} * 86'400'000, 1.0));
    CHECK(it.add("up", now, 1.0)->stored == 1);
}

TEST_CASE("the newest value is at hand, stale and look-back as Prometheus has them", "[store]") {
    Scratch it;
    REQUIRE(it.open());
    const Labels up = series_name("up");
    CHECK_FALSE(it.store->latest(up));
    REQUIRE(it.add("up", 1000, 1.0));
    REQUIRE(it.add("up", 301'000, 2.0));
    CHECK(std::get<double>(it.store->latest(up)->value) == 2);
    CHECK(std::get<double>(it.store->latest(it.ref("up"))->value) == 2);
    CHECK(std::get<double>(it.store->current(up, {301'000})->value) == 2);
    CHECK(std::get<double>(it.store->current(up, {300'999})->value) == 1);
    CHECK(std::get<double>(it.store->current(up, {600'999})->value) == 2);
    CHECK_FALSE(it.store->current(up, {601'000}));
    REQUIRE(it.add("up", 302'000, stale_marker()));
    CHECK_FALSE(it.store->current(up, {302'000}));
    CHECK(is_stale(it.store->latest(up)->value));
}

TEST_CASE("everything comes back when the store is opened again", "[store]") {
    Scratch it;
    REQUIRE(it.open());
    for (int i = 1; i <= 300; ++i) REQUIRE(it.add(R"(up{job="a"})", i * 1000, i * 0.5));
    REQUIRE(it.add("m", 2000, counted(7)));
    it.store->metadata("up", "gauge", "Whether it answers.", "");
    const std::string before = it.read_all();
    const bool checkpointed = GENERATE(false, true);
    if (checkpointed) {
        REQUIRE(it.store->checkpoint());
        CHECK(it.files.exists("data/wal/checkpoint.00000001"));
        CHECK_FALSE(it.files.exists("data/wal/00000001"));
    }
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    CHECK(it.read_all() == before);
    CHECK(it.store->find_metadata("up") == MetricMetadata{"gauge", "Whether it answers.", ""});
    CHECK(it.add(R"(up{job="a"})", 300'000, 9.0)->duplicate == 1);
    CHECK(it.add(R"(up{job="a"})", 301'000, 9.0)->stored == 1);
    CHECK(it.add("m", 3000, counted(8))->stored == 1);
    REQUIRE(it.open());
    CHECK(it.read({named("m")}) == "m h7@2000 h8@3000\n");
}

}  // namespace vedette::store
