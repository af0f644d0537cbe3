#include "notify/silence.h"

#include <catch2/catch.hpp>

#include "notify/inhibit.h"
#include "tests/notify/desk.h"

using namespace vedette;
using namespace vedette::notify;

namespace {

constexpr Timestamp noon{1'790'000'000'000};

Silence silence(const char* matchers, Milliseconds from, Milliseconds to) {
    Silence out;
    out.matchers = *parse_matchers(matchers);
    out.starts = noon + from;
    out.ends = noon + to;
    return out;
}

}  // namespace

TEST_CASE("a silence holds from its start until just before its end", "[notify]") {
    SilenceTable table;
    REQUIRE(table.set(silence("job=a", 1min, 2min), "s", 0ms, noon));
    const Labels labels = {{"job", "a"}};
    CHECK(table.silencing(labels, noon + Milliseconds(1min - 1ms)) == nullptr);
    CHECK(table.silencing(labels, noon + Milliseconds(1min)) != nullptr);
    CHECK(table.silencing(labels, noon + Milliseconds(2min - 1ms)) != nullptr);
    CHECK(table.silencing(labels, noon + Milliseconds(2min)) == nullptr);
    CHECK(table.silencing({{"job", "b"}}, noon + Milliseconds(1min)) == nullptr);
}

TEST_CASE("a silence that makes no sense is refused with the reason", "[notify]") {
    struct Row {
        const char* matchers;
        Milliseconds from, to;
        const char* error;
    };
    const auto row = GENERATE(values<Row>({
        {"", 2s, 1s, "Failed to create silence: start time must be before end time"},
        {"", 0s, 1s, "invalid silence: at least one matcher required"},
        {R"(job=~".*")", 0s, 1s,
         "invalid silence: matcher set 0: at least one matcher must not match the empty string"},
        {"job=a", 1s, 1s, "Failed to create silence: start time must be before end time"},
        {"job=a", -2s, -1s, "Failed to create silence: end time can't be in the past"},
        {"job=a", 1s, 2h,
         "Failed to create silence: it would last 1h59m59s, and `notify.silence_longest` is 1h"},
    }));
    SilenceTable table;
    const auto put = table.set(silence(row.matchers, row.from, row.to), "s", 1h, noon);
    REQUIRE_FALSE(put);
    CHECK(put.error().message == row.error);
}

TEST_CASE("an expired silence ends now, once", "[notify]") {
    SilenceTable table;
    REQUIRE(table.set(silence("job=a", 0s, 1h), "s", 0ms, noon));
    REQUIRE(table.expire("s", noon + Milliseconds(1min)));
    CHECK(table.silencing({{"job", "a"}}, noon + Milliseconds(1min)) == nullptr);
    CHECK(table.expire("s", noon + Milliseconds(2min))->ends == noon + Milliseconds(1min));
    CHECK(table.expire("t", noon).error().message == "there is no silence `t`");
}

TEST_CASE("a silence is changed in place or replaced, as Alertmanager does it", "[notify]") {
    struct Row {
        const char* what;
        const char* matchers;
        Milliseconds from, to;
        const char* id;    ///< of the silence that stands afterwards
        bool old_is_over;  ///< the first one was ended
    };
    const Milliseconds began = GENERATE(Milliseconds(-1min), Milliseconds(10min));
    const bool active = began < 0min;
    const auto row = GENERATE_COPY(values<Row>({
        {"another end", "job=a", began, 2h, "first", false},
        {"the same second", "job=a", began + 300ms, 2h, "first", false},
        {"another matcher", "job=b", began, 2h, "second", true},
        {"another start", "job=a", began + 1min, 2h, active ? "second" : "first", active},
    }));
    CAPTURE(row.what, active);
    SilenceTable table;
    Silence first = silence("job=a", began, 1h);
    first.id = "first";
    table.restore(first);
    Silence changed = silence(row.matchers, row.from, row.to);
    changed.id = "first";
    const auto change = table.set(changed, "second", 0ms, noon);
    REQUIRE(change);
    CHECK(change->now.id == row.id);
    CHECK(change->now.ends == noon + Milliseconds(2h));
    CHECK((table.all().at("first").state(noon) == Silence::State::Expired) == row.old_is_over);
    CHECK(change->ended.has_value() == row.old_is_over);
    changed.id = "third";
    CHECK(table.set(changed, "x", 0ms, noon).error().message == "silence not found");
}

TEST_CASE("a recurring silence holds at its times only", "[notify]") {
    Silence nightly = silence("job=a", 0s, 72h);
    nightly.recurring = R"([{"times":[{"start_time":"22:00","end_time":"23:00"}]}])";
    REQUIRE(read_times(nightly));
    SilenceTable table;
    REQUIRE(table.set(nightly, "s", 0ms, noon));
    // `noon` is 14:13 on 21 September 2026.
    CHECK(table.silencing({{"job", "a"}}, noon) == nullptr);
    CHECK(table.silencing({{"job", "a"}}, noon + Milliseconds(8h)) != nullptr);
    CHECK(table.silencing({{"job", "a"}}, noon + Milliseconds(32h)) != nullptr);
    CHECK(table.silencing({{"job", "a"}}, noon + Milliseconds(9h)) == nullptr);
    nightly.recurring = R"([{"times":[{"start_time":"22:00","end_time":"21:00"}]}])";
    CHECK(read_times(nightly).error().message ==
          "invalid silence: recurring: start time cannot be equal or greater than end time");
}

TEST_CASE("an inhibit rule mutes targets with equal labels while a source fires", "[notify]") {
    const std::vector<InhibitRule> rules = {
        {"", *parse_matchers("severity=critical"), *parse_matchers(R"(severity=~"warning|critical")"), {"job"}}};
    Inhibitor inhibitor(rules);
    const auto alert = [](const char* job, const char* severity, AlertState state) {
        Alert out;
        out.labels = {{"job", job}, {"severity", severity}};
        out.id = {fingerprint(out.labels), noon};
        out.state = state;
        return out;
    };
    inhibitor.note(alert("a", "critical", AlertState::Firing));
    CHECK(inhibitor.inhibiting({{"job", "a"}, {"severity", "warning"}}).rule == &rules[0]);
    CHECK(inhibitor.inhibiting({{"job", "b"}, {"severity", "warning"}}).rule == nullptr);
    // Source and target of the same rule: it does not mute itself.
    CHECK(inhibitor.inhibiting({{"job", "a"}, {"severity", "critical"}}).rule == nullptr);
    inhibitor.note(alert("a", "critical", AlertState::Resolved));
    CHECK(inhibitor.inhibiting({{"job", "a"}, {"severity", "warning"}}).rule == nullptr);
}
