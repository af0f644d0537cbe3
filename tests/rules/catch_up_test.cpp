#include <catch2/catch.hpp>

#include "tests/rules/store_world.h"

using namespace vedette;
using namespace vedette::rules;
using namespace std::chrono_literals;

namespace {

const Labels up{{"__name__", "up"}};

std::string rules_with(const std::string& group_keys, const std::string& hold = "0s") {
    return "groups:\n- name: g\n  interval: 1m\n" + group_keys +
           "  rules:\n  - {record: seen, expr: up}\n  - {alert: Down, expr: up == 0, for: " + hold +
           "}\n";
}

/// Two minutes of life, so many minutes down while `values` came (as by remote write), and up
/// again.
void outage(StoreWorld& world, const std::string& rules, const std::vector<double>& values,
            double before = 1) {
    world.start(rules);
    for (int i = 0; i < 4; ++i) {
        world.write(up, before);
        world.clock.wind(30s);
        world.evaluate();
    }
    world.stop();
    for (const double value : values) {
        world.write(up, value);
        world.clock.wind(1min);
    }
    world.start(rules);
}

std::size_t count(const std::string& text, char c) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), c));
}

}  // namespace

TEST_CASE("a group that asks for it makes up for the evaluations it was down for",
          "[rules][catch_up]") {
    StoreWorld world;
    const Timestamp begin = world.clock.now();
    outage(world, rules_with("  catch_up: 1h\n"), {1, 2, 3, 4, 5});
    CHECK(count(world.written("seen", begin), '=') == 2);
    world.clock.wind(1min);
    world.evaluate();
    CHECK(count(world.written("seen", begin), '=') == 8);  // one a minute, without a gap
    CHECK(world.written("seen", begin).find("=4") != std::string::npos);
}

TEST_CASE("a group that does not ask goes on with the present", "[rules][catch_up]") {
    StoreWorld world;
    const Timestamp begin = world.clock.now();
    outage(world, rules_with(""), {1, 2, 3, 4, 5});
    world.clock.wind(1min);
    world.evaluate();
    CHECK(count(world.written("seen", begin), '=') == 3);
    CHECK(world.written("vedette_rules_group_evaluated_timestamp_seconds", begin) == "");
}

TEST_CASE("after an outage longer than it asks nothing is made up for", "[rules][catch_up]") {
    StoreWorld world;
    const Timestamp begin = world.clock.now();
    outage(world, rules_with("  catch_up: 3m\n"), {1, 2, 3, 4, 5});
    world.clock.wind(1min);
    world.evaluate();
    CHECK(count(world.written("seen", begin), '=') == 3);
}

TEST_CASE("`for` counts on through evaluations that are made up for", "[rules][catch_up]") {
    StoreWorld world;
    // Down already when the program stopped; half an hour of holding went by unseen.
    outage(world, rules_with("  catch_up: 1h\n", "20m"), std::vector<double>(30, 0.0), 0);
    CHECK(world.heard() == "Down pending");
    world.clock.wind(1min);
    world.evaluate();
    CHECK(world.heard() == "Down firing");
    REQUIRE(world.open.size() == 1);
    const Alert& alert = world.open.begin()->second;
    CHECK(*alert.fired_at - alert.active_at == 20min);
    CHECK(world.clock.now() - *alert.fired_at > 10min);
}

TEST_CASE("an alert that came and went while the program was down is told once, as over",
          "[rules][catch_up]") {
    StoreWorld world;
    outage(world, rules_with("  catch_up: 1h\n"), {1, 0, 0, 1, 1, 1});
    world.clock.wind(1min);
    world.evaluate();
    CHECK(world.heard() == "Down resolved");
    CHECK(world.open.empty());
}

TEST_CASE("keys of a group of ours say where they belong and how much they take",
          "[rules][catch_up]") {
    const auto problems_of = [](const std::string& keys, Dialect dialect) {
        Problems problems;
        (void)read_rules("r.yml", "groups:\n- name: g\n" + keys + "  rules: []\n", problems,
                         dialect);
        return problems.text();
    };
    CHECK(problems_of("  evaluate: on_arrival\n  catch_up: 1h\n", Dialect::Vedette) == "");
    CHECK(problems_of("  evaluate: on_arrival\n", Dialect::Prometheus) ==
          "r.yml:3:13: `evaluate` is a key of Vedette's; expected the file under `vedette_rules`, "
          "not "
          "`rule_files`\n      evaluate: on_arrival\n                ^\n");
    CHECK(problems_of("  catch_up: 1h\n", Dialect::Prometheus) ==
          "r.yml:3:13: `catch_up` is a key of Vedette's; expected the file under `vedette_rules`, "
          "not "
          "`rule_files`\n      catch_up: 1h\n                ^\n");
    CHECK(problems_of("  catch_up: 2d\n", Dialect::Vedette) ==
          "r.yml:3:13: 2d is too long to make up for; expected at most 1d\n"
          "      catch_up: 2d\n                ^\n");
    CHECK(problems_of("  evaluate: on_arrivals\n", Dialect::Vedette).find("on_arrival") !=
          std::string::npos);
}
