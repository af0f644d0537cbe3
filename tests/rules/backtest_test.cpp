#include "rules/testing/backtest.h"

#include <catch2/catch.hpp>

#include "base/log.h"
#include "base/metrics.h"
#include "rules/rule_file.h"
#include "tests/support/memory_source.h"

using namespace vedette;
using namespace vedette::rules;
using namespace vedette::rules::testing;
using namespace std::chrono_literals;

namespace {

/// Minutes of a day in 2026 on a whole hour.
constexpr Timestamp begin{1'790'002'800'000};

std::vector<RuleGroup> read(const std::string& rules) {
    Problems problems;
    auto groups = read_rules("r.yml", "groups:\n" + rules, problems, Dialect::Vedette);
    REQUIRE(problems.text() == "");
    return groups;
}

/// Each firing as `Alert{labels} +minutes..minutes`, to the minute.
std::string told(const std::vector<AlertHistory>& histories) {
    std::string out;
    const auto minute = [](Timestamp at) { return std::to_string((at - begin).count() / 60'000); };
    for (const AlertHistory& history : histories)
        for (const Firing& firing : history.firings) {
            LabelsBuilder labels(firing.labels);
            out += (out.empty() ? "" : "; ") + history.name +
                   to_string(labels.del("alertname").build()) + " " + minute(firing.from) + ".." +
                   (firing.until ? minute(*firing.until) : "");
        }
    return out;
}

std::string walked(const std::string& rules, MemorySource& source, Milliseconds length = 1h) {
    BacktestSettings settings;
    settings.window = {begin, begin + length};
    auto histories = backtest(read(rules), source, settings);
    REQUIRE(histories);
    return told(*histories);
}

}  // namespace

TEST_CASE("an alert would have fired when its condition had held for long enough",
          "[rules][backtest]") {
    MemorySource source;
    // Minutes 10 to 19 are down, and 40.
    source.load("up{job=\"a\"} 1x9 0x9 1x19 0 1x40", begin);
    CHECK(walked("- name: g\n  rules:\n  - {alert: Down, expr: up == 0, for: 3m}\n", source) ==
          "Down{job=\"a\"} 13..20");
    CHECK(walked("- name: g\n  rules:\n  - {alert: Down, expr: up == 0}\n", source) ==
          "Down{job=\"a\"} 10..20; Down{job=\"a\"} 40..41");
    CHECK(walked("- name: g\n  rules:\n  - {alert: Down, expr: up == 0, keep_firing_for: 30m}\n",
                 source) == "Down{job=\"a\"} 10..");
    CHECK(walked("- name: g\n  rules:\n  - {alert: Down, expr: up == 2}\n", source) == "");
}

TEST_CASE("what one rule records the next one sees, whatever history has under that name",
          "[rules][backtest]") {
    MemorySource source;
    source.load("up{job=\"a\"} 1x9 0x9 1x50\nwrong 1x70", begin);
    const std::string rules =
        "- name: g\n  rules:\n  - {record: wrong, expr: up == bool 0}\n"
        "  - {alert: Wrong, expr: sum(wrong) == 1}\n"
        "  - {alert: Known, expr: 'ALERTS{alertname=\"Wrong\"}'}\n";
    CHECK(walked(rules, source).substr(0, 24) == "Wrong{} 10..20; Known{al");
}

TEST_CASE("what already held before the window fires in it at its time", "[rules][backtest]") {
    MemorySource source;
    source.load("up 0x200", begin - 2h);
    CHECK(walked("- name: g\n  rules:\n  - {alert: Down, expr: up == 0, for: 1h}\n", source) ==
          "Down{} 0..");
}

TEST_CASE("a rule that fails says how often and why", "[rules][backtest]") {
    MemorySource source;
    source.load("a{n=\"1\"} 1x9 _x9 1x50\na{n=\"2\"} 1x70\nb 1x70", begin);
    BacktestSettings settings;
    settings.window = {begin, begin + 1h};
    const auto histories = backtest(
        read("- name: g\n  rules:\n  - {alert: Bad, expr: a == on () b}\n"), source, settings);
    REQUIRE(histories);
    REQUIRE(histories->size() == 1);
    CHECK(histories->front().failed > 40);
    CHECK(histories->front().error.find("many-to-one") != std::string::npos);
}

TEST_CASE("evaluating ahead says the same as evaluating time by time", "[rules][backtest]") {
    MemorySource source;
    source.load("load{n=\"1\"} 0+1x30 30-1x30 5x300\nload{n=\"2\"} 3 stale 4x100 _x40 9x200",
                begin);
    // The second asks about a name that may come from a rule, which is why it is asked each time.
    for (const char* expr : {"load > 4", "rate(load[5m]) > 0", "sum(load) > 20", "absent(load > 8)",
                             "topk(1, load) > 6", "vector(scalar(sum(load))) > 3"}) {
        CAPTURE(expr);
        const auto rules = [&](const std::string& more) {
            return "- name: g\n  rules:\n  - {alert: A, expr: '" + std::string(expr) + more +
                   "'}\n";
        };
        CHECK(walked(rules(""), source, 5h) ==
              walked(rules(" unless {__name__=~\"nothing\"}"), source, 5h));
    }
}

TEST_CASE("alerts of one evaluation are one page", "[rules][backtest]") {
    AlertHistory history;
    for (const Timestamp at : {begin, begin, begin, begin + 1h})
        history.firings.push_back({{}, at, {}});
    CHECK(history.pages() == 2);
    CHECK(history.pages_per_week({begin, begin + 24h}) == 14);
    CHECK(history.pages_per_week({begin, begin}) == 0);
}

TEST_CASE("ALERTS says when the rules that ran fired", "[rules][backtest]") {
    MemorySource source;
    source.load(
        "ALERTS{alertname=\"A\", alertstate=\"firing\", job=\"x\"} _x4 1x5 stale _x19 1x2 _x30 "
        "1x3\n"
        "ALERTS{alertname=\"A\", alertstate=\"pending\", job=\"x\"} 1x4\n"
        "ALERTS{alertname=\"B\", alertstate=\"firing\"} _x61 1x3",
        begin);
    const auto histories = as_it_was(source, {begin - 1min, begin + 65min}, 5min);
    REQUIRE(histories);
    CHECK(told(*histories) ==
          "A{job=\"x\"} 4..10; A{job=\"x\"} 30..37; A{job=\"x\"} 63..; B{} 61..");
}
