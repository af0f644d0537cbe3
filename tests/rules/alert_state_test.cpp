#include "rules/alert_state.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

using namespace vedette;
using namespace vedette::rules;
using namespace std::chrono_literals;

namespace {

/// Walks one alert a minute a character. Condition: '.' clear, 'x' holds. States: '.' idle, p
/// pending, F firing, r resolved just now, ' ' still remembered as resolved.
std::string walk(std::string_view condition, const Holds& holds) {
    std::string states;
    std::optional<AlertProgress> progress;
    Timestamp now{1'790'000'000'000};
    for (const char c : condition) {
        const Decision decision = decide(progress, c == 'x', now, holds);
        progress = decision.progress;
        if (!progress)
            states += '.';
        else if (progress->state == AlertState::Pending)
            states += 'p';
        else if (progress->state == AlertState::Firing)
            states += 'F';
        else
            states += decision.transition == Transition::Resolved ? 'r' : ' ';
        now = now + 1min;
    }
    return states;
}

}  // namespace

TEST_CASE("an alert waits out its hold before it fires", "[rules][alert]") {
    struct Row {
        const char* what;
        Holds holds;
        const char *condition, *states;
    };
    const auto row = GENERATE(values<Row>({
        {"no hold fires at once", {0min, 0min}, ".x.", ".Fr"},
        {"a gap restarts the wait", {2min, 0min}, "xx.xxx", "pp.ppF"},
        {"a short dip stays lit", {0min, 2min}, "x.x...", "FFFFFr"},
        {"firing begins on the minute the hold is over", {5min, 0min}, "xxxxxxx", "pppppFF"},
        {"the wait is shorter than a step", {30s, 0min}, "xx.", "pFr"},
        {"a resolved alert is forgotten after 15 minutes",
         {0min, 0min},
         "x................x",
         "Fr               F"},
        {"a resolved alert that comes back waits anew", {1min, 0min}, "xx.xx", "pFrpF"},
        {"keeping lit does not help a pending one", {2min, 5min}, "x.x", "p.p"},
        {"the lit time counts from the last dip", {0min, 2min}, "x.x.x...", "FFFFFFFr"},
        {"nothing comes of nothing", {0min, 0min}, "...", "..."},
    }));
    CAPTURE(row.what);
    CHECK(walk(row.condition, row.holds) == row.states);
}

TEST_CASE("alerts change their states when Prometheus changes them", "[rules][alert]") {
    std::ifstream file("tests/rules/recorded/timing.expected");
    std::string line;
    REQUIRE(std::getline(file, line));
    CHECK(line == "promtool 3.5.3");
    int rows = 0;
    while (std::getline(file, line)) {
        CAPTURE(line);
        std::istringstream row(line);
        std::string hold, keep, condition, expected;
        row >> hold >> keep >> condition >> expected;
        std::string got = walk(condition, {*parse_duration(hold), *parse_duration(keep)});
        std::replace(got.begin(), got.end(), 'r', '.');
        std::replace(got.begin(), got.end(), ' ', '.');
        CHECK(got == expected);
        ++rows;
    }
    CHECK(rows == 63);
}

TEST_CASE("every transition says why", "[rules][alert]") {
    const Timestamp now{1'790'000'000'000};
    const Holds holds{5min, 10min};
    const Decision began = decide(std::nullopt, true, now, holds);
    CHECK(began.reason == "the condition holds; fires after 5m");
    const Decision fired = decide(began.progress, true, now + 5min, holds);
    CHECK(fired.reason == "the condition held for 5m");
    CHECK(fired.progress->fired_at == now + 5min);
    CHECK(decide(began.progress, false, now + 1min, holds).reason ==
          "the condition ceased before it had held for 5m");
    const Decision lit = decide(fired.progress, false, now + 6min, holds);
    CHECK(lit.transition == Transition::None);
    const Decision over = decide(lit.progress, false, now + 16min, holds);
    CHECK(over.transition == Transition::Resolved);
    CHECK(over.reason == "the condition ceased 10m ago");
    CHECK(decide(std::nullopt, true, now, {}).reason == "the condition holds");
    CHECK(decide(fired.progress, false, now + 6min, {5min, 0min}).reason == "the condition ceased");
}
