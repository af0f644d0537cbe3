#include "exporter/api/status_api.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "exporter/api/notices.h"
#include "exporter/api/rules_api.h"
#include "tests/support/manual_clock.h"

using namespace vedette;
using namespace vedette::exporter;
using nlohmann::json;

namespace {

probes::TargetStatus shop() {
    probes::TargetStatus target;
    target.probe = "shop";
    target.instance = target.address = "http://shop/health";
    target.labels = Labels{{"job", "shop"}, {"instance", "http://shop/health"}};
    target.every = std::chrono::seconds(15);
    target.timeout = std::chrono::seconds(10);
    return target;
}

rules::GroupStatus group() {
    rules::AlertStatus alert;
    alert.labels = Labels{{"alertname", "ShopDown"}};
    alert.annotations = {{"summary", "shop is down"}, {"hint", ""}};
    alert.state = AlertState::Firing;
    alert.active_at = {1'790'000'000'000};
    alert.value = 1;
    rules::RuleStatus alerting;
    alerting.kind = rules::Rule::Kind::Alerting;
    alerting.name = "ShopDown";
    alerting.query = "up < 1";
    alerting.own_key = "threshold: {metric: up, below: 1}";
    alerting.holds.before_firing = std::chrono::minutes(1);
    alerting.labels = {{"severity", "critical"}};
    alerting.alerts = {alert};
    alerting.health = rules::RuleStatus::Health::Ok;
    rules::RuleStatus recording;
    recording.name = "job:up:sum";
    recording.query = "sum by (job) (up)";
    recording.health = rules::RuleStatus::Health::Failed;
    recording.last_error = "too much";
    rules::GroupStatus out;
    out.name = "shop";
    out.file = "rules/shop.yml";
    out.interval = std::chrono::seconds(15);
    out.rules = {recording, alerting};
    return out;
}

/// Asks one route of the API as the front would.
Response ask(const std::string& path, std::vector<std::pair<std::string, std::string>> form = {},
             std::vector<probes::TargetStatus> targets = {shop()}) {
    std::vector<Route> routes =
        status_routes({[targets] { return targets; }, "0.1.0", "3.5.3", {}});
    for (Route& route : rules_routes([] { return std::vector{group()}; }))
        routes.push_back(std::move(route));
    const auto route = std::find_if(routes.begin(), routes.end(),
                                    [&](const Route& one) { return one.path == path; });
    REQUIRE(route != routes.end());
    Request request;
    request.method = "GET";
    request.path = path;
    request.form = std::move(form);
    return route->answer(request);
}

json data(const Response& response) {
    CHECK(response.status == 200);
    return json::parse(response.body).at("data");
}

}  // namespace

TEST_CASE("a target has Prometheus's fields before and after its first reading",
          "[exporter][status]") {
    json target = data(ask("/api/v1/targets"))["activeTargets"][0];
    CHECK(target["health"] == "unknown");
    CHECK(target["lastScrape"] == "0001-01-01T00:00:00Z");
    CHECK(target["scrapeInterval"] == "15s");
    CHECK(target["discoveredLabels"] ==
          json{{"__address__", "http://shop/health"}, {"job", "shop"}});
    probes::TargetStatus down = shop();
    down.state = probes::State::Down;
    down.reason = "connection refused";
    down.latest = probes::Moment{{1'790'000'000'123}, std::chrono::milliseconds(250), false};
    target = data(ask("/api/v1/targets", {}, {down}))["activeTargets"][0];
    CHECK(target["health"] == "down");
    CHECK(target["lastError"] == "connection refused");
    CHECK(target["lastScrapeDuration"] == 0.25);
    CHECK(target["lastScrape"] == "2026-09-21T14:13:20.123Z");
}

TEST_CASE("targets are chosen by state and pool", "[exporter][status]") {
    CHECK(data(ask("/api/v1/targets", {{"state", "dropped"}}))["activeTargets"].empty());
    CHECK(data(ask("/api/v1/targets", {{"scrapePool", "other"}}))["activeTargets"].empty());
    CHECK(data(ask("/api/v1/targets", {{"scrapePool", "shop"}, {"state", "any"}}))["activeTargets"]
              .size() == 1);
}

