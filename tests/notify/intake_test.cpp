#include "notify/routing/intake.h"

#include <catch2/catch.hpp>

using namespace vedette;
using namespace std::chrono_literals;
using namespace vedette::notify;

namespace {

constexpr Timestamp noon{1'790'000'000'000};
constexpr Milliseconds timeout = 5min;

PostedAlert posted(std::optional<Milliseconds> starts, std::optional<Milliseconds> ends) {
    PostedAlert out;
    out.labels = {{"alertname", "Down"}};
    if (starts) out.starts = noon + *starts;
    if (ends) out.ends = noon + *ends;
    return out;
}

std::vector<Entry> take(Intake& intake, const PostedAlert& one, Timestamp now) {
    return intake.take({&one, 1}, timeout, now);
}

const Alert& alert_of(const std::vector<Entry>& entries) {
    return *std::get<AlertEntry>(entries.at(0)).alert;
}

}  // namespace

TEST_CASE("what a sender leaves out of an alert's times is filled in as Alertmanager does", "[notify][intake]") {
    struct Row {
        const char* what;
        std::optional<Milliseconds> starts, ends;
        Milliseconds started, ended;
        const char* state;
    };
    const auto row = GENERATE(values<Row>({
        {"neither", std::nullopt, std::nullopt, 0min, timeout, "firing"},
        {"no end", -10min, std::nullopt, -10min, timeout, "firing"},
        {"both", -10min, 3min, -10min, 3min, "firing"},
        {"an end that was", -10min, -3min, -10min, -3min, "resolved"},
        {"only an end that was", std::nullopt, -3min, -3min, -3min, "resolved"},
        {"only an end to come", std::nullopt, 3min, 0min, 3min, "firing"},
    }));
    CAPTURE(row.what);
    Intake intake;
    const auto entries = take(intake, posted(row.starts, row.ends), noon);
    const auto& entry = std::get<AlertEntry>(entries.at(0));
    CHECK(to_string(entry.alert->state) == row.state);
    REQUIRE(entry.posted);
    CHECK(entry.posted->starts == noon + row.started);
    CHECK(entry.posted->ends == noon + row.ended);
    CHECK(entry.posted->by_timeout == !row.ends);
}

TEST_CASE("an alert that is sent no more ends by itself, once", "[notify][intake]") {
    Intake intake;
    take(intake, posted(-1min, std::nullopt), noon);
    CHECK(intake.next_due() == noon + timeout);
    CHECK(intake.due(noon + timeout - 1ms).empty());
    const auto resent = take(intake, posted(-1min, std::nullopt), noon + Milliseconds(1min));
    CHECK(std::holds_alternative<ResentEntry>(resent.at(0)));
    CHECK(intake.due(noon + timeout).empty());
    const auto ended = intake.due(noon + timeout + Milliseconds(1min));
    REQUIRE(ended.size() == 1);
    CHECK(ended[0]->state == AlertState::Resolved);
    CHECK(ended[0]->resolved_at == noon + timeout + Milliseconds(1min));
    CHECK(ended[0]->reason == "its sender stopped sending it");
    CHECK(intake.size() == 0);
    CHECK_FALSE(intake.next_due());
}

TEST_CASE("an alert keeps its name and its earliest start while it fires", "[notify][intake]") {
    Intake intake;
    const AlertId id = alert_of(take(intake, posted(0min, 10min), noon)).id;
    take(intake, posted(1min, 8min), noon + Milliseconds(2min));
    const auto* standing = intake.find(id.fingerprint);
    REQUIRE(standing != nullptr);
    CHECK(standing->ends == noon + Milliseconds(10min));
    const auto earlier = take(intake, posted(-5min, 9min), noon + Milliseconds(3min));
    CHECK(alert_of(earlier).id == id);
    CHECK(alert_of(earlier).fired_at == noon - Milliseconds(5min));
    // A named end that is later stays; a time-out does not count against one.
    CHECK(intake.find(id.fingerprint)->ends == noon + Milliseconds(10min));
    const Alert over = alert_of(take(intake, posted(-5min, 4min), noon + Milliseconds(4min)));
    CHECK(over.id == id);
    CHECK(over.state == AlertState::Resolved);
    CHECK(intake.due(noon + Milliseconds(4min)).empty());
    CHECK(intake.size() == 0);
}
