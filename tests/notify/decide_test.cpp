#include "notify/decide.h"

#include <catch2/catch.hpp>

#include "core/limits.h"

using namespace vedette;
using namespace vedette::notify;
using namespace std::chrono_literals;

namespace {

Moment at(Milliseconds since_start) {
    return {Timestamp{1'790'000'000'000} + since_start,
            std::chrono::steady_clock::time_point(1000s + since_start)};
}

}  // namespace

TEST_CASE("a receiver is told again only for a reason, and the reason has a name", "[notify]") {
    struct Row {
        const char* what;
        bool told_before;
        Fingerprints told_firing, told_resolved, firing, resolved;
        bool send_resolved;
        Milliseconds since_told;
        Reason reason;
    };
    const auto row = GENERATE(values<Row>({
        {"the first alert of a group is told", false, {}, {}, {1}, {}, true, 0s,
         Reason::FirstNotification},
        {"what came and went unheard is not taken back", false, {}, {}, {}, {1}, true, 0s,
         Reason::NothingFiring},
        {"one more alert is news", true, {1}, {}, {1, 2}, {}, true, 1s, Reason::NewAlerts},
        {"an alert that came back is news", true, {}, {1}, {1}, {}, true, 1s, Reason::NewAlerts},
        {"a new alert outranks a resolve", true, {1, 2}, {}, {2, 3}, {1}, true, 1s,
         Reason::NewAlerts},
        {"the end of all is told", true, {1, 2}, {}, {}, {1, 2}, true, 1s, Reason::AllResolved},
        {"the end of all is decided even for those who want no resolves", true, {1}, {}, {}, {1},
         false, 1s, Reason::AllResolved},
        {"the end of all is told once", true, {}, {1}, {}, {1}, true, 9h, Reason::NothingNew},
        {"one of two resolved is told to those who want it", true, {1, 2}, {}, {2}, {1}, true, 1s,
         Reason::SomeResolved},
        {"and not to those who do not", true, {1, 2}, {}, {2}, {1}, false, 1s, Reason::NothingNew},
        {"and once only", true, {2}, {1}, {2}, {1}, true, 1s, Reason::NothingNew},
        {"nothing changed, just before the interval is over", true, {1}, {}, {1}, {}, true,
         4h - 1ms, Reason::NothingNew},
        {"nothing changed, on the edge of the interval", true, {1}, {}, {1}, {}, true, 4h,
         Reason::NothingNew},
        {"nothing changed, just after the interval is over", true, {1}, {}, {1}, {}, true, 4h + 1ms,
         Reason::RepeatElapsed},
    }));
    CAPTURE(row.what);
    const Told told{row.told_firing, row.told_resolved, at(0s)};
    CHECK(to_string(needs_update(row.told_before ? &told : nullptr, row.firing, row.resolved,
                                 row.send_resolved, 4h, at(row.since_told))) ==
          to_string(row.reason));
}

TEST_CASE("a stepped wall clock neither repeats nor delays", "[notify]") {
    const Told told{{1}, {}, at(0s)};
    Moment later = at(1min);
    later.wall = later.wall + Milliseconds(48h);
    CHECK(needs_update(&told, {1}, {}, true, 4h, later) == Reason::NothingNew);
    later.steady += 4h;
    later.wall = {0};
    CHECK(needs_update(&told, {1}, {}, true, 4h, later) == Reason::RepeatElapsed);
}

TEST_CASE("every reason prints to a word of its own that parses back", "[notify]") {
    for (int i = 0; i <= static_cast<int>(Reason::ReceiverGone); ++i) {
        const auto reason = static_cast<Reason>(i);
        CAPTURE(i, to_string(reason));
        CHECK(parse_reason(to_string(reason)) == reason);
    }
    CHECK_FALSE(parse_reason("unknown reason"));
}

TEST_CASE("waits between attempts double, stay in bounds, and honour the service's wish", "[notify]") {
    struct Row {
        const char* what;
        Outcome outcome;
        unsigned failures;
        Milliseconds owed_for;
        double jitter;
        Reason reason;
        Milliseconds wait;
    };
    Outcome busy, slow_down, long_wish, wrong;
    slow_down.retry_after = 30s;
    long_wish.retry_after = 2h;
    wrong.retry = false;
    const auto row = GENERATE_COPY(values<Row>({
        {"first failure, no luck", busy, 1, 0s, 0, Reason::TryAgain, 500ms},
        {"first failure, all luck", busy, 1, 0s, 1, Reason::TryAgain, 1s},
        {"second", busy, 2, 0s, 1, Reason::TryAgain, 2s},
        {"fifth", busy, 5, 0s, 1, Reason::TryAgain, 16s},
        {"the hundredth waits the most there is", busy, 100, 0s, 1, Reason::TryAgain, 5min},
        {"429 with a wish", slow_down, 1, 0s, 1, Reason::TryAgain, 30s},
        {"a wish beyond reason is clamped", long_wish, 1, 0s, 1, Reason::TryAgain, 15min},
        {"refused: not before the group's next turn", wrong, 1, 0s, 1, Reason::Refused, 6min},
        {"owed for a day less a bit", busy, 9, 24h - 1ms, 1, Reason::TryAgain, 256s},
        {"owed for a day", busy, 9, 24h, 1, Reason::GivenUp, 0s},
    }));
    CAPTURE(row.what);
    const RetryPlan plan = after_failure(row.outcome, row.failures, row.owed_for, 6min, row.jitter);
    CHECK(to_string(plan.reason) == to_string(row.reason));
    CHECK(plan.wait == row.wait);
}

TEST_CASE("Retry-After is read in each of its forms", "[notify]") {
    const Timestamp now = *parse_rfc3339("2026-11-20T09:00:00Z");
    struct Row {
        const char* text;
        std::optional<Milliseconds> wait;
    };
    const auto row = GENERATE(values<Row>({
        {"30", 30s},
        {" 30 ", 30s},
        {"0.25", 250ms},
        {"1e1", 10s},
        {"-5", 0s},
        {"1e300", 15min},
        {"99999999999999999999", 15min},
        {"Fri, 20 Nov 2026 09:01:30 GMT", 90s},
        {"Fri, 20 Nov 2026 08:00:00 GMT", 0s},
        {"Fri, 20 Nov 2099 08:00:00 GMT", 15min},
        {"Fri, 20 Nov 2026 09:01:30 CET", std::nullopt},
        {"soon", std::nullopt},
        {"", std::nullopt},
        {"nan", std::nullopt},
        {"5 apples", std::nullopt},
    }));
    CAPTURE(row.text);
    CHECK(parse_retry_after(row.text, now) == row.wait);
}