TEST_CASE("scraped and dropped targets are shown as Prometheus shows them", "[exporter][status]") {
    scrape::JobStatus job;
    job.name = "api";
    job.dropped = {Labels{{"__address__", "b:1"}, {"job", "api"}}};
    job.dropped_count = 7;
    scrape::TargetStatus target;
    target.job = "api";
    target.labels = Labels{{"instance", "a:1"}, {"job", "api"}};
    target.url = "http://a:1/metrics";
    target.interval = std::chrono::seconds(15);
    target.health = scrape::TargetStatus::Health::Down;
    target.last_error = "sample limit exceeded";
    job.active.push_back(target);
    StatusSources sources;
    sources.targets = [] { return std::vector<probes::TargetStatus>(); };
    sources.scraped = [&] { return std::vector<scrape::JobStatus>{job}; };
    const auto routes = status_routes(sources);
    const auto answer = [&](const std::string& path) {
        const auto route = std::find_if(routes.begin(), routes.end(),
                                        [&](const Route& each) { return each.path == path; });
        REQUIRE(route != routes.end());
        return data(route->answer(Request{}));
    };
    const json shown = answer("/api/v1/targets");
    CHECK(shown["activeTargets"][0]["health"] == "down");
    CHECK(shown["activeTargets"][0]["lastError"] == "sample limit exceeded");
    CHECK(shown["activeTargets"][0]["scrapeUrl"] == "http://a:1/metrics");
    CHECK(shown["droppedTargets"] ==
          json::parse(
              R"([{"discoveredLabels":{"__address__":"b:1","job":"api"},"scrapePool":"api"}])"));
    CHECK(shown["droppedTargetCounts"] == json{{"api", 7}});
    CHECK(answer("/api/v1/scrape_pools")["scrapePools"] == json::array({"api"}));
}

TEST_CASE("rules have Prometheus's shape", "[exporter][status]") {
    const json groups = data(ask("/api/v1/rules"))["groups"];
    REQUIRE(groups.size() == 1);
    CHECK(groups[0]["interval"] == 15);
    const json& recording = groups[0]["rules"][0];
    CHECK(recording["type"] == "recording");
    CHECK(recording["health"] == "err");
    CHECK(recording["lastError"] == "too much");
    CHECK_FALSE(recording.contains("alerts"));
    CHECK_FALSE(recording.contains("ownKey"));
    const json& alerting = groups[0]["rules"][1];
    CHECK(alerting["state"] == "firing");
    CHECK(alerting["query"] == "up < 1");
    CHECK(alerting["ownKey"] == "threshold: {metric: up, below: 1}");
    CHECK(alerting["duration"] == 60);
    CHECK(alerting["labels"] == json{{"severity", "critical"}});
    CHECK(alerting["alerts"][0]["value"] == "1e+00");
    CHECK(alerting["alerts"][0]["activeAt"] == "2026-09-21T14:13:20.000Z");
}

TEST_CASE("rules are chosen by type, name, group and file", "[exporter][status]") {
    struct Row {
        const char* what;
        std::vector<std::pair<std::string, std::string>> form;
        std::size_t rules;
    };
    const auto row = GENERATE(values<Row>({
        {"alerts", {{"type", "alert"}}, 1},
        {"recordings", {{"type", "record"}}, 1},
        {"a name", {{"rule_name[]", "ShopDown"}}, 1},
        {"two names", {{"rule_name[]", "ShopDown"}, {"rule_name[]", "job:up:sum"}}, 2},
        {"a group", {{"rule_group[]", "shop"}}, 2},
        {"no such file", {{"file[]", "other.yml"}}, 0},
    }));
    CAPTURE(row.what);
    std::size_t rules = 0;
    const json chosen = data(ask("/api/v1/rules", row.form));
    for (const json& one : chosen["groups"]) rules += one["rules"].size();
    CHECK(rules == row.rules);
    CHECK(ask("/api/v1/rules", {{"type", "both"}}).status == 400);
}

TEST_CASE("alerts of all rules stand in one list", "[exporter][status]") {
    const json alerts = data(ask("/api/v1/alerts"))["alerts"];
    REQUIRE(alerts.size() == 1);
    CHECK(alerts[0]["state"] == "firing");
    CHECK(alerts[0]["annotations"] == json{{"summary", "shop is down"}, {"hint", ""}});
}

TEST_CASE("build information reads like Prometheus's with ours beside it", "[exporter][status]") {
    const json info = data(ask("/api/v1/status/buildinfo"));
    CHECK(info["version"] == "3.5.3");
    CHECK(info["vedette"] == "0.1.0");
}

TEST_CASE("a notice is told once, shown until it is taken back, and then told again as over",
          "[exporter][status]") {
    struct Listener final : EventStream {
        bool send(std::string_view event, std::string_view data) override {
            CHECK(event.empty());
            heard.push_back(json::parse(data));
            return true;
        }
        bool open() const override { return true; }
        std::vector<json> heard;
    };
    ManualClock clock;
    Notices notices(clock);
    const std::vector<Route> routes = notices.routes();
    notices.add("it burns");
    notices.add("it burns");
    const auto listener = std::make_shared<Listener>();
    routes[1].answer({}).on_open(listener);
    CHECK(data(routes[0].answer({})) ==
          json::parse(R"([{"text":"it burns","date":")" + format_rfc3339(clock.now()) +
                      R"(","active":true}])"));
    notices.remove("it burns");
    notices.remove("it burns");
    CHECK(data(routes[0].answer({})) == json::array());
    REQUIRE(listener->heard.size() == 2);
    CHECK(listener->heard[0]["active"] == true);
    CHECK(listener->heard[1]["active"] == false);
}
