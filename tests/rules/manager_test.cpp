#include "rules/manager.h"

#include <catch2/catch.hpp>
#include <map>

#include "promql/syntax/parse.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

using namespace vedette;
using namespace vedette::rules;
using namespace std::chrono_literals;

namespace {

/// Keeps what is written, as text: `name{labels} time value`.
class SpySamples final : public SampleSink {
public:
    Result<SeriesRef> series(const Labels& labels) override {
        if (to_string(labels).find("forbidden") != std::string::npos)
            return fail(Fault::Limit, "no more series");
        series_.push_back(labels);
        return SeriesRef{series_.size() - 1};
    }
    std::uint64_t generation() const override { return 1; }
    void metadata(std::string_view, std::string_view, std::string_view, std::string_view) override {
    }
    Result<Appended> append(const Batch& batch) override {
        for (const auto& row : batch.rows) {
            const Labels& labels = series_[row.series.id];
            const double* value = std::get_if<double>(&row.sample.value);
            last[to_string(labels)] = is_stale(row.sample.value) ? "stale"
                                      : value != nullptr         ? format_value(*value)
                                                                 : "a histogram";
            // After a clock was set back the store has forgotten what came later; this one keeps it.
            if (row.sample.at >= newest_) memory.add(labels, row.sample.at, row.sample.value);
            newest_ = std::max(newest_, row.sample.at);
        }
        return Appended{.stored = batch.rows.size(), .first_rejection = {}};
    }

    std::map<std::string, std::string> last;
    MemorySource memory;

private:
    std::vector<Labels> series_;
    Timestamp newest_;
};

/// Keeps every alert it takes, and remembers what is open.
class SpyAlerts final : public AlertSink, public AlertMemory {
public:
    Result<void> take(std::span<const Alert> alerts) override {
        if (refuses) return fail(Fault::Unavailable, "the disk is gone");
        for (const auto& alert : alerts) {
            taken.push_back(alert);
            if (alert.state == AlertState::Resolved)
                open.erase(alert.id);
            else
                open[alert.id] = alert;
        }
        return {};
    }
    Result<std::vector<Alert>> open_alerts() override {
        std::vector<Alert> out;
        for (const auto& entry : open) out.push_back(entry.second);
        return out;
    }
    /// `Down pending, Down firing`, and forgets them.
    std::string heard() {
        std::string out;
        for (const auto& alert : std::exchange(taken, {}))
            out += (out.empty() ? "" : ", ") + std::string(alert.labels.get("alertname")) + " " +
                   std::string(to_string(alert.state));
        return out;
    }

    std::vector<Alert> taken;
    std::map<AlertId, Alert> open;
    bool refuses = false;
};

/// A program around a manager that can be stopped and started again. Every expression gives what
/// `answers` holds for it.
struct World {
    struct Sampled {
        Labels labels;
        double value;
        HistogramRef histogram = {};  ///< instead of the value
    };

    World() : log(LogSettings{.level = LogLevel::Error, .file = "/dev/null"}) { restart(); }

    void restart() {
        manager.reset();
        metrics = std::make_unique<Metrics>();
        manager = std::make_unique<Manager>(Doors{[this](const promql::Expr& expr, Timestamp at,
                                                         std::stop_token) { return ask(expr, at); },
                                                  samples, samples.memory, alerts, alerts, clock,
                                                  log, *metrics});
    }
    Result<QueryResult> ask(const promql::Expr& expr, Timestamp at) {
        asked_at = at;
        const std::string text = promql::print(expr);
        if (text == "broken") return fail(Fault::Timeout, "the query took too long");
        QueryResult result;
        for (const auto& one : answers[text])
            result.series.push_back(
                {one.labels, {{at, one.histogram ? Value(one.histogram) : Value(one.value)}}});
        return result;
    }
    void load(const std::string& rules) {
        Problems problems;
        auto groups = read_rules("rules.yml", rules, problems);
        REQUIRE(problems.text() == "");
        REQUIRE(manager->load(std::move(groups), settings));
    }
    /// Winds the clock to the next whole evaluation.
    void pass(Milliseconds time = 1min) {
        for (Milliseconds left = time; left.count() > 0; left -= 1min) {
            clock.wind(1min);
            manager->evaluate_due(clock.now());
        }
    }

