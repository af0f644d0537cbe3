#include "notify/dispatcher.h"

#include <catch2/catch.hpp>

#include "core/limits.h"
#include "tests/notify/desk.h"

using namespace vedette;
using namespace vedette::notify;
using Lines = std::vector<std::string>;

namespace {

Outcome failure(int status, std::optional<Milliseconds> retry_after = {}) {
    Outcome out;
    out.status = status;
    out.retry = status == 0 || status == 429 || status >= 500;
    out.retry_after = retry_after;
    out.error = status == 0 ? "connection refused" : fmt::format("HTTP {}", status);
    return out;
}

template <typename Kind>
std::vector<Kind> of_kind(const std::vector<Entry>& entries) {
    std::vector<Kind> out;
    for (const Entry& one : entries)
        if (const auto* found = std::get_if<Kind>(&one)) out.push_back(*found);
    return out;
}

}  // namespace

TEST_CASE("a group waits for company, then speaks at its interval and repeats", "[notify]") {
    Desk desk(one_route());
    desk.fire("a");
    desk.wind(20s);
    desk.fire("b");
    desk.wind(10s);
    CHECK(desk.take_said() == Lines{"30s team 1 first notification: a b"});
    desk.fire("c");
    desk.wind(5min);
    CHECK(desk.take_said() == Lines{"5m30s team 1 new alerts added: a b c"});
    desk.resolve("a");
    desk.wind(5min);
    CHECK(desk.take_said() == Lines{"10m30s team 1 some alerts resolved: b c|a"});
    desk.wind(4h);
    CHECK(desk.take_said() == Lines{});
    desk.wind(5min);
    CHECK(desk.take_said() == Lines{"4h15m30s team 1 repeat interval elapsed: b c"});
    desk.resolve("b");
    desk.resolve("c");
    desk.wind(5min);
    CHECK(desk.take_said() == Lines{"4h20m30s team 1 all alerts resolved: |b c"});
    desk.wind(24h);
    CHECK(desk.take_said() == Lines{});
    CHECK_FALSE(desk.dispatcher.next_due());
}

TEST_CASE("no wait means at once", "[notify]") {
    Settings settings = one_route();
    settings.route.group_wait = 0s;
    Desk desk(settings);
    desk.fire("a");
    CHECK(desk.take_said() == Lines{"0s team 1 first notification: a"});
}

TEST_CASE("what came and went inside the wait is not told", "[notify]") {
    Desk desk(one_route());
    desk.fire("a");
    desk.wind(10s);
    desk.resolve("a");
    desk.wind(1h);
    CHECK(desk.take_said() == Lines{});
    CHECK_FALSE(desk.dispatcher.next_due());
    const auto decisions = of_kind<DecisionEntry>(desk.entries);
    REQUIRE(decisions.size() == 1);
    CHECK(decisions[0].reason == Reason::NothingFiring);
}

TEST_CASE("a receiver that wants no resolves hears of none", "[notify]") {
    Settings settings = one_route();
    settings.receivers[0].integrations[0].send_resolved = false;
    Desk desk(settings);
    desk.fire("a");
    desk.fire("b");
    desk.wind(1min);
    desk.resolve("a");
    desk.wind(10min);
    desk.resolve("b");
    desk.wind(10min);
    CHECK(desk.take_said() == Lines{"30s team 1 first notification: a b"});
    desk.fire("b");
    desk.wind(30s);
    CHECK(desk.take_said() == Lines{"21m30s team 1 new alerts added: b"});
}

TEST_CASE("a failed attempt is made again, later and later, and merges with what is new", "[notify]") {
    Desk desk(one_route());
    desk.answers = {failure(500), failure(0), failure(503)};
    desk.fire("a");
    desk.wind(31s);
    CHECK(desk.take_said() == Lines{"30s team 1 first notification: a", "31s team 2 first notification: a"});
    desk.wind(10s);
    CHECK(desk.take_said() == Lines{"33s team 3 first notification: a", "37s team 4 first notification: a"});

    desk.answers = {failure(429, 7min)};
    desk.fire("b");
    desk.wind(5min);
    CHECK(desk.take_said() == Lines{"5m30s team 1 new alerts added: a b"});
    desk.fire("c");
    desk.resolve("a");
    desk.wind(6min);
    CHECK(desk.take_said() == Lines{});  // the service asked for seven minutes
    desk.wind(1min);
    CHECK(desk.take_said() == Lines{"12m30s team 2 new alerts added: b c|a"});
}

