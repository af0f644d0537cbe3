#include <catch2/catch.hpp>
#include <sstream>
#include <thread>

#include "store/dump.h"
#include "store/format.h"
#include "tests/store/scratch.h"

namespace vedette::store {
namespace {

std::string refused(Scratch& it, const Labels& labels) {
    const auto made = it.store->series(labels);
    return made ? "taken" : made.error().message;
}

}  // namespace

TEST_CASE("a spent budget is named", "[store][limits]") {
    StoreSettings settings;
    settings.series_max = 2;
    Scratch it(settings);
    REQUIRE(it.open());
    REQUIRE(it.add("a", 1000, 1.0));
    REQUIRE(it.add("b", 1000, 1.0));
    CHECK(refused(it, series_name(R"(c{job="x"})")) ==
          "series limit reached: the store holds 2 series and storage.series_max is 2; "
          "c{job=\"x\"} was not added");
    CHECK(it.add("a", 2000, 1.0)->stored == 1);
}

TEST_CASE("a spent memory budget refuses whole batches and new series", "[store][limits]") {
    StoreSettings settings;
    settings.head_bytes_max = 1000;
    Scratch it(settings);
    REQUIRE(it.open());
    std::string message;
    for (int i = 1; i < 1000 && message.empty(); ++i) {
        const std::string name = "up{n=\"" + std::to_string(i) + "\"}";
        const auto made = it.store->vital().series(series_name(name));
        if (!made) message = made.error().message;
    }
    const std::size_t bytes = it.store->memory_bytes();
    CHECK(message.substr(0, message.find(';')) == "memory budget reached: the head takes " +
                                                      std::to_string(bytes) +
                                                      " bytes and storage.head_bytes_max is 1000");
    Batch batch;
    batch.rows.push_back({it.ref("up{n=\"1\"}"), {{1000}, 1.0}});
    const auto appended = it.store->append(batch);
    REQUIRE_FALSE(appended);
    CHECK(appended.error().fault == Fault::Limit);
    CHECK(appended.error().message == "memory budget reached: the head takes " +
                                          std::to_string(bytes) +
                                          " bytes and storage.head_bytes_max is 1000; no sample "
                                          "was taken");
}

TEST_CASE("labels that cannot be a series are refused with the reason", "[store][limits]") {
    Scratch it;
    REQUIRE(it.open());
    CHECK(refused(it, {}) == "a series needs at least one label");
    CHECK(refused(it, {{"__name__", "up"}, {"job", "\xff"}}) == "label \"job\" is not UTF-8");
    const std::string long_value(16 * 1024 + 1, 'x');
    CHECK(refused(it, {{"__name__", "up"}, {"job", long_value}}) ==
          "label \"job\" has a value of 16385 bytes; at most 16384 are taken");
    LabelsBuilder many;
    many.set("__name__", "up");
    for (int i = 0; i < 128; ++i) many.set("l" + std::to_string(i), "x");
    CHECK(refused(it, many.build()) == "a series has 129 labels; at most 128 are taken");
}

TEST_CASE("names and values are those of series in the window", "[store][labels]") {
    Scratch it;
    REQUIRE(it.open());
    REQUIRE(it.add(R"(up{job="a"})", 1000, 1.0));
    REQUIRE(it.add(R"(up{zone="z"})", 9000, 1.0));
    const Window all{{0}, {10'000}}, early{{0}, {5000}};
    using Texts = std::vector<std::string>;
    CHECK(it.store->label_names({}, all).value() == Texts{"__name__", "job", "zone"});
    CHECK(it.store->label_names({}, early).value() == Texts{"__name__", "job"});
    CHECK(it.store->label_values("job", {}, all).value() == Texts{"a"});
    const std::vector<std::vector<Matcher>> zone{{{Matcher::Op::Equal, "zone", "z"}}};
    CHECK(it.store->label_values("job", zone, all).value().empty());
    CHECK(it.store->label_names(zone, all).value() == Texts{"__name__", "zone"});
    CHECK(it.store->series_in(zone, all).value() ==
          std::vector<Labels>{series_name(R"(up{zone="z"})")});
    CHECK(it.store->series_in({}, all).value().size() == 2);
    CHECK(it.store->series_in({}, {{20'000}, {30'000}}).value().empty());
}

TEST_CASE("every file of ours can be printed", "[store][dump]") {
    Scratch it;
    REQUIRE(it.open());
    it.store->metadata("up", "gauge", "Whether it\nanswers.", "");
    REQUIRE(it.add(R"(up{job="a"})", 1000, 1.5));
    REQUIRE(it.add(R"(up{job="a"})", 2000, stale_marker()));
    std::ostringstream out;
    REQUIRE(dump(it.files, "data/wal/00000001", out));
    CHECK(out.str() ==
          "data/wal/00000001: log segment, 119 bytes\n"
          "       8  metadata up type=gauge unit= help=\"Whether it\\nanswers.\"\n"
          "      48  series #0 up{job=\"a\"}\n"
          "      79  samples\n"
          "            #0 1970-01-01T00:00:01.000Z 1.5\n"
          "      96  samples\n"
          "            #0 1970-01-01T00:00:02.000Z stale\n");
    REQUIRE(it.store->checkpoint());
    out.str("");
    REQUIRE(dump(it.files, "data/wal/checkpoint.00000001", out));
    CHECK(out.str() ==
          "data/wal/checkpoint.00000001: checkpoint, 157 bytes\n"
          "       8  checkpoint, replaces segments up to 1\n"
          "      19  metadata up type=gauge unit= help=\"Whether it\\nanswers.\"\n"
          "      59  series #0 up{job=\"a\"}\n"
          "      90  chunks #0\n"
          "            floats of 2 samples in 20 bytes, open\n"
          "              1970-01-01T00:00:01.000Z 1.5\n"
          "              1970-01-01T00:00:02.000Z stale\n"
          "     145  end of checkpoint, 1 series, 1 chunks\n");
    out.str("");
    REQUIRE(dump(it.files, "data/format", out));
    const std::string number = std::to_string(format_number);
    CHECK(out.str() == "data/format: data folder format " + number + "; this vedette reads 1 to " +
                           number + "\n");
    REQUIRE(it.files.write_atomically("data/notes", "hello, world"));
    CHECK(dump(it.files, "data/notes", out).error().message ==
          "data/notes begins with \"hello, w\"; expected a log segment, a checkpoint, a block, "
          "deletions, a state of roll-ups or `format`");
}

TEST_CASE("writers and readers of several threads see whole samples in order", "[store][threads]") {
    StoreSettings settings;
    settings.retention = std::chrono::hours(1);
    Scratch it(settings);
    REQUIRE(it.open());
    constexpr int writers = 3, batches = 200, series = 10;
    std::atomic<int> refusals = 0, disorder = 0;
    std::vector<std::jthread> threads;
    for (int w = 0; w < writers; ++w)
        threads.emplace_back([&, w] {
            const auto write = [&](int i) {
                Batch batch;
                for (int s = 0; s < series; ++s) {
                    const auto ref = it.store->series(
                        {{"__name__", "up"}, {"n", std::to_string(s)}, {"w", std::to_string(w)}});
                    batch.rows.push_back({*ref, {{i * 1000}, double(i)}});
                }
                return it.store->append(batch);
            };
            for (int i = 1; i <= batches; ++i) {
                it.store->metadata("up", "gauge", std::to_string(i), "");
                auto appended = write(i);
                // Two passes of the busy maintainer below may fit between a series and its first
                // sample: it is dropped as empty, and asked for again as the contract says.
                while (!appended && appended.error().fault == Fault::NotFound) appended = write(i);
                if (!appended || appended->stored != series) ++refusals;
            }
        });
    threads.emplace_back([&](std::stop_token stop) {
        while (!stop.stop_requested()) {
            const std::vector<Matcher> matchers{{Matcher::Op::Match, "n", "[0-4]"}};
            auto cursor = it.store->select(matchers, {{0}, {1'000'000'000}}, {}, stop);
            Column column;
            while ((*cursor)->next(column))
                for (std::size_t i = 0; i < column.times.size(); ++i)
                    if (column.times[i].ms != std::int64_t(i + 1) * 1000) ++disorder;
        }
    });
    threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
            (void)it.store->maintain();
            (void)it.store->checkpoint();
            (void)it.store->flush();
            (void)it.store->label_values("n", {}, {{0}, {1'000'000}});
            (void)it.store->current({{"__name__", "up"}, {"n", "1"}, {"w", "1"}}, {5000});
        }
    });
    for (int w = 0; w < writers; ++w) threads[static_cast<std::size_t>(w)].join();
    threads[writers].request_stop();
    threads.clear();
    CHECK(refusals == 0);
    CHECK(disorder == 0);
    const std::string before = it.read_all();
    CHECK(std::count(before.begin(), before.end(), '@') == writers * batches * series);
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    CHECK(it.read_all() == before);
}

}  // namespace vedette::store
