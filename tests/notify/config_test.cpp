#include "notify/config.h"

#include <catch2/catch.hpp>

#include "base/yaml.h"

using namespace vedette;
using namespace vedette::notify;

namespace {

struct Read {
    Settings settings;
    std::string problems;
};

Read read(std::string_view text) {
    Problems problems;
    const ConfigNode root = read_yaml("n.yml", text, problems);
    ConfigReader reader("/nowhere", [](const std::string&) { return Result<std::string>(""); });
    for (const ConfigSection& section : reader.sections())
        if (const ConfigNode* node = root.find(section.key)) section.read(*node, problems);
    if (const ConfigNode* node = root.find("global")) reader.global(*node);
    Read out;
    out.settings = reader.finish(problems);
    out.problems = problems.text();
    return out;
}

std::string problem_of(std::string_view text) {
    const std::string all = read(text).problems;
    return all.substr(0, all.find('\n'));
}

}  // namespace

TEST_CASE("an Alertmanager file is read with what its routes inherit", "[notify][config]") {
    const Read got = read(R"(
global:
  resolve_timeout: 7m
  slack_api_url: http://slack.example/hook
  smtp_from: 'Vedette <vedette@shop.example>'
  smtp_smarthost: mail.shop.example:587
  scrape_interval: 15s
route:
  receiver: team
  group_by: [alertname, job]
  group_wait: 10s
  routes:
    - matchers: [severity="critical", 'job=~"check.*"']
      receiver: pager
      continue: true
      repeat_interval: 1h
      routes:
        - match: {team: ops}
          match_re: {zone: a|b}
          group_by: ['...']
receivers:
  - name: team
    slack_configs: [{channel: '#ops', send_resolved: true}]
    email_configs: [{to: 'Ops <ops@shop.example>, boss@shop.example', headers: {X-Team: shop}}]
  - name: pager
    webhook_configs: [{url: 'http://user:pass@hooks.example/secret?x', max_alerts: 3}]
inhibit_rules:
  - source_matchers: [severity=critical]
    target_match: {severity: warning}
    equal: [job]
)");
    CHECK(got.problems == "");
    const Settings& s = got.settings;
    CHECK(s.enabled);
    CHECK(s.resolve_timeout == 7min);
    CHECK(s.route.group_wait == 10s);
    CHECK(s.route.group_interval == 5min);
    REQUIRE(s.route.routes.size() == 1);
    const RouteNode& pager = s.route.routes[0];
    CHECK(pager.key == R"({}/{job=~"check.*",severity="critical"})");
    CHECK(pager.continue_to_next);
    CHECK(pager.group_wait == 10s);
    CHECK(pager.repeat_interval == 1h);
    CHECK(pager.group_by == std::vector<std::string>{"alertname", "job"});
    REQUIRE(pager.routes.size() == 1);
    CHECK(pager.routes[0].receiver == "pager");
    CHECK(pager.routes[0].group_by_all);
    CHECK_FALSE(pager.routes[0].continue_to_next);
    CHECK(pager.routes[0].key == pager.key + R"(/{team="ops",zone=~"a|b"})");
    REQUIRE(s.receivers.size() == 2);
    REQUIRE(s.receivers[0].integrations.size() == 2);
    CHECK(s.receivers[0].integrations[0].target() == "#ops");
    CHECK(s.receivers[0].integrations[0].send_resolved);
    CHECK(s.receivers[0].integrations[1].target() == "ops@shop.example, boss@shop.example");
    CHECK_FALSE(s.receivers[0].integrations[1].send_resolved);
    CHECK(s.receivers[1].integrations[0].target() == "hooks.example");
    CHECK(s.receivers[1].integrations[0].send_resolved);
    REQUIRE(s.inhibit_rules.size() == 1);
    CHECK(s.inhibit_rules[0].equal == std::vector<std::string>{"job"});
}

TEST_CASE("an empty group_by groups by nothing, whatever the parent says", "[notify][config]") {
    const Read got = read(R"(
route:
  receiver: t
  group_by: ['...']
  routes: [{group_by: []}, {group_by: null}, {matchers: [a=b]}]
receivers: [{name: t}]
)");
    CHECK(got.problems == "");
    CHECK_FALSE(got.settings.route.routes[0].group_by_all);
    CHECK(got.settings.route.routes[0].group_by.empty());
    CHECK(got.settings.route.routes[1].group_by_all);
    CHECK(got.settings.route.routes[2].group_by_all);
}

TEST_CASE("times of a route are its own and not its children's", "[notify][config]") {
    const Read got = read(R"(
route:
  receiver: t
  routes:
    - mute_time_intervals: [night]
      active_time_intervals: [week, night]
      routes: [{matchers: [a=b]}]
receivers: [{name: t}]
time_intervals: [{name: week, time_intervals: [{weekdays: ['monday:friday']}]}]
mute_time_intervals: [{name: night, time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}]}]}]
)");
    CHECK(got.problems == "");
    const RouteNode& route = got.settings.route.routes[0];
    REQUIRE(route.muted.size() == 1);
    CHECK(route.muted[0]->name == "night");
    REQUIRE(route.active.size() == 2);
    CHECK(route.active[0]->name == "week");
    CHECK(route.routes[0].muted.empty());
    CHECK(route.routes[0].active.empty());
}

