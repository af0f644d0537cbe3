#include "rules/schedule.h"

#include <catch2/catch.hpp>
#include <set>

using namespace vedette;
using namespace vedette::rules;
using namespace std::chrono_literals;

TEST_CASE("a group's times do not drift and stay the same over restarts", "[rules][schedule]") {
    const Schedule schedule = make_schedule("rules.yml", "base", 1min);
    CHECK(schedule.offset == make_schedule("rules.yml", "base", 1min).offset);
    CHECK(schedule.offset >= 0ms);
    CHECK(schedule.offset < 1min);
    Timestamp next = schedule.at_or_before({1'790'000'000'000}) + 1min;
    const Timestamp first = next;
    for (int i = 0; i < 100; ++i) {
        const Due due = look(schedule, next, next + 137ms);  // always a little late
        REQUIRE(due.due);
        CHECK(due.at == next);
        CHECK(due.missed == 0);
        next = due.next;
    }
    CHECK(next == first + 100min);
}

TEST_CASE("groups are spread over the interval", "[rules][schedule]") {
    std::set<std::int64_t> seconds;
    for (int i = 0; i < 200; ++i)
        seconds.insert(
            make_schedule("rules.yml", "group" + std::to_string(i), 1min).offset.count() / 1000);
    CHECK(seconds.size() > 40);
}

TEST_CASE("what a look at the clock decides", "[rules][schedule]") {
    const Schedule schedule{1min, 17s};
    struct Row {
        const char* what;
        std::int64_t next_s, now_s;
        bool due;
        std::int64_t at_s;
        std::uint64_t missed;
        std::int64_t then_s;
    };
    const auto row = GENERATE(values<Row>({
        {"too early", 617, 616, false, 0, 0, 617},
        {"on time", 617, 617, true, 617, 0, 677},
        {"late within the interval", 617, 670, true, 617, 0, 677},
        {"late by three", 617, 800, true, 797, 3, 857},
        {"the clock was set back a little", 617, 570, false, 0, 0, 617},
        {"the clock was set back an hour", 4217, 617, false, 0, 0, 677},
        {"before 1970", -3583, -3580, true, -3583, 0, -3523},
    }));
    CAPTURE(row.what);
    const Due due = look(schedule, {row.next_s * 1000}, {row.now_s * 1000});
    CHECK(due.due == row.due);
    if (row.due) CHECK(due.at.ms == row.at_s * 1000);
    CHECK(due.missed == row.missed);
    CHECK(due.next.ms == row.then_s * 1000);
}
