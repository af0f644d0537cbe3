#include "base/time_zone.h"

#include <catch2/catch.hpp>

using namespace vedette;

namespace {

std::string number(std::uint64_t value, int bytes) {
    std::string out;
    for (int i = bytes; i-- > 0;) out += static_cast<char>((value >> (8 * i)) & 0xff);
    return out;
}

/// A zone file of version 2: `LMT` +0:10 first, `STD` +1:00 from second 1000 on, `SUM` +2:00 from
/// second 2000 on; behind them `rule`.
std::string zone_file(const std::string& rule) {
    const std::string letters("LMT\0STD\0SUM\0", 12);
    const std::string types = number(600, 4) + number(0, 1) + number(0, 1) +   //
                              number(3600, 4) + number(0, 1) + number(4, 1) +  //
                              number(7200, 4) + number(1, 1) + number(8, 1);
    const auto part = [&](int time_bytes) {
        std::string out = "TZif2" + std::string(15, '\0');
        for (const std::uint64_t count : {0, 0, 0, 2, 3, 12}) out += number(count, 4);
        out += number(1000, time_bytes) + number(2000, time_bytes);
        return out + number(1, 1) + number(2, 1) + types + letters;
    };
    return part(4) + part(8) + "\n" + rule + "\n";
}

std::string clock_at(const TimeZone& zone, std::int64_t seconds) {
    const TimeZone::Offset offset = zone.at({seconds * 1000});
    return offset.name + " " + std::to_string(offset.east.count());
}

Timestamp utc(const char* text) {
    return *parse_rfc3339(text);
}

}  // namespace

TEST_CASE("a zone changes at its transitions and goes on by its rule", "[base][time_zone]") {
    const auto zone = TimeZone::parse("Test/Zone", zone_file("AAA-1BBB,M3.5.0,M10.5.0/3"));
    REQUIRE(zone);
    CHECK(zone->name() == "Test/Zone");
    CHECK(clock_at(*zone, -5000) == "LMT 600");
    CHECK(clock_at(*zone, 999) == "LMT 600");
    CHECK(clock_at(*zone, 1000) == "STD 3600");
    CHECK(clock_at(*zone, 1999) == "STD 3600");
    CHECK(zone->at(utc("2026-03-29T00:59:59Z")).name == "AAA");
    CHECK(zone->at(utc("2026-03-29T01:00:00Z")).name == "BBB");
    CHECK(zone->at(utc("2026-10-25T00:59:59Z")).name == "BBB");
    CHECK(zone->at(utc("2026-10-25T01:00:00Z")).name == "AAA");
    CHECK(zone->at(utc("2026-07-01T00:00:00Z")).east == std::chrono::hours(2));
}

TEST_CASE("rules of zones are read in all their forms", "[base][time_zone]") {
    struct Row {
        const char *what, *rule, *at, *clock;
    };
    const auto row = GENERATE(values<Row>({
        {"one offset", "<+0545>-5:45", "2026-07-01T00:00:00Z", "+0545 20700"},
        {"the south", "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z", "AEDT 39600"},
        {"the south in winter", "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01T00:00:00Z",
         "AEST 36000"},
        {"west", "EST5EDT,M3.2.0,M11.1.0", "2026-03-08T06:59:59Z", "EST -18000"},
        {"west in summer", "EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", "EDT -14400"},
        {"half an hour", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-01-01T00:00:00Z",
         "+11 39600"},
        {"days that never count the 29th", "AAA0BBB,J60,J300", "2024-03-01T02:00:00Z", "BBB 3600"},
        {"days that count it", "AAA0BBB,59,300", "2024-02-29T02:00:00Z", "BBB 3600"},
        {"a change before its day", "AAA2BBB,M3.5.0/-1,M10.5.0/-1", "2026-03-29T00:59:59Z",
         "AAA -7200"},
        {"a rule that is none: what came last", "??", "2026-07-01T00:00:00Z", "SUM 7200"},
        {"no rule: what came last", "", "2026-07-01T00:00:00Z", "SUM 7200"},
    }));
    CAPTURE(row.what);
    const auto zone = TimeZone::parse("z", zone_file(row.rule));
    REQUIRE(zone);
    CHECK(clock_at(*zone, utc(row.at).ms / 1000) == row.clock);
}

TEST_CASE("a zone file that is cut or broken is refused or read, never overrun",
          "[base][time_zone]") {
    const std::string whole = zone_file("AAA-1BBB,M3.5.0,M10.5.0/3");
    const std::size_t body = whole.rfind("\nAAA");
    for (std::size_t bytes = 0; bytes < body; ++bytes) {
        const auto cut = TimeZone::parse("z", std::string_view(whole).substr(0, bytes));
        REQUIRE_FALSE(cut);
        CHECK(cut.error().message == "malformed time zone information");
    }
    for (std::size_t i = 0; i < whole.size() * 8; ++i) {
        std::string flipped = whole;
        flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
        if (const auto zone = TimeZone::parse("z", flipped))
            for (const std::int64_t at : {-5000, 1500, 2500, 2'000'000'000})
                (void)zone->at({at * 1000});
    }
}

TEST_CASE("zones are found by their names, and nothing else is", "[base][time_zone]") {
    for (const char* name : {"", "UTC"}) {
        const auto zone = find_time_zone(name);
        REQUIRE(zone);
        CHECK(*zone == nullptr);
    }
    struct Row {
        const char *name, *message;
    };
    const auto row = GENERATE(values<Row>({
        {"Nowhere/Land", "unknown time zone Nowhere/Land"},
        {"../../../etc/passwd", "time: invalid location name"},
        {"/etc/localtime", "time: invalid location name"},
        {"\\x", "time: invalid location name"},
    }));
    const auto zone = find_time_zone(row.name);
    REQUIRE_FALSE(zone);
    CHECK(zone.error().message == row.message);
}
