#include <catch2/catch.hpp>

#include "tests/rules/store_world.h"

using namespace vedette;
using namespace vedette::rules;
using namespace std::chrono_literals;

namespace {

const Labels up{{"__name__", "up"}};

constexpr const char* down = R"(
groups:
- name: quick
  evaluate: on_arrival
  interval: 1m
  rules:
  - {record: seen, expr: up}
  - {alert: Down, expr: seen == 0}
- name: slow
  interval: 1m
  rules:
  - {record: slowly, expr: up}
)";

std::uint64_t iterations(const StoreWorld& world, std::size_t group) {
    return world.manager->status()[group].iterations;
}

/// A minute has passed for both groups, and 10 s more.
void settle(StoreWorld& world) {
    world.write(up, 1);
    world.start(down);
    for (int i = 0; i < 7; ++i) {
        world.clock.wind(10s);
        world.evaluate();
    }
}

}  // namespace

TEST_CASE("a batch is evaluated at once, rules in order, by the wall clock",
          "[rules][on_arrival]") {
    StoreWorld world;
    settle(world);
    const auto before = iterations(world, 0), slow_before = iterations(world, 1);
    world.clock.wind(1234ms);
    world.write(up, 0);
    world.manager->arrived();
    world.evaluate();
    CHECK(iterations(world, 0) == before + 1);
    CHECK(iterations(world, 1) == slow_before);
    CHECK(world.written("seen", world.clock.now()) == "0s=0");  // and the alert saw it
    CHECK(world.heard() == "Down firing");
    CHECK(world.manager->status()[0].last_evaluation == world.clock.now());
}

TEST_CASE("without a batch only the clock evaluates", "[rules][on_arrival]") {
    StoreWorld world;
    settle(world);
    const auto before = iterations(world, 0);
    world.clock.wind(200ms);
    world.evaluate();
    CHECK(iterations(world, 0) == before);
}

TEST_CASE("batches that come together are one evaluation, and at most one in 100 ms",
          "[rules][on_arrival]") {
    StoreWorld world;
    settle(world);
    const auto before = iterations(world, 0);
    for (int i = 0; i < 5; ++i) world.manager->arrived();
    world.evaluate();
    CHECK(iterations(world, 0) == before + 1);
    world.clock.wind(99ms);
    world.manager->arrived();
    world.evaluate();
    CHECK(iterations(world, 0) == before + 1);
    world.clock.wind(1ms);
    world.evaluate();  // what came meanwhile is not forgotten
    CHECK(iterations(world, 0) == before + 2);
    world.clock.wind(1s);
    world.evaluate();
    CHECK(iterations(world, 0) == before + 2);
}

TEST_CASE("the clock goes on beside arrivals, and never goes back behind one",
          "[rules][on_arrival]") {
    StoreWorld world;
    settle(world);
    // An absence has no arrival: an alert on stale readings still comes, and goes, by the clock.
    const auto before = iterations(world, 0);
    for (int i = 0; i < 12; ++i) {
        world.clock.wind(10s);
        world.evaluate();
    }
    CHECK(iterations(world, 0) == before + 2);
    // A batch comes first, and what was due meanwhile was evaluated with it.
    world.clock.wind(59s);
    world.manager->arrived();
    world.evaluate();
    const auto after = world.manager->status()[0];
    for (const RuleStatus& rule : after.rules) CHECK(rule.last_error == "");
    for (int i = 0; i < 200; ++i) {
        world.clock.wind(777ms);
        world.write(up, i % 3);
        world.manager->arrived();
        world.evaluate();
        const std::vector<GroupStatus> groups = world.manager->status();
        for (const RuleStatus& rule : groups[0].rules)
            REQUIRE(rule.last_error == "");  // no sample out of order
    }
}

TEST_CASE("groups say at /metrics what Prometheus's say, under its names", "[rules][on_arrival]") {
    StoreWorld world;
    settle(world);
    world.clock.wind(10min);
    world.evaluate();
    std::map<std::string, double> said;
    for (const MetricFamily& family : world.manager->families())
        for (const auto& point : family.points)
            if (point.labels.get("rule_group") == "rules.yml;slow") said[family.name] = point.value;
    CHECK(said["prometheus_rule_group_iterations_missed_total"] >= 8);
    CHECK(said["prometheus_rule_group_iterations_total"] ==
          said["prometheus_rule_group_iterations_missed_total"] + 2);
    CHECK(said["prometheus_rule_evaluations_total"] == 2);
    CHECK(said["prometheus_rule_evaluation_failures_total"] == 0);
    CHECK(said["prometheus_rule_group_rules"] == 1);
    CHECK(said["prometheus_rule_group_interval_seconds"] == 60);
    CHECK(said.size() == 9);
}

TEST_CASE("a rule that selects nothing says so after five minutes, and no more when it does",
          "[rules][on_arrival]") {
    StoreWorld world;
    world.start("groups:\n- name: g\n  rules:\n  - {alert: Down, expr: upp == 0}\n");
    const auto pass = [&](int minutes) {
        for (int i = 0; i < minutes; ++i) {
            world.write(up, 1);
            world.clock.wind(1min);
            world.evaluate();
        }
        return world.manager->status()[0].rules[0];
    };
    CHECK(pass(3).unmatched == "");
    CHECK(pass(4).unmatched == "no series is named \"upp\"; did you mean \"up\"?");
    CHECK(pass(1).series == 0);
    world.write(Labels{{"__name__", "upp"}}, 1);
    const RuleStatus found = pass(1);
    CHECK(found.unmatched == "");
    CHECK(found.series == 1);
    CHECK(found.samples == 1);
}
