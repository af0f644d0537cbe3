#include "probes/schedule.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "core/limits.h"

using namespace std::chrono_literals;
using vedette::Milliseconds;
using vedette::Timestamp;
using vedette::probes::Schedule;

namespace {

using TimePoint = Schedule::TimePoint;

constexpr Timestamp wall{1'790'000'000'000};  // a multiple of 10 s
const TimePoint zero{100h};

/// Runs a schedule for a while, a millisecond a step; each attempt takes `took`. Returns who
/// started when, in milliseconds.
struct Walk {
    Schedule& schedule;
    Milliseconds took;
    std::vector<std::pair<Schedule::Id, std::int64_t>> starts;
    std::vector<std::pair<Schedule::Id, TimePoint>> running;

    void until(Milliseconds end) {
        for (Milliseconds t = now; t <= end; ++t) step(t);
        now = end + 1ms;
    }
    void step(Milliseconds t) {
        for (auto it = running.begin(); it != running.end();) {
            if (it->second > zero + t) {
                ++it;
                continue;
            }
            schedule.finished(it->first);
            it = running.erase(it);
        }
        for (const Schedule::Start& start : schedule.take(zero + t)) {
            starts.emplace_back(start.id, t.count());
            running.emplace_back(start.id, zero + t + took);
        }
    }
    Milliseconds now{0};
};

}  // namespace

TEST_CASE("an offset depends on the name alone and stays over restarts", "[probes][schedule]") {
    // These figures are what a restart must find again: a change moves every target of everybody.
    CHECK(Schedule::offset("shop\nhttps://shop.example/health", 10s) == 4825ms);
    CHECK(Schedule::offset("shop\nhttps://shop.example/health", 60s) == 28970ms);
    CHECK(Schedule::offset("shop\nhttps://shop.example/healti", 10s) == 9430ms);
}

TEST_CASE("a thousand targets spread evenly over their period", "[probes][schedule]") {
    std::array<int, 10> tenths{};
    for (int i = 0; i < 1000; ++i) {
        const auto offset = Schedule::offset("job\nhttp://10.0.0." + std::to_string(i), 10s);
        REQUIRE(offset >= 0ms);
        REQUIRE(offset < 10s);
        ++tenths.at(static_cast<std::size_t>(offset / 1s));
    }
    for (const int count : tenths) CHECK((count > 65 && count < 135));
}