    ManualClock clock;
    Log log;
    std::unique_ptr<Metrics> metrics;
    SpySamples samples;
    SpyAlerts alerts;
    RuleSettings settings{.external_url = "http://watch.example"};
    std::map<std::string, std::vector<World::Sampled>> answers;
    Timestamp asked_at;
    std::unique_ptr<Manager> manager;
};

const std::vector<World::Sampled> shop_down = {
    {Labels{{"__name__", "up"}, {"instance", "shop"}}, 0}};

constexpr const char* down_rule = R"(
groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    for: 2m
    labels: {severity: critical}
    annotations: {summary: '{{ $labels.instance }} is at {{ $value }}'}
)";

}  // namespace

TEST_CASE("an annotation whose template gives nothing is told as empty", "[rules][manager]") {
    World world;
    world.load(
        "groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n"
        "    labels: {gone: '{{ \"\" }}'}\n    annotations: {empty: '', hint: '{{ $labels.hint }}'}\n");
    world.answers["up == 0"] = shop_down;
    world.pass();
    REQUIRE(world.alerts.taken.size() == 1);
    const Alert& alert = world.alerts.taken[0];
    CHECK(alert.annotations == Annotations{{"empty", ""}, {"hint", ""}});
    CHECK_FALSE(alert.labels.has("gone"));
}

