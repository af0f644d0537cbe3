// Folders as released versions wrote them, under recorded/format-N: each is opened, read, written
// to, and opened again. They were made by the version itself: 4 series of 310 samples and one of 78
// histograms; 300 scrapes, a checkpoint, 10 more in the log.

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iterator>

#include "tests/store/scratch.h"

namespace vedette::store {
namespace {

constexpr std::int64_t begin_ms = 1'790'000'000'000;

void put_recorded(Scratch& it, const std::string& folder) {
    const std::string from = "tests/store/recorded/" + folder + "/";
    REQUIRE(it.files.make_folders("data/wal"));
    for (const char* name : {"format", "wal/checkpoint.00000001", "wal/00000002"}) {
        std::ifstream file(from + name, std::ios::binary);
        REQUIRE(file);
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        REQUIRE(it.files.write_atomically(std::string("data/") + name, bytes));
    }
}

double value_of(std::string_view name, int i) {
    if (name == "counter_total") return i * 7 + i % 5;
    if (name == "gauge") return (i * 37 % 1000) / 10.0;
    if (name == "ratio") return std::ldexp(static_cast<double>(i * 2654435761u % 1000003), -19) / 3;
    return i % 50 == 49 ? stale_marker() : 1;
}

std::string expected(int scrapes) {
    std::string out;
    for (const std::string name : {"counter_total", "ends_often", "gauge", "ratio", "seconds"}) {
        out += name + "{job=\"old\"}";
        for (int i = 0; i < scrapes; ++i) {
            const bool histogram = name == "seconds";
            if (histogram && i % 4 != 0) continue;
            const double value = histogram ? i + 3 : value_of(name, i);
            out += (histogram ? " h" : " ") +
                   (is_stale(value) ? std::string("stale") : format_value(value)) + "@" +
                   std::to_string(begin_ms + i * 15'000);
        }
        out += '\n';
    }
    return out;
}

void add_scrape(Scratch& it, int i) {
    Batch batch;
    for (const char* name : {"counter_total", "gauge", "ratio", "ends_often"}) {
        auto ref = it.store->series({{"__name__", name}, {"job", "old"}});
        REQUIRE(ref);
        batch.rows.push_back({*ref, {{begin_ms + i * 15'000}, value_of(name, i)}});
    }
    if (i % 4 == 0) {
        auto made = std::make_shared<Histogram>();
        made->count = i + 3;
        auto ref = it.store->series({{"__name__", "seconds"}, {"job", "old"}});
        REQUIRE(ref);
        batch.rows.push_back({*ref, {{begin_ms + i * 15'000}, HistogramRef(made)}});
    }
    REQUIRE(it.store->append(batch));
}

}  // namespace

TEST_CASE("a folder of format 1 opens with all it held, is written to, and opens again",
          "[store][format]") {
    Scratch it;
    put_recorded(it, "format-1");
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    CHECK(it.read_all() == expected(310));
    CHECK(it.files.read_all("data/format", 64).value() == "3\n");
    for (int i = 310; i < 500; ++i) add_scrape(it, i);
    CHECK(it.read_all() == expected(500));
    REQUIRE(it.store->checkpoint());
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    CHECK(it.read_all() == expected(500));
}

}  // namespace vedette::store