TEST_CASE("few targets start in few rounds, and each round stays small", "[probes][schedule]") {
    // A round costs a wake; what starts in it is more than its even share by chance only.
    struct Row {
        std::size_t targets;
        Milliseconds every;
        std::size_t rounds, most;
    };
    const auto row = GENERATE(values<Row>({
        {1, 5s, 1, 1},
        {8, 5s, 1, 8},
        {10, 5s, 2, 9},
        {100, 15s, 16, 15},
        {1000, 1s, 128, 20},
        {10'000, 1s, 200, 80},
    }));
    CAPTURE(row.targets, row.every.count());
    std::map<Milliseconds, std::size_t> rounds;
    for (std::size_t i = 0; i < row.targets; ++i)
        ++rounds[Schedule::offset("job\nhttp://10.0.0." + std::to_string(i), row.every,
                                  row.targets)];
    CHECK(rounds.size() == row.rounds);
    for (const auto& [offset, count] : rounds) {
        CHECK(offset % vedette::limits::probe_start_step == 0ms);
        CHECK((offset >= 0ms && offset < row.every));
        CHECK(count <= row.most);
    }
}

TEST_CASE("a round is in the middle of its share, not at full minutes", "[probes][schedule]") {
    CHECK(Schedule::offset("shop\nhttps://shop.example/health", 60s, 1) == 30s);
    CHECK(Schedule::offset("shop\nhttps://shop.example/health", 5s, 10) == 1250ms);
}

TEST_CASE("a target is asked at its offset in every period, whenever the program started",
          "[probes][schedule]") {
    const auto started_late = GENERATE(0ms, 1ms, 3210ms, 9999ms);
    CAPTURE(started_late.count());
    const std::string key = "shop\nhttps://shop.example/health";
    Schedule schedule(16);
    schedule.add({1, key, 10s}, zero, wall + started_late);
    Walk walk{schedule, 5ms, {}, {}};
    walk.until(30s);
    REQUIRE(walk.starts.size() >= 3);
    for (const auto& [id, at] : walk.starts)
        CHECK((started_late.count() + at) % 10'000 == Schedule::offset(key, 10s).count());
}

TEST_CASE("a reading that takes longer than its period skips turns and does not pile up",
          "[probes][schedule]") {
    Schedule schedule(16);
    schedule.add({1, "a", 1s}, zero, wall);
    const std::int64_t offset = Schedule::offset("a", 1s).count();
    Walk walk{schedule, 2500ms, {}, {}};
    walk.until(9s);
    // Due every second; under way for two and a half: every third is a start, two are skipped.
    const std::vector<std::pair<Schedule::Id, std::int64_t>> expected = {
        {1, offset}, {1, offset + 3000}, {1, offset + 6000}};
    CHECK(walk.starts == expected);
    CHECK(schedule.skipped() == 6);
}

TEST_CASE("a loop held up for long starts late, once, and keeps its times", "[probes][schedule]") {
    Schedule schedule(16);
    schedule.add({1, "a", 1s}, zero, wall);
    const auto offset = Schedule::offset("a", 1s);
    const auto starts = schedule.take(zero + offset + 3400ms);
    REQUIRE(starts.size() == 1);
    CHECK(starts[0].late == 3400ms);
    CHECK(schedule.skipped() == 3);
    CHECK(schedule.wake() == zero + offset + 4s);
}

TEST_CASE("no more run at once than there are places, and who was due first starts first",
          "[probes][schedule]") {
    Schedule schedule(2);
    std::vector<std::pair<TimePoint, Schedule::Id>> due;
    for (Schedule::Id id = 1; id <= 5; ++id) {
        const std::string key = "job\n" + std::to_string(id);
        schedule.add({id, key, 10s}, zero, wall);
        due.emplace_back(zero + Schedule::offset(key, 10s), id);
    }
    std::sort(due.begin(), due.end());
    const TimePoint now = zero + 10s - 1ms;

    auto starts = schedule.take(now);
    REQUIRE(starts.size() == 2);
    CHECK(starts[0].id == due[0].second);
    CHECK(starts[1].id == due[1].second);
    CHECK(schedule.in_flight() == 2);
    CHECK(schedule.waiting() == 3);
    CHECK(schedule.take(now).empty());

    schedule.finished(due[1].second);
    starts = schedule.take(now + 250ms);
    REQUIRE(starts.size() == 1);
    CHECK(starts[0].id == due[2].second);
    CHECK(starts[0].late == now + 250ms - due[2].first);
}

TEST_CASE(
    "a target asked once an hour has its first reading soon, then keeps its place in the hour",
    "[probes][schedule]") {
    Schedule schedule(16);
    schedule.add({1, "certificates", 1h}, zero, Timestamp{0});
    const auto first = schedule.wake();
    REQUIRE(first.has_value());
    CHECK(*first - zero < vedette::limits::probe_first_reading_within);
    CHECK(schedule.take(*first).size() == 1);
    schedule.finished(1);
    CHECK(schedule.wake() == zero + Schedule::offset("certificates", 1h));
    CHECK(schedule.skipped() == 0);
}

TEST_CASE("a target that is removed is not started again, wherever it stood",
          "[probes][schedule]") {
    Schedule schedule(1);
    schedule.add({1, "a", 1s}, zero, wall);
    schedule.add({2, "b", 1s}, zero, wall);
    schedule.add({3, "c", 1s}, zero, wall);
    const auto running = schedule.take(zero + 1s - 1ms);
    REQUIRE(running.size() == 1);
    REQUIRE(schedule.waiting() == 2);

    for (const Schedule::Id id : {1, 2, 3}) schedule.remove(id);
    CHECK(schedule.waiting() == 0);
    CHECK(schedule.in_flight() == 1);
    CHECK(schedule.take(zero + 5s).empty());
    schedule.finished(running[0].id);
    CHECK(schedule.in_flight() == 0);
    CHECK(schedule.take(zero + 9s).empty());
    CHECK(schedule.wake() == std::nullopt);
}

TEST_CASE("ten thousand targets each start once a period under a small cap", "[probes][schedule]") {
    Schedule schedule(16);
    for (Schedule::Id id = 1; id <= 10'000; ++id)
        schedule.add({id, "job\n" + std::to_string(id), 10s}, zero, wall);
    Walk walk{schedule, 1ms, {}, {}};
    std::size_t most = 0;
    for (Milliseconds t{0}; t < 10s; ++t) {
        walk.step(t);
        most = std::max(most, schedule.in_flight());
    }
    std::set<Schedule::Id> started;
    for (const auto& start : walk.starts) started.insert(start.first);
    CHECK(walk.starts.size() == 10'000);
    CHECK(started.size() == 10'000);
    CHECK(most <= 16);
    CHECK(schedule.skipped() == 0);
}