TEST_CASE("a page that was decided on arrives although its alert is over by then", "[notify]") {
    Settings settings = one_route();
    settings.receivers[0].integrations[0].send_resolved = GENERATE(true, false);
    CAPTURE(settings.receivers[0].integrations[0].send_resolved);
    Desk desk(settings);
    desk.answers = {failure(429, 10min)};
    desk.fire("a");
    desk.wind(1min);
    desk.resolve("a");
    desk.take_said();
    desk.wind(10min);
    if (settings.receivers[0].integrations[0].send_resolved)
        CHECK(desk.take_said() == Lines{"10m30s team 2 first notification: |a"});
    else
        CHECK(desk.take_said() == Lines{"10m30s team 2 first notification: a"});
    desk.wind(5h);
    CHECK(desk.take_said() == Lines{});
}

TEST_CASE("a page that was decided on arrives although its alert was over before a restart", "[notify]") {
    struct Row { const char* what; bool send_resolved; const char* said; };
    const auto row = GENERATE(values<Row>({
        {"who hears of ends hears of this one",             true,  "0s team 1 first notification: |a"},
        {"who does not still hears the news as it was bad", false, "0s team 1 first notification: a"},
    }));
    CAPTURE(row.what);
    Settings settings = one_route();
    settings.receivers[0].integrations[0].send_resolved = row.send_resolved;
    Desk desk(settings);
    Memory memory;
    Alert alert = make_alert("a", AlertState::Resolved, desk.clock.now() - 2min);
    alert.resolved_at = desk.clock.now() - 1min;
    memory.alerts = {alert};
    AttemptEntry promised;
    promised.id = memory.last_attempt_id = 7;
    promised.key = {R"({}:{alertname="Down"})", "team", 0};
    promised.number = 1;
    promised.reason = Reason::FirstNotification;
    promised.alerts = {alert.id};
    promised.planned = desk.clock.now() - 90s;
    memory.unfinished = {promised};
    desk.dispatcher.restore(memory, desk.now());
    desk.turn();
    desk.wind(5h);
    CHECK(desk.take_said() == Lines{row.said});
}

TEST_CASE("a refused message is offered again at the group's next turn, not before", "[notify]") {
    Desk desk(one_route());
    desk.answers = {failure(404), failure(404)};
    desk.fire("a");
    desk.wind(10min + 30s);
    CHECK(desk.take_said() == Lines{"30s team 1 first notification: a", "5m30s team 2 first notification: a",
                                    "10m30s team 3 first notification: a"});
    const auto ends = of_kind<AttemptEndEntry>(desk.entries);
    REQUIRE(ends.size() == 3);
    CHECK(ends[0].outcome == Reason::Refused);
    CHECK(ends[0].status == 404);
    CHECK(ends[2].outcome == Reason::Sent);
}

TEST_CASE("what cannot arrive for a day is given up, and said so", "[notify]") {
    Desk desk(one_route());
    for (int i = 0; i < 400; ++i) desk.answers.push_back(failure(0));
    desk.fire("a");
    desk.resolve("a");
    desk.fire("b");
    desk.wind(25h);
    const auto ends = of_kind<AttemptEndEntry>(desk.entries);
    CHECK(std::ranges::count(ends, Reason::GivenUp, &AttemptEndEntry::outcome) == 1);
}

TEST_CASE("while an attempt is in flight no other begins, and the rest follows at once", "[notify]") {
    Desk desk(one_route());
    desk.hold = true;
    desk.fire("a");
    desk.wind(30s);
    desk.fire("b");
    desk.wind(5min);
    CHECK(desk.take_said() == Lines{"30s team 1 first notification: a"});
    desk.finish(desk.held[0], {.sent = true});
    desk.turn();
    CHECK(desk.take_said() == Lines{"5m30s team 1 new alerts added: a b"});
}

