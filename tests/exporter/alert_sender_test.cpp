#include "exporter/egress/alerts/alert_sender.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "base/yaml.h"
#include "tests/support/manual_clock.h"

using namespace vedette;
using namespace vedette::exporter;
using namespace std::chrono_literals;

namespace {

struct Read {
    AlertingSettings settings;
    std::string problem;
};

Read read(const std::string& text) {
    Problems problems;
    const ConfigNode root = read_yaml("a.yml", text, problems);
    Read out{read_alerting(root, problems), {}};
    if (!problems.all().empty()) out.problem = problems.all().front().message;
    return out;
}

Alert alert(const char* name, AlertState state) {
    Alert out;
    out.labels = {{"alertname", name}, {"replica", "a"}};
    out.annotations = {{"summary", "down"}};
    out.id = {fingerprint(out.labels), {1000}};
    out.state = state;
    out.active_at = {1000};
    out.fired_at = Timestamp{2000};
    if (state == AlertState::Resolved) out.resolved_at = Timestamp{3000};
    out.generator_url = "http://v/graph";
    return out;
}

/// An Alertmanager whose answers a test gives.
struct Outside {
    Loop loop;
    ManualClock clock;
    Log log{LogSettings{.level = LogLevel::Error}};
    Metrics metrics;
    std::vector<HttpCall> calls;
    std::vector<HttpDone> waiting;
    AlertSender sender{loop,
                       [this](HttpCall call, Deadline, HttpDone done) {
                           calls.push_back(std::move(call));
                           waiting.push_back(std::move(done));
                       },
                       clock, log, metrics};

    void turn() { loop.turn(0ms); }
    void answer(int status) {
        HttpAnswer said;
        said.status = status;
        const HttpDone done = std::move(waiting.back());
        waiting.pop_back();
        done(said);
    }
};

}  // namespace

TEST_CASE("alertmanagers are found as Prometheus finds them", "[exporter][alerting]") {
    const Read got = read(R"(
alertmanagers:
  - static_configs: [{targets: [a.example, 'b.example:9093', 'c.example:1'], labels: {zone: eu}}]
    path_prefix: /am/
    relabel_configs: [{source_labels: [__address__], regex: 'c.*', action: drop}]
  - {scheme: https, static_configs: [{targets: [a.example]}]}
)");
    CHECK(got.problem == "");
    std::vector<std::string> urls;
    for (const auto& one : got.settings.alertmanagers) urls.push_back(one.url);
    CHECK(urls == std::vector<std::string>{"http://a.example:80/am/api/v2/alerts",
                                           "http://b.example:9093/am/api/v2/alerts",
                                           "https://a.example:443/api/v2/alerts"});
    CHECK(got.settings.dropped == std::vector<std::string>{"http://c.example:1/am/api/v2/alerts"});
    CHECK(read("alertmanagers: [{dns_sd_configs: [{names: [x]}]}]").problem ==
          "`dns_sd_configs` of an Alertmanager is not supported; name it in `static_configs`");
    CHECK(read("alertmanagers: [{api_version: v1}]").problem.find("v2") != std::string::npos);
}

TEST_CASE("the newest word on an alert is sent until somebody takes it", "[exporter][alerting]") {
    Outside out;
    AlertingSettings settings =
        read("alertmanagers: [{static_configs: [{targets: ['a:1']}]}]\n"
             "alert_relabel_configs: [{regex: replica, action: labeldrop}]")
            .settings;
    settings.external_labels = {{"cluster", "eu"}, {"alertname", "never"}};
    out.sender.load(settings);
    const Alert firing[] = {alert("Down", AlertState::Firing), alert("Soon", AlertState::Pending)};
    out.sender.send(firing);
    out.turn();
    REQUIRE(out.calls.size() == 1);
    CHECK(out.calls[0].url == "http://a:1/api/v2/alerts");
    const std::string ends = format_rfc3339(out.clock.now() + Milliseconds(4min));
    CHECK(out.calls[0].body ==
          R"([{"annotations":{"summary":"down"},"endsAt":")" + ends +
              R"(","startsAt":"1970-01-01T00:00:02.000Z","generatorURL":"http://v/graph",)"
              R"("labels":{"alertname":"Down","cluster":"eu"}}])");
    // It ends while the Alertmanager is away: only the end is left to say.
    const Alert ended[] = {alert("Down", AlertState::Resolved)};
    out.sender.send(ended);
    out.turn();
    out.answer(503);
    CHECK(out.calls.size() == 1);
    out.sender.load(settings);
    for (int i = 0; i < 300 && out.calls.size() < 2; ++i) out.loop.turn(10ms);
    REQUIRE(out.calls.size() == 2);
    CHECK(out.calls[1].body.find(R"("endsAt":"1970-01-01T00:00:03.000Z")") != std::string::npos);
    out.answer(200);
    out.turn();
    CHECK(out.calls.size() == 2);
    CHECK(out.sender.urls().active == std::vector<std::string>{"http://a:1/api/v2/alerts"});
}
