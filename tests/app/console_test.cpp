#include "app/console.h"

#include <catch2/catch.hpp>

#include "core/limits.h"

using namespace std::chrono_literals;
using namespace vedette;
using namespace vedette::app;

namespace {

Alert alert(std::uint64_t number, AlertState state) {
    Alert out;
    out.id = {number, {1000}};
    out.state = state;
    return out;
}

}  // namespace

TEST_CASE("the console hears each state of an alert once, however often it is sent", "[app]") {
    News news;
    const std::chrono::steady_clock::time_point start{};
    CHECK(news.is_new(alert(1, AlertState::Firing), start));
    CHECK_FALSE(news.is_new(alert(1, AlertState::Firing), start + 1min));
    CHECK(news.is_new(alert(2, AlertState::Firing), start + 1min));
    CHECK(news.is_new(alert(1, AlertState::Resolved), start + 2min));
    CHECK_FALSE(news.is_new(alert(1, AlertState::Resolved), start + 17min));
    CHECK_FALSE(news.is_new(alert(2, AlertState::Firing), start + 300h));
}

TEST_CASE("the console remembers what is open, and what was resolved for half an hour", "[app]") {
    News news;
    std::chrono::steady_clock::time_point now{};
    for (std::uint64_t i = 1; i <= 10'000; ++i) {
        now += 1min;
        CHECK(news.is_new(alert(i, AlertState::Firing), now));
        if (i > 5) CHECK(news.is_new(alert(i, AlertState::Resolved), now));
    }
    CHECK(news.remembered() <= 5 + 2 * 15 + 1);
}