TEST_CASE("what is wrong or not supported is refused by name", "[notify][config]") {
    struct Row {
        const char* text;
        const char* problem;
    };
    const auto row = GENERATE(values<Row>({
        {"route: {receiver: tem}\nreceivers: [{name: team}]",
         "n.yml:1:19: there is no receiver `tem`; did you mean `team`?"},
        {"route: {group_wait: 1s}\nreceivers: []", "n.yml:1:8: the first route needs a `receiver`"},
        {"route: {receiver: t, matchers: [a=b]}\nreceivers: [{name: t}]",
         "n.yml:1:8: the first route takes every alert; it cannot have matchers"},
        {"route: {receiver: t, group_interval: 0s}\nreceivers: [{name: t}]",
         "n.yml:1:38: `group_interval` cannot be zero"},
        {"route: {receiver: t, routes: [{mute_time_intervals: [night]}]}\nreceivers: [{name: t}]",
         "n.yml:1:53: there is no time interval `night`"},
        {"route: {receiver: t, mute_time_intervals: [night]}\nreceivers: [{name: t}]\ntime_intervals: "
         "[{name: night}]",
         "n.yml:1:43: the first route takes every alert at any time; it cannot have "
         "`mute_time_intervals`"},
        {"time_intervals: [{name: night}, {name: night}]",
         "n.yml:1:33: time interval `night` is defined twice"},
        {"receivers: [{name: t}, {name: t}]", "n.yml:1:24: receiver `t` is defined twice"},
        {"receivers: [{name: t, sns_configs: [{}]}]",
         "n.yml:1:36: `sns_configs` is not supported; expected `webhook_configs`; requests are not signed for "
         "AWS"},
        {"receivers: [{name: t, pagerduty_configs: [{}]}]",
         "n.yml:1:43: PagerDuty needs `routing_key` or `routing_key_file`"},
        {"receivers: [{name: t, pagerduty_configs: [{service_key: x}]}]",
         "n.yml:1:57: `service_key` (events version 1) is not supported; expected `routing_key` of an "
         "integration of version 2"},
        {"receivers: [{name: t, slack_configs: [{app_token: x}]}]",
         "n.yml:1:39: a bot needs `channel`: its token stands for no channel of its own"},
        {"receivers: [{name: t, slack_configs: [{api_url: 'http://x', titel: a}]}]",
         "n.yml:1:61: unknown key `titel` in slack_configs; did you mean `title`?"},
        {"receivers: [{name: t, slack_configs: [{api_url: 'http://x', title: a, style: vedette}]}]",
         "n.yml:1:78: `style: vedette` writes the message itself; remove it, or the texts given beside it"},
        {"receivers: [{name: t, telegram_configs: [{bot_token: x, chat_id: 1, parse_mode: html}]}]",
         "n.yml:1:81: `parse_mode` is `html`; expected HTML, Markdown, MarkdownV2 or nothing"},
        {"receivers: [{name: t, twilio_configs: [{account_sid: a, auth_token: b, from: '+1555', to: '0301'}]}]",
         "n.yml:1:91: `to` is `0301`; expected one number such as +4930123456"},
        {"receivers: [{name: t, exec_configs: [{command: restart}]}]",
         "n.yml:1:48: `command` must be a list that starts with the absolute path of a program"},
        {"receivers: [{name: t, exec_configs: [{command: [/bin/x, '{{ .Status }}']}]}]",
         "n.yml:1:48: `command` is no template: what fires reaches it as JSON on its standard input"},
        {"receivers: [{name: t, exec_configs: [{command: [/bin/x], on: [fire]}]}]",
         "n.yml:1:62: `on` has `fire`; expected `firing` or `resolved`"},
        {"timezone: Europe/Pari",
         "n.yml:1:11: `timezone` is `Europe/Pari`, which this machine does not know; expected a name such as "
         "`Europe/Paris`"},
        {"receivers: [{name: t, webhook_configs: [{}]}]",
         "n.yml:1:41: a webhook needs `url` or `url_file`"},
        {"receivers: [{name: t, email_configs: [{to: x, from: a@b, smarthost: 'c:25'}]}]",
         "n.yml:1:44: `x` is no mail address"},
        {"receivers: [{name: t, email_configs: [{to: x@y, from: a@b, smarthost: c}]}]",
         "n.yml:1:71: `c` has no port; expected host:port"},
    }));
    CAPTURE(row.text);
    CHECK(problem_of(row.text) == row.problem);
}
