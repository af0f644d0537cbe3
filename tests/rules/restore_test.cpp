#include "rules/restore.h"

#include <catch2/catch.hpp>

#include "tests/support/memory_source.h"

using namespace vedette;
using namespace vedette::rules;
using namespace std::chrono_literals;

TEST_CASE("what becomes of an alert that was open before a restart", "[rules][restore]") {
    const Timestamp start{1'790'000'000'000};
    struct Row {
        const char* what;
        AlertState state;
        Milliseconds hold, down_after, now_after;
        bool seen, continues;
        Milliseconds active_after;
        const char* reason;
    };
    const auto pending = AlertState::Pending;
    const auto row = GENERATE_COPY(values<Row>({
        {"much is left: the outage is added", pending, 60min, 20min, 25min, true, true, 5min, ""},
        {"little is left: it waits the grace period", pending, 60min, 55min, 58min, true, true,
         8min, ""},
        {"nothing is left: it fires next", pending, 60min, 60min, 65min, true, true, 0min, ""},
        {"a short hold starts anew", pending, 5min, 1min, 2min, true, false, 0min,
         "restarted; a `for` shorter than 10m is waited out anew"},
        {"a long outage starts anew", pending, 60min, 20min, 81min, true, false, 0min,
         "restarted after more than 1h; `for` is waited out anew"},
        {"an outage of unknown length starts anew", pending, 60min, 0min, 1min, false, false, 0min,
         "restarted after more than 1h; `for` is waited out anew"},
        {"a clock that was set back starts anew", pending, 60min, -30min, -20min, true, false, 0min,
         "restarted with a clock that was set back; `for` is waited out anew"},
        {"a firing one continues", AlertState::Firing, 5min, 6min, 600min, true, true, 0min, ""},
    }));
    CAPTURE(row.what);
    Alert alert;
    alert.state = row.state;
    alert.active_at = start;
    const auto down_at = row.seen ? std::optional(start + row.down_after) : std::nullopt;
    const Restored got = restore(alert, {row.hold, 0min}, down_at, start + row.now_after, {});
    CHECK(got.continues == row.continues);
    CHECK(got.reason == row.reason);
    if (row.continues) CHECK(got.active_at == start + row.active_after);
}

TEST_CASE("alerts were last seen where ALERTS_FOR_STATE ends", "[rules][restore]") {
    MemorySource source;
    source.load(
        "ALERTS_FOR_STATE{alertname=\"A\",job=\"x\"} 5 5 5\n"
        "ALERTS_FOR_STATE{alertname=\"A\",job=\"y\"} 5 stale\n"
        "ALERTS{alertname=\"A\"} 1 1 1 1\n");
    const auto seen = last_seen(source, {{-1}, {10 * 60'000}});
    REQUIRE(seen);
    CHECK(seen->size() == 2);
    CHECK(seen->at(Labels{{"alertname", "A"}, {"job", "x"}}) == Timestamp{2 * 60'000});
    CHECK(seen->at(Labels{{"alertname", "A"}, {"job", "y"}}) == Timestamp{0});
}