TEST_CASE("no more attempts are in flight than the limit, and all get their turn", "[notify]") {
    Settings settings = one_route();
    settings.route.group_by = {"instance"};
    settings.route.group_wait = 0s;
    Desk desk(settings);
    desk.hold = true;
    const std::size_t alerts = 3 * limits::notify_in_flight_max;
    for (std::size_t i = 0; i < alerts; ++i) desk.fire(fmt::format("i{}", i));
    CHECK(desk.held.size() == limits::notify_in_flight_max);
    for (std::size_t i = 0; i < alerts; ++i) {
        REQUIRE(i < desk.held.size());
        desk.finish(desk.held[i], {.sent = true});
        desk.turn();
    }
    CHECK(desk.said.size() == alerts);
    CHECK(desk.dispatcher.snapshot(desk.now()).owed == 0);
}

TEST_CASE("silenced and inhibited alerts are not told while that holds", "[notify]") {
    Settings settings = one_route();
    settings.inhibit_rules.push_back({"", *parse_matchers("severity=critical"),
                                      *parse_matchers("severity=warning"), {"job"}});
    Desk desk(settings);
    desk.fire("a");
    desk.fire("w", "warning");
    desk.wind(30s);
    CHECK(desk.take_said() == Lines{"30s team 1 first notification: a"});
    Silence silence;
    silence.matchers = *parse_matchers("instance=b");
    silence.starts = desk.clock.now();
    silence.ends = desk.clock.now() + Milliseconds(20min);
    REQUIRE(desk.dispatcher.put_silence(silence, "s1", "me", desk.now()));
    desk.fire("b");
    desk.wind(15min);
    CHECK(desk.take_said() == Lines{});
    desk.wind(10min);
    CHECK(desk.take_said() == Lines{"20m30s team 1 new alerts added: a b"});
    desk.resolve("a");
    desk.resolve("b");
    desk.wind(5min);
    CHECK(desk.take_said() == Lines{"30m30s team 1 new alerts added: w|a b"});
    std::string why;
    for (const auto& one : of_kind<DecisionEntry>(desk.entries))
        if (!tells(one.reason)) why += fmt::format("{} by {};", to_string(one.reason), one.detail);
    const std::string source = format_fingerprint(desk.last.at("a")->id.fingerprint);
    CHECK(why == fmt::format("inhibited by {};silenced by s1;nothing new by ;nothing new by ;", source));
}

