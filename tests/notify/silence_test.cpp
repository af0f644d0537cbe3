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
    out.id = "s";
    out.matchers = *parse_matchers(matchers);
    out.starts = noon + from;
    out.ends = noon + to;
    return out;
}

}  // namespace

TEST_CASE("a silence holds from its start until just before its end", "[notify]") {
    SilenceTable table;
    REQUIRE(table.put(silence("job=a", 1min, 2min), noon));
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
        {"", 0s, 1s, "a silence needs at least one matcher"},
        {R"(job=~".*")", 0s, 1s,
         "at least one matcher must not match the empty value, or all alerts would be silenced"},
        {"job=a", 1s, 1s, "a silence must end after it starts"},
        {"job=a", -2s, -1s, "a silence cannot end in the past"},
    }));
    SilenceTable table;
    const auto put = table.put(silence(row.matchers, row.from, row.to), noon);
    REQUIRE_FALSE(put);
    CHECK(put.error().message == row.error);
}

TEST_CASE("an expired silence ends now, once", "[notify]") {
    SilenceTable table;
    REQUIRE(table.put(silence("job=a", 0s, 1h), noon));
    REQUIRE(table.expire("s", noon + Milliseconds(1min)));
    CHECK(table.silencing({{"job", "a"}}, noon + Milliseconds(1min)) == nullptr);
    CHECK(table.expire("s", noon + Milliseconds(2min)).error().message == "silence `s` is over already");
    CHECK(table.expire("t", noon).error().message == "there is no silence `t`");
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
