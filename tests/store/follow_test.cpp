#include "store/log/follow.h"

#include <catch2/catch.hpp>

#include "tests/store/scratch.h"

namespace vedette::store {
namespace {

/// All that stands in the log from `place` on, `up 1@1000` for each row; moves the place.
std::string follow(Scratch& it, LogPlace& place, std::size_t bytes = 1 << 16) {
    std::string out;
    for (bool more = true; more;) {
        const LogBite bite = it.store->read_log(place, bytes).value();
        for (const LogBite::Row& row : bite.rows)
            out += to_string(row.labels) + " " + format_value(std::get<double>(row.sample.value)) +
                   "@" + std::to_string(row.sample.at.ms) + " ";
        CHECK(bite.unreadable == 0);
        CHECK(bite.unknown == 0);
        place = bite.next;
        more = !bite.at_end;
    }
    return out;
}

std::size_t segments(Scratch& it) {
    return WalFolder::list(it.files, "data/wal").value().segments.size();
}

StoreSettings holding() {
    StoreSettings settings;
    settings.hold_log = true;
    return settings;
}

}  // namespace

TEST_CASE("what is appended is read from the log in its order, from where one was",
          "[store][follow]") {
    Scratch it;
    REQUIRE(it.open());
    REQUIRE(it.add("a", 1000, 1.0));
    LogPlace place = it.store->log_end();
    CHECK(follow(it, place).empty());
    REQUIRE(it.add("b", 2000, 2.0));
    REQUIRE(it.add("a", 3000, 3.0));
    CHECK(follow(it, place) == "b 2@2000 a 3@3000 ");
    CHECK(follow(it, place).empty());
    CHECK(place == it.store->log_end());
    LogPlace begin;
    const auto bytes = GENERATE(as<std::size_t>(), 1, 20, 1000);
    CHECK(follow(it, begin, bytes) == "a 1@1000 b 2@2000 a 3@3000 ");
}

TEST_CASE("a segment that somebody still reads outlives checkpoints and restarts, and then goes",
          "[store][follow]") {
    Scratch it(holding());
    REQUIRE(it.open());
    LogPlace place = it.store->log_end();
    it.store->hold_log(place.segment);
    REQUIRE(it.add("a", 1000, 1.0));
    REQUIRE(it.store->checkpoint());
    REQUIRE(it.add("a", 2000, 2.0));
    REQUIRE(it.store->checkpoint());
    CHECK(segments(it) == 3);
    CHECK(it.store->log_bytes_from(place.segment) > it.store->log_bytes_from(place.segment + 1));
    REQUIRE(it.open());
    CHECK(it.read_all() == "a 1@1000 2@2000\n");
    REQUIRE(it.add("a", 3000, 3.0));
    REQUIRE(it.store->checkpoint());
    CHECK(follow(it, place) == "a 1@1000 a 2@2000 a 3@3000 ");
    it.store->hold_log(place.segment);
    REQUIRE(it.store->checkpoint());
    CHECK(segments(it) == 2);
    it.store->hold_log(std::nullopt);
    REQUIRE(it.store->checkpoint());
    CHECK(segments(it) == 1);
}

TEST_CASE("a log that went on without its reader is read from where it begins, and that is said",
          "[store][follow]") {
    Scratch it;
    REQUIRE(it.open());
    const LogPlace place = it.store->log_end();
    REQUIRE(it.add("a", 1000, 1.0));
    REQUIRE(it.store->checkpoint());
    REQUIRE(it.add("a", 2000, 2.0));
    const LogBite bite = it.store->read_log(place, 1000).value();
    CHECK(bite.unreadable == 1);
    REQUIRE(bite.rows.size() == 1);
    CHECK(bite.rows[0].sample.at.ms == 2000);
}

TEST_CASE("a log cut anywhere gives the rows before the cut, and goes on when it is whole",
          "[store][follow]") {
    Scratch it;
    REQUIRE(it.open());
    for (int i = 1; i <= 5; ++i) REQUIRE(it.add("a", i * 1000, static_cast<double>(i)));
    const LogPlace end = it.store->log_end();
    const std::string path = segment_path("data/wal", end.segment);
    const std::string whole = it.files.read_all(path, 1 << 20).value();
    Memory memory;  // knows the one series, in the slot that it has in the log
    {
        const Lock lock(memory.index_mutex);
        REQUIRE(memory.index.restore(0, 0, series_name("a")));
    }
    REQUIRE(it.files.make_folders("cut"));
    for (std::size_t size = magic_bytes; size < whole.size(); ++size) {
        REQUIRE(it.files.write_atomically("cut/00000001", whole.substr(0, size)));
        const LogBite bite = read_log(it.files, "cut", {1, 0}, 1, 1 << 16, memory).value();
        CHECK(bite.at_end);
        REQUIRE(it.files.write_atomically("cut/00000001", whole));
        const LogBite rest = read_log(it.files, "cut", bite.next, 1, 1 << 16, memory).value();
        CHECK(bite.rows.size() + rest.rows.size() == 5);
        CHECK(rest.next.offset == whole.size());
    }
}

}  // namespace vedette::store