TEST_CASE("an alert goes from its rule to the sink with its words", "[rules][manager]") {
    World world;
    world.load(down_rule);
    world.pass();
    CHECK(world.alerts.heard().empty());
    world.answers["up == 0"] = shop_down;
    world.pass();
    CHECK(world.alerts.heard() == "Down pending");
    world.pass(2min);
    REQUIRE(world.alerts.taken.size() == 1);
    const Alert fired = world.alerts.taken[0];
    CHECK(fired.state == AlertState::Firing);
    CHECK(to_string(fired.labels) ==
          "{alertname=\"Down\", instance=\"shop\", severity=\"critical\"}");
    CHECK(fired.annotations.get("summary") == "shop is at 0");
    CHECK(fired.generator_url == "http://watch.example/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
    CHECK(fired.rule == "rules.yml;g;Down");
    CHECK(fired.reason == "the condition held for 2m");
    CHECK(fired.id.since == fired.active_at);
    CHECK(fired.id.fingerprint == fingerprint(fired.labels));
    CHECK(*fired.fired_at == fired.active_at + 2min);
    world.alerts.taken.clear();

    world.pass(2min);
    CHECK(world.alerts.heard() == "Down firing, Down firing");  // told again every minute
    world.answers.clear();
    world.pass();
    REQUIRE(world.alerts.taken.size() == 1);
    CHECK(world.alerts.taken[0].id == fired.id);
    CHECK(world.alerts.heard() == "Down resolved");
    world.pass(15min);
    CHECK(world.alerts.taken.size() ==
          15);  // resolved ones are told again for a quarter of an hour
    world.alerts.taken.clear();
    world.pass(5min);
    CHECK(world.alerts.heard().empty());
}

TEST_CASE("a pending alert that clears leaves nothing open", "[rules][manager]") {
    World world;
    world.load(down_rule);
    world.answers["up == 0"] = shop_down;
    world.pass();
    world.answers.clear();
    world.pass();
    REQUIRE(world.alerts.taken.size() == 2);
    CHECK_FALSE(world.alerts.taken[1].fired_at.has_value());
    CHECK(world.alerts.heard() == "Down pending, Down resolved");
    CHECK(world.alerts.open.empty());
}

TEST_CASE("a wait goes on from where it was when the clock is set", "[rules][manager]") {
    const Milliseconds by = GENERATE(Milliseconds(1h), Milliseconds(-1h), Milliseconds(-24h * 365));
    CAPTURE(by.count());
    World world;
    world.load(down_rule);
    world.answers["up == 0"] = shop_down;
    world.pass();
    REQUIRE(world.alerts.heard() == "Down pending");
    world.clock.step(by);
    world.answers.clear();  // in the new time there are no readings yet
    world.manager->evaluate_due(world.clock.now());
    CHECK(world.alerts.heard().empty());
    world.answers["up == 0"] = shop_down;
    world.pass();
    CHECK(world.alerts.heard().empty());
    world.pass();
    CHECK(world.alerts.heard() == "Down firing");
    CHECK(world.alerts.taken.empty());
}

TEST_CASE("an alert that fires goes on when the clock is set, and is told no more often",
          "[rules][manager]") {
    const Milliseconds by = GENERATE(Milliseconds(1h), Milliseconds(-1h));
    World world;
    world.load(down_rule);
    world.answers["up == 0"] = shop_down;
    world.pass(3min);
    REQUIRE(world.alerts.heard() == "Down pending, Down firing");
    world.clock.step(by);
    world.answers.clear();
    world.manager->evaluate_due(world.clock.now());
    world.answers["up == 0"] = shop_down;
    world.pass(3min);
    CHECK(world.alerts.heard() == "Down firing, Down firing, Down firing");  // once a minute
    world.answers.clear();
    world.pass();
    CHECK(world.alerts.heard() == "Down resolved");
}

TEST_CASE("a transition that was not taken is offered again", "[rules][manager]") {
    World world;
    world.load(down_rule);
    world.answers["up == 0"] = shop_down;
    world.pass(2min);
    world.alerts.heard();
    world.alerts.refuses = true;
    world.pass(2min);  // fires unheard
    world.answers.clear();
    world.pass();  // and resolves unheard
    world.alerts.refuses = false;
    world.pass();
    CHECK(world.alerts.heard() == "Down resolved");
    CHECK(world.alerts.open.empty());
}

TEST_CASE("ALERTS follows an alert and ends with it", "[rules][manager]") {
    World world;
    world.load(down_rule);
    world.answers["up == 0"] = shop_down;
    world.pass();
    const std::string labels = "instance=\"shop\", severity=\"critical\"}";
    const std::string pending = "ALERTS{alertname=\"Down\", alertstate=\"pending\", " + labels;
    const std::string firing = "ALERTS{alertname=\"Down\", alertstate=\"firing\", " + labels;
    const std::string since = "ALERTS_FOR_STATE{alertname=\"Down\", " + labels;
    CHECK(world.samples.last[pending] == "1");
    CHECK(world.samples.last[since] ==
          format_value(static_cast<double>(world.alerts.taken[0].active_at.ms / 1000)));
    world.pass(2min);
    CHECK(world.samples.last[pending] == "stale");
    CHECK(world.samples.last[firing] == "1");
    world.answers.clear();
    world.pass();
    CHECK(world.samples.last[firing] == "stale");
    CHECK(world.samples.last[since] == "stale");
}

TEST_CASE("a recorded series that disappears ends with a stale marker", "[rules][manager]") {
    World world;
    world.load(
        "groups:\n- name: g\n  query_offset: 30s\n  rules:\n  - {record: r, expr: up, labels: {k: "
        "v}}\n");
    world.answers["up"] = {{Labels{{"__name__", "up"}, {"job", "a"}}, 1},
                           {Labels{{"__name__", "up"}, {"job", "b"}}, 2}};
    world.pass();
    CHECK(world.samples.last == std::map<std::string, std::string>{{"r{job=\"a\", k=\"v\"}", "1"},
                                                                   {"r{job=\"b\", k=\"v\"}", "2"}});
    const auto& written = world.samples.memory.series().begin()->second;
    CHECK(written.times.back() == world.asked_at);  // stands where the question looked
    world.answers["up"].pop_back();
    world.pass();
    CHECK(world.samples.last["r{job=\"a\", k=\"v\"}"] == "1");
    CHECK(world.samples.last["r{job=\"b\", k=\"v\"}"] == "stale");
    world.load("groups: []");
    CHECK(world.samples.last["r{job=\"a\", k=\"v\"}"] == "stale");
}

TEST_CASE("a histogram is recorded as it is, and an alert on one shows it", "[rules][manager]") {
    World world;
    world.load(
        "groups:\n- name: g\n  rules:\n  - {record: r, expr: h}\n"
        "  - {alert: Slow, expr: h, annotations: {summary: 'took {{ $value }}'}}\n");
    auto histogram = std::make_shared<Histogram>();
    histogram->count = 3;
    histogram->sum = 5;
    histogram->positive_spans = {{0, 2}};
    histogram->positive_buckets = {1, 2};
    world.answers["h"] = {{Labels{{"__name__", "h"}}, 0, histogram}};
    world.pass();
    const auto& written = world.samples.memory.series().at(Labels{{"__name__", "r"}});
    REQUIRE(written.histograms.size() == 1);
    CHECK(*written.histograms[0] == *histogram);
    REQUIRE(world.alerts.taken.size() == 1);
    CHECK(world.alerts.taken[0].annotations.get("summary") ==
          "took {count:3, sum:5, (0.5,1]:1, (1,2]:2}");
    CHECK(world.alerts.taken[0].value == 0);
}

TEST_CASE("a rule that fails says so and keeps its series", "[rules][manager]") {
    World world;
    world.load(
        "groups:\n- name: g\n  rules:\n  - {record: r, expr: up, labels: {job: one}}\n  - {record: "
        "s, expr: broken}\n");
    world.answers["up"] = {{Labels{{"job", "a"}}, 1}};
    world.pass();
    CHECK(world.manager->status()[0].rules[0].health == RuleStatus::Health::Ok);
    CHECK(world.manager->status()[0].rules[1].health == RuleStatus::Health::Failed);
    CHECK(world.manager->status()[0].rules[1].last_error == "the query took too long");
    world.answers["up"].push_back({Labels{{"job", "b"}}, 1});
    world.pass();
    CHECK(world.manager->status()[0].rules[0].last_error ==
          "vector contains metrics with the same labelset after applying rule labels");
    CHECK(world.samples.last["r{job=\"one\"}"] == "1");
}

TEST_CASE("a rule beyond its limit says so", "[rules][manager]") {
    World world;
    world.load(
        "groups:\n- name: g\n  limit: 1\n  rules:\n  - {record: r, expr: up}\n  - {alert: A, expr: "
        "up}\n");
    world.answers["up"] = {{Labels{{"job", "a"}}, 1}, {Labels{{"job", "b"}}, 1}};
    world.pass();
    const auto status = world.manager->status();
    CHECK(status[0].rules[0].last_error == "exceeded limit of 1 with 2 series");
    CHECK(status[0].rules[1].last_error == "exceeded limit of 1 with 2 alerts");
    CHECK(world.alerts.open.empty());
}

TEST_CASE("beyond its limit a rule neither writes nor ends a series until it is below it again",
          "[rules][manager]") {
    World world;
    world.load(
        "groups:\n- name: g\n  limit: 1\n  rules:\n  - {record: r, expr: up}\n  - {alert: A, expr: "
        "up}\n");
    world.answers["up"] = {{Labels{{"job", "a"}}, 1}};
    world.pass();
    const std::string alert = R"(ALERTS{alertname="A", alertstate="firing", job="a"})";
    world.answers["up"] = {{Labels{{"job", "a"}}, 2}, {Labels{{"job", "b"}}, 2}};
    world.pass();
    CHECK(world.samples.last["r{job=\"a\"}"] == "1");
    CHECK(world.samples.last[alert] == "1");
    CHECK(world.manager->status()[0].rules[1].alerts.empty());
    world.answers["up"].erase(world.answers["up"].begin());
    world.pass();
    CHECK(world.samples.last["r{job=\"a\"}"] == "stale");
    CHECK(world.samples.last["r{job=\"b\"}"] == "2");
    CHECK(world.samples.last[alert] == "stale");
}

TEST_CASE("a rule that is gone ends its series where the questions of its group look",
          "[rules][manager]") {
    World world;
    const std::string group = "groups:\n- name: g\n  query_offset: 30s\n  rules:\n";
    world.load(group + "  - {record: r, expr: up}\n  - {record: s, expr: up}\n");
    world.answers["up"] = {{Labels{{"job", "a"}}, 1}};
    world.pass();
    world.load(group + "  - {record: s, expr: up}\n");
    world.pass();
    const auto& ended = world.samples.memory.series().at(Labels{{"__name__", "r"}, {"job", "a"}});
    CHECK(world.samples.last["r{job=\"a\"}"] == "stale");
    CHECK(ended.times.back() == world.asked_at);
}

TEST_CASE("a rule whose labels are put another way goes on in the series it has",
          "[rules][manager]") {
    World world;
    world.load("groups:\n- name: g\n  rules:\n  - {record: r, expr: up, labels: {job: a}}\n");
    world.answers["up"] = {{Labels{{"job", "a"}}, 1}};
    world.pass();
    world.load("groups:\n- name: g\n  rules:\n  - {record: r, expr: up}\n");
    world.pass();
    CHECK(world.samples.last["r{job=\"a\"}"] == "1");
}

TEST_CASE("a reload keeps alerts of rules that stay and resolves those of rules that go",
          "[rules][manager]") {
    World world;
    world.answers["up == 0"] = shop_down;
    world.load(down_rule);
    world.pass(3min);
    const AlertId id = world.alerts.taken.back().id;
    world.alerts.heard();
    std::string changed = down_rule;
    changed.replace(changed.find("is at"), 5, "stands at");
    world.load(changed);
    world.pass();
    REQUIRE(world.alerts.taken.size() == 1);
    CHECK(world.alerts.taken[0].id == id);
    CHECK(world.alerts.taken[0].annotations.get("summary") == "shop stands at 0");
    CHECK(world.alerts.heard() == "Down firing");

    changed.replace(changed.find("Down"), 4, "Lost");
    world.load(changed);
    world.pass();
    REQUIRE(world.alerts.taken.size() == 2);
    CHECK(world.alerts.taken[0].id == id);
    CHECK(world.alerts.taken[0].reason == "its rule was removed");
    CHECK(world.alerts.heard() == "Down resolved, Lost pending");
    world.load("groups: []");
    CHECK(world.alerts.heard() == "Lost resolved");
    CHECK(world.alerts.open.empty());
}

TEST_CASE("a firing alert survives a restart with its id", "[rules][manager]") {
    World world;
    world.answers["up == 0"] = shop_down;
    world.load(down_rule);
    world.pass(3min);
    const Alert before = world.alerts.taken.back();
    CHECK(before.state == AlertState::Firing);
    world.alerts.heard();
    world.clock.wind(2h);
    world.restart();
    world.load(down_rule);
    CHECK(world.alerts.heard().empty());
    world.pass();
    REQUIRE(world.alerts.taken.size() == 1);
    CHECK(world.alerts.taken[0].id == before.id);
    CHECK(world.alerts.taken[0].fired_at == before.fired_at);
    CHECK(world.alerts.heard() == "Down firing");
}

TEST_CASE("a `for` timer survives a restart", "[rules][manager]") {
    World world;
    std::string slow = down_rule;
    slow.replace(slow.find("for: 2m"), 7, "for: 1h");
    world.answers["up == 0"] = shop_down;
    world.load(slow);
    world.pass(31min);  // pending for half an hour
    const AlertId id = world.alerts.taken.back().id;
    world.alerts.heard();
    world.clock.wind(20min);  // down
    world.restart();
    world.load(slow);
    world.pass(29min);
    CHECK(world.alerts.heard().empty());
    world.pass(2min);
    REQUIRE(!world.alerts.taken.empty());
    CHECK(world.alerts.taken[0].id == id);
    CHECK(world.alerts.taken[0].state == AlertState::Firing);
}

TEST_CASE("what was open before a restart and has no rule now is resolved", "[rules][manager]") {
    World world;
    world.answers["up == 0"] = shop_down;
    world.load(down_rule);
    world.pass(3min);
    world.alerts.heard();
    world.restart();
    world.load("groups: []");
    REQUIRE(world.alerts.taken.size() == 1);
    CHECK(world.alerts.taken[0].reason == "its rule was removed while the program was down");
    CHECK(world.alerts.heard() == "Down resolved");
}

TEST_CASE("two groups of one name in one file are refused and nothing changes",
          "[rules][manager]") {
    World world;
    world.load(down_rule);
    RuleGroup group;
    group.file = "rules.yml";
    group.name = "g";
    const auto loaded = world.manager->load({group, group}, world.settings);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().message ==
          "rules.yml: group \"g\" stands here twice; expected one of each name");
    CHECK(world.manager->status().size() == 1);
    CHECK(world.manager->status()[0].rules.size() == 1);
}