TEST_CASE("a route is quiet in its mute time and speaks at the first flush after it", "[notify]") {
    Settings settings = one_route();
    RouteNode night = settings.route;
    night.key = "{}/{}";
    TimeInterval first;
    const auto minute = [&](Timestamp at) { return static_cast<int>(at.ms / 60'000 % 1440); };
    const Timestamp begin = ManualClock().now();
    first.times.emplace();
    first.times->push_back({minute(begin), minute(begin) + 9});
    const bool active = GENERATE(false, true);
    if (active) first.times->assign({{minute(begin) + 9, 1440}});
    auto named = std::make_shared<const NamedInterval>(NamedInterval{"night", {first}});
    (active ? night.active : night.muted).push_back(named);
    settings.route.routes.push_back(night);
    Desk desk(settings);
    desk.fire("a");
    desk.wind(6min);
    CHECK(desk.take_said().empty());
    desk.wind(6min);
    CHECK(desk.take_said() == std::vector<std::string>{"10m30s team 1 first notification: a"});
    std::string why;
    for (const Entry& entry : desk.entries)
        if (const auto* one = std::get_if<DecisionEntry>(&entry))
            why += fmt::format("{} by {};", to_string(one->reason), one->detail);
    CHECK(why == fmt::format("route is {} by night;first notification by ;",
                             active ? "not within active time" : "within mute time"));
}

TEST_CASE("a silence until resolved ends with the last of its alerts", "[notify]") {
    Desk desk(one_route());
    desk.fire("a");
    desk.fire("b");
    Silence silence;
    silence.matchers = *parse_matchers("job=checkout");
    silence.starts = desk.clock.now();
    silence.ends = desk.clock.now() + Milliseconds(24h);
    silence.until_resolved = true;
    REQUIRE(desk.dispatcher.put_silence(silence, "s1", "me", desk.now()));
    desk.wind(10min);
    desk.resolve("a");
    const auto state = [&] {
        return to_string(desk.dispatcher.silences().all().at("s1").state(desk.clock.now()));
    };
    CHECK(state() == "active");
    desk.resolve("b");
    CHECK(state() == "expired");
    desk.wind(10min);
    desk.fire("a");
    CHECK(desk.take_said().empty());
    desk.wind(30s);
    CHECK(desk.take_said() == std::vector<std::string>{"20m30s team 1 first notification: a"});
}

TEST_CASE("an owed message is dropped when all its alerts are silenced meanwhile", "[notify]") {
    Desk desk(one_route());
    desk.answers = {failure(429, 10min)};
    desk.fire("a");
    desk.wind(1min);
    Silence silence;
    silence.matchers = *parse_matchers("job=checkout");
    silence.starts = desk.clock.now();
    silence.ends = desk.clock.now() + Milliseconds(1h);
    REQUIRE(desk.dispatcher.put_silence(silence, "s1", "me", desk.now()));
    desk.take_said();
    desk.wind(30min);
    CHECK(desk.take_said() == Lines{});
    desk.wind(1h);
    CHECK(desk.take_said() == Lines{"1h5m30s team 1 first notification: a"});
}

TEST_CASE("an alert takes the deepest routes that match, and on where one says continue", "[notify]") {
    const auto route = [](const char* receiver, const char* matchers, bool on) {
        RouteNode out;
        out.receiver = receiver;
        out.matchers = *parse_matchers(matchers);
        out.continue_to_next = on;
        return out;
    };
    RouteNode root = route("root", "", false);
    RouteNode team = route("team", "job=checkout", true);
    team.routes = {route("pager", "severity=critical", true), route("chat", R"(severity=~".+")", false)};
    root.routes = {team, route("all", "", false), route("never", "", false)};
    const auto taken = [&](const Labels& labels) {
        std::string out;
        for (const RouteNode* one : match_routes(root, labels)) out += one->receiver + " ";
        return out;
    };
    CHECK(taken({{"job", "checkout"}, {"severity", "critical"}}) == "pager chat all ");
    CHECK(taken({{"job", "checkout"}, {"severity", "info"}}) == "chat all ");
    CHECK(taken({{"job", "checkout"}}) == "team all ");
    CHECK(taken({}) == "all ");
    root.routes.clear();
    CHECK(taken({}) == "root ");
}

TEST_CASE("a reload keeps what was told, what is owed and what is in flight", "[notify]") {
    Settings settings = one_route();
    Desk desk(settings);
    desk.fire("a");
    desk.wind(1min);
    desk.take_said();
    settings.route.group_interval = 1min;
    desk.dispatcher.reload(std::make_shared<const Settings>(settings), desk.now());
    desk.wind(30min);
    CHECK(desk.take_said() == Lines{});
    desk.answers = {failure(429, 10min)};
    desk.resolve("a");
    desk.wind(1min);
    CHECK(desk.take_said() == Lines{"31m30s team 1 all alerts resolved: |a"});
    desk.dispatcher.reload(std::make_shared<const Settings>(settings), desk.now());
    desk.wind(10min);
    CHECK(desk.take_said() == Lines{"41m30s team 2 all alerts resolved: |a"});
    desk.hold = true;
    desk.fire("b");
    desk.wind(30s);
    REQUIRE(desk.held.size() == 1);
    desk.dispatcher.reload(std::make_shared<const Settings>(settings), desk.now());
    desk.finish(desk.held[0], {.sent = true});
    desk.take_said();
    desk.wind(1h);
    CHECK(desk.take_said() == Lines{});
}

TEST_CASE("an alert that resolved and was told is not said again when rules repeat it", "[notify]") {
    Desk desk(one_route());
    desk.fire("a");
    desk.fire("b");
    desk.wind(1min);
    desk.resolve("a");
    desk.wind(5min);
    desk.take_said();
    desk.give(*desk.last.at("a"));
    desk.fire("c");
    desk.wind(10min);
    CHECK(desk.take_said() == Lines{"10m30s team 1 new alerts added: b c"});
}

TEST_CASE("an old alert does not wait for company again", "[notify]") {
    Desk desk(one_route());
    Alert alert = make_alert("a", AlertState::Firing, desk.clock.now() - Milliseconds(1h));
    desk.give(alert);
    CHECK(desk.take_said() == Lines{"0s team 1 first notification: a"});
}

TEST_CASE("a person can read where each alert stands", "[notify]") {
    Desk desk(one_route());
    const auto text = [&] {
        const Snapshot snapshot = desk.dispatcher.snapshot(desk.now());
        return snapshot.alerts.at(0).headline + " / " + snapshot.alerts.at(0).deliveries.at(0).text;
    };
    desk.answers = {failure(429, 10s)};
    desk.fire("a");
    CHECK(text() == "CRITICAL checkout down · 0 ms · connection refused / to hooks.example in 30 s");
    desk.wind(30s);
    CHECK(text() == "CRITICAL checkout down · 30 s · connection refused / retrying in 10 s: HTTP 429");
    desk.wind(13s);
    CHECK(text() == "CRITICAL checkout down · 43 s · connection refused / sent to hooks.example 3 s ago");
}

TEST_CASE("a receiver with a rate is told that often, and what waits merges", "[notify][dispatcher]") {
    Settings settings = one_route();
    settings.route.group_wait = 0s;
    settings.route.group_interval = 1min;
    settings.receivers[0].integrations[0].rate = {2, 10min};
    Desk desk(settings);
    desk.fire("a");
    desk.wind(1min);
    desk.fire("b");
    desk.wind(1min);
    desk.fire("c");
    desk.wind(1min);
    desk.fire("d");
    desk.wind(20min);
    CHECK(desk.take_said() == std::vector<std::string>{"0s team 1 first notification: a",
                                                       "2m team 1 new alerts added: a b",
                                                       "10m team 1 new alerts added: a b c d"});
}

TEST_CASE("a receiver that wants ends only hears nothing while it fires", "[notify][dispatcher]") {
    Settings settings = one_route();
    settings.route.group_wait = 0s;
    settings.route.group_interval = 1min;
    settings.receivers[0].integrations[0].send_firing = false;
    Desk desk(settings);
    desk.fire("a");
    desk.wind(5min);
    CHECK(desk.take_said().empty());
    desk.resolve("a");
    desk.wind(5min);
    const auto said = desk.take_said();
    REQUIRE(said.size() == 1);
    CHECK(said[0].ends_with("all alerts resolved: |a"));
}

TEST_CASE("where a message was put is remembered while it fires, and after a restart", "[notify][dispatcher]") {
    Settings settings = one_route();
    settings.route.group_wait = 0s;
    settings.route.group_interval = 1min;
    Desk desk(settings);
    desk.hold = true;
    const auto place = [&](const std::string& where) {
        REQUIRE(desk.held.size() == 1);
        const std::string remembered = desk.held[0].message->remembered;
        desk.finish(desk.held[0], {.sent = true, .status = 200, .remember = where});
        desk.held.clear();
        desk.turn();
        return remembered;
    };
    desk.fire("a");
    CHECK(place("first") == "");
    desk.fire("b");
    desk.wind(2min);
    CHECK(place("second") == "first");
    const auto told = std::get<ToldEntry>(*std::ranges::find_if(
        desk.entries.rbegin(), desk.entries.rend(), [](const Entry& e) { return std::holds_alternative<ToldEntry>(e); }));
    CHECK(told.remember == "second");
    desk.resolve("a");
    desk.resolve("b");
    desk.wind(2min);
    CHECK(place("third") == "second");
    desk.fire("a");
    desk.wind(2min);
    // Another incident: nothing to edit.
    CHECK(place("fourth") == "");
}
