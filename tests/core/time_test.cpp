#include "core/time.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace vedette;
using namespace std::chrono_literals;

TEST_CASE("durations read and print as Prometheus has them", "[core][time]") {
    struct Row {
        const char* text;
        Milliseconds value;
        const char* printed;
    };
    const auto row = GENERATE(values<Row>({
        {"0", 0ms, "0s"},
        {"0s", 0ms, "0s"},
        {"324ms", 324ms, "324ms"},
        {"3s", 3s, "3s"},
        {"90s", 90s, "1m30s"},
        {"4d1h", 97h, "4d1h"},
        {"1h30m", 90min, "1h30m"},
        {"14d", 336h, "2w"},
        {"8d", 192h, "8d"},
        {"25h", 25h, "1d1h"},
        {"1y", 365 * 24h, "1y"},
        {"3d12h1m1s1ms", 84h + 1min + 1001ms, "3d12h1m1s1ms"},
    }));
    CAPTURE(row.text);
    CHECK(parse_duration(row.text).value() == row.value);
    CHECK(format_duration(row.value) == row.printed);
    CHECK(parse_duration(format_duration(row.value)).value() == row.value);
}

TEST_CASE("a duration that is none says so", "[core][time]") {
    CHECK(parse_duration("").error().message == "empty duration string");
    CHECK(parse_duration("1").error().message == R"(not a valid duration string: "1")");
    CHECK(parse_duration("5s1m").error().message == R"(not a valid duration string: "5s1m")");
    CHECK(parse_duration("-5m").error().message == R"(not a valid duration string: "-5m")");
    CHECK(parse_duration("1.5h").error().message == R"(unknown unit "." in duration "1.5h")");
    CHECK(parse_duration("1 h").error().message == R"(unknown unit " h" in duration "1 h")");
    CHECK(parse_duration("300y").error().message == "duration out of range");
    CHECK(parse_duration("99999999999999999999s").error().message == "duration out of range");
}

TEST_CASE("a duration for a person has at most two units", "[core][time]") {
    CHECK(humanize_duration(310ms) == "310 ms");
    CHECK(humanize_duration(2500ms) == "2.5 s");
    CHECK(humanize_duration(7012ms) == "7 s");
    CHECK(humanize_duration(59s) == "59 s");
    CHECK(humanize_duration(4min) == "4 min");
    CHECK(humanize_duration(4min + 30s) == "4 min 30 s");
    CHECK(humanize_duration(12min + 30s) == "12 min");
    CHECK(humanize_duration(2h + 10min) == "2 h 10 min");
    CHECK(humanize_duration(50h) == "2 d 2 h");
    CHECK(humanize_duration(-4min) == "-4 min");
}

TEST_CASE("times print and read as RFC 3339", "[core][time]") {
    CHECK(format_rfc3339({0}) == "1970-01-01T00:00:00.000Z");
    CHECK(format_rfc3339({1'790'000'000'123}) == "2026-09-21T14:13:20.123Z");
    CHECK(format_rfc3339({-1}) == "1969-12-31T23:59:59.999Z");
    CHECK(parse_rfc3339("2026-09-21T14:13:20.123Z").value().ms == 1'790'000'000'123);
    CHECK(parse_rfc3339("2026-09-21T16:13:20.123456789+02:00").value().ms == 1'790'000'000'123);
    CHECK(parse_rfc3339("2026-09-21T14:13:20Z").value().ms == 1'790'000'000'000);
    for (const char* bad :
         {"", "2026-09-21", "2026-13-21T14:13:20Z", "2026-02-30T14:13:20Z", "2026-09-21T14:13:20",
          "2026-09-21T14:13:20.Z", "2026-09-21T14:13:20Zx", "2026-09-21T24:13:20Z"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_rfc3339(bad).has_value());
    }
}

TEST_CASE("a window is open on the left", "[core][time]") {
    const Window window{{1000}, {2000}};
    CHECK_FALSE(window.holds({1000}));
    CHECK(window.holds({1001}));
    CHECK(window.holds({2000}));
    CHECK_FALSE(window.holds({2001}));
}

TEST_CASE("the first and the last moment that can be counted have a time of day", "[core][time]") {
    const std::string first = format_rfc3339({std::numeric_limits<std::int64_t>::min()});
    const std::string last = format_rfc3339({std::numeric_limits<std::int64_t>::max()});
    CHECK(first.substr(first.find('T')) == "T16:47:04.192Z");
    CHECK(last.substr(last.find('T')) == "T07:12:55.807Z");
}