TEST_CASE("the status shows what the API needs", "[rules][manager]") {
    World world;
    world.answers["up == 0"] = shop_down;
    world.load(down_rule);
    CHECK(world.manager->status()[0].rules[0].health == RuleStatus::Health::Unknown);
    world.pass();
    const GroupStatus group = world.manager->status()[0];
    CHECK(group.name == "g");
    CHECK(group.file == "rules.yml");
    CHECK(group.interval == 1min);
    const RuleStatus& rule = group.rules[0];
    CHECK(rule.state() == "pending");
    CHECK(rule.query == "up == 0");
    CHECK(rule.holds.before_firing == 2min);
    REQUIRE(rule.alerts.size() == 1);
    CHECK(rule.alerts[0].state == AlertState::Pending);
    CHECK(rule.alerts[0].annotations.get("summary") == "shop is at 0");
    CHECK(rule.last_evaluation == group.last_evaluation);
    world.pass(2min);
    CHECK(world.manager->status()[0].rules[0].state() == "firing");
}

TEST_CASE("templates ask with `query` at the time of the evaluation", "[rules][manager]") {
    World world;
    world.load(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations:\n"
        "      x: '{{ query \"other\" | first | value }} {{ query \"none\" | len }} {{ query "
        "\"sum(\" }}'\n");
    world.answers["up"] = {{Labels{{"job", "a"}}, 1}};
    world.answers["other"] = {{Labels{{"job", "b"}}, 42}};
    world.pass();
    REQUIRE(world.alerts.taken.size() == 1);
    CHECK(world.alerts.taken[0].annotations.get("x").starts_with(
        "<error expanding template: error executing template __alert_A: template: __alert_A:1:"));
    CHECK(world.alerts.taken[0].annotations.get("x").find(
              "error calling query: 1:5: parse error") != std::string_view::npos);
}

TEST_CASE("the thread evaluates by itself and stops when asked", "[rules][manager]") {
    World world;
    world.load(down_rule);
    world.answers["up == 0"] = shop_down;
    world.clock.wind(1min);
    world.manager->start();
    while (!world.manager->status()[0].last_evaluation) std::this_thread::yield();
    world.manager->stop();
    CHECK(world.alerts.heard() == "Down pending");
}
