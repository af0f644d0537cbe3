#include "core/alert.h"

#include <catch2/catch.hpp>

using namespace vedette;

TEST_CASE("an alert's id prints and reads back", "[core][alert]") {
    const AlertId id{0xc0ffee0123456789, {1'790'000'000'000}};
    CHECK(to_string(id) == "c0ffee0123456789-1790000000000");
    CHECK(parse_alert_id(to_string(id)).value() == id);
    CHECK(parse_alert_id(to_string(AlertId{1, {-5}})).value() == AlertId{1, {-5}});
}

TEST_CASE("an id that is none says what was expected", "[core][alert]") {
    CHECK(
        parse_alert_id("c0ffee").error().message ==
        R"(not an alert's id: "c0ffee"; expected sixteen hexadecimal digits, a dash and milliseconds)");
    for (const char* bad : {"", "c0ffee0123456789-", "c0ffee0123456789-1x", "c0ffee012345678g-1",
                            "c0ffee0123456789_1"})
        CHECK_FALSE(parse_alert_id(bad).has_value());
}
