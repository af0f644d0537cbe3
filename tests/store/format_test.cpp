// Folders as released versions wrote them, under recorded/format-N: each is opened, read, written
// to, and opened again. They were made by the version itself (scripts/record_format): 300 scrapes,
// a checkpoint, 10 more in the log; from format 3 on with blocks.

#include "store/format.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "store/blocks/keeper.h"
#include "tests/store/format_samples.h"
#include "tests/store/scratch.h"

namespace vedette::store {
namespace {

namespace fs = std::filesystem;

std::string recorded(int format) {
    return "tests/store/recorded/format-" + std::to_string(format);
}

void put_recorded(Scratch& it, int format) {
    const std::string from = recorded(format);
    for (const auto& each : fs::recursive_directory_iterator(from)) {
        if (!each.is_regular_file()) continue;
        std::ifstream file(each.path(), std::ios::binary);
        REQUIRE(file);
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        const std::string to = "data" + each.path().string().substr(from.size());
        REQUIRE(it.files.make_folders(to.substr(0, to.rfind('/'))));
        REQUIRE(it.files.write_atomically(to, bytes));
    }
}

std::string expected(int scrapes) {
    std::string out;
    for (const std::string name : {"counter_total", "ends_often", "gauge", "ratio", "seconds"}) {
        out += name + "{job=\"old\"}";
        for (int i = 0; i < scrapes; ++i) {
            const bool histogram = name == "seconds";
            if (histogram && i % 4 != 0) continue;
            const double value = histogram ? i + 3 : recorded_value(name, i);
            out += (histogram ? " h" : " ") +
                   (is_stale(value) ? std::string("stale") : format_value(value)) + "@" +
                   std::to_string(recorded_at(i).ms);
        }
        out += '\n';
    }
    return out;
}

/// How many roll-ups of five minutes the folder has; each tells of all samples of its time.
std::size_t whole_rollups(Scratch& it) {
    constexpr Milliseconds five = std::chrono::minutes(5);
    Recovery recovery;
    BlockKeeper keeper(it.files, {"data/rollups/5m", five, five, five},
                       [](const Labels&, const Error& error) { FAIL(error.message); });
    REQUIRE(keeper.open(recovery));
    REQUIRE(recovery.losses.empty());
    const auto cursor = keeper.read_all(keeper.shelf()->blocks);
    Column column;
    std::size_t buckets = 0;
    while (cursor->next(column)) {
        const std::string name(column.labels->get("__name__"));
        REQUIRE(name.find("deleted") == name.npos);
        for (const Bucket& bucket : column.buckets) {
            double count = 0, last = 0;
            for (int i = 0; i < recorded_scrapes; ++i) {
                const double value = recorded_value(name, i);
                if (!Window{bucket.begin, bucket.end}.holds(recorded_at(i)) || is_stale(value))
                    continue;
                ++count;
                last = value;
            }
            REQUIRE(bucket.count == count);
            REQUIRE(bucket.last == last);
            ++buckets;
        }
    }
    return buckets;
}

}  // namespace

TEST_CASE("every format that is still read has a folder of its own version, the present one too",
          "[store][format]") {
    for (int format = format_oldest; format <= format_number; ++format) {
        CAPTURE(format);
        // A new number? Run scripts/record_format, after store_format_writer uses what is new.
        std::ifstream file(recorded(format) + "/format");
        int number = 0;
        REQUIRE(file >> number);
        CHECK(number == format);
    }
}

TEST_CASE("a folder of each format opens with all it held, is written to, and opens again",
          "[store][format]") {
    const int format = GENERATE(range(format_oldest, format_number + 1));
    CAPTURE(format);
    Scratch it;
    put_recorded(it, format);
    it.settings.exemplars_max = 10;
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    // Nothing is read of what was deleted; from format 4 on an exemplar is remembered.
    const std::vector<std::vector<Matcher>> all{{{Matcher::Op::Match, "job", ".+"}}};
    const auto exemplars = it.store->exemplars(all, {recorded_at(-1), recorded_at(1000)});
    REQUIRE(exemplars);
    CHECK(exemplars->size() == (format >= 4 ? 1 : 0));
    CHECK((it.store->recovery().blocks > 0) == (format >= 3));
    CHECK(it.read_all() == expected(recorded_scrapes));
    CHECK((whole_rollups(it) > 0) == (format >= 4));
    CHECK(it.files.read_all("data/format", 64).value() == std::to_string(format_number) + "\n");
    for (int i = recorded_scrapes; i < 500; ++i) REQUIRE(add_recorded_scrape(*it.store, i));
    CHECK(it.read_all() == expected(500));
    REQUIRE(it.store->checkpoint());
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    CHECK(it.read_all() == expected(500));
}

}  // namespace vedette::store
