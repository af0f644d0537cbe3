// Whole bodies, and what a real Alertmanager sent for the same alerts (tests/notify/recorded).
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "notify/senders/sender.h"
#include "notify/words/markup.h"
#include "tests/notify/desk.h"

using namespace vedette;
using namespace vedette::notify;
using Json = nlohmann::ordered_json;

namespace {

constexpr Timestamp nine{1'795'165'200'120};  // 2026-11-20T09:00:00.120Z

std::shared_ptr<const Templates> templates() {
    return *Templates::make(one_route());
}

Message hostile() {
    Alert alert = make_alert("a", AlertState::Firing, nine);
    alert.labels = {{"alertname", "Down\r\nBcc: evil@x"}, {"job", "<script>&\"'"}, {"severity", "critical"}};
    alert.annotations = {{"summary", "<https://evil|click> & *bold*\nsecond"},
                         {"reason", "größer </b>"},
                         {"runbook_url", "javascript:alert(1)"}};
    alert.id.fingerprint = fingerprint(alert.labels);
    alert.generator_url = "http://v/graph?a=1&b=<x>|y";
    Message out;
    out.receiver = "team";
    out.group_key = "{}:{}";
    out.alerts = {std::make_shared<const Alert>(alert)};
    out.at = nine + Milliseconds(4min);
    out.decided = nine;
    out.external_url = "http://v/";
    return out;
}

WebSettings slack() {
    WebSettings out;
    out.kind = "slack";
    return out;
}

/// What Slack would get.
Json slack_json(const WebSettings& settings, const Message& message) {
    const auto posts = posts_of(settings, message, *templates());
    REQUIRE(posts);
    return Json::parse(posts->at(0).body);
}

std::string decode64(std::string_view text) {
    static constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    std::uint32_t bits = 0;
    int have = 0;
    for (const char c : text) {
        const auto at = digits.find(c);
        if (at == digits.npos) continue;
        bits = bits << 6 | static_cast<std::uint32_t>(at);
        if ((have += 6) >= 8) out += static_cast<char>(bits >> (have -= 8) & 255);
    }
    return out;
}

}  // namespace

TEST_CASE("a webhook gets what Alertmanager would have posted", "[notify][payload]") {
    std::ifstream file("tests/notify/recorded/alertmanager_webhook.json");
    REQUIRE(file);
    const Json recorded = Json::parse(file);
    CHECK(recorded["alertmanager"].get<std::string>().starts_with("0.33"));
    for (const Json& one : recorded["received"]) {
        const Json& body = one["body"];
        Message message;
        message.receiver = body["receiver"];
        message.group_key = body["groupKey"];
        message.external_url = body["externalURL"];
        message.reason = *parse_reason(body["notification_reason"].get<std::string>());
        for (const auto& [name, value] : body["groupLabels"].items())
            message.group_labels = LabelsBuilder(message.group_labels).set(name, value.get<std::string>()).build();
        for (const Json& sent : body["alerts"]) {
            Alert alert;
            LabelsBuilder labels;
            Annotations::Texts annotations;
            for (const auto& [name, value] : sent["labels"].items()) labels.set(name, value.get<std::string>());
            for (const auto& [name, value] : sent["annotations"].items())
                annotations.emplace(name, value.get<std::string>());
            alert.labels = labels.build();
            alert.annotations = Annotations(std::move(annotations));
            alert.id = {fingerprint(alert.labels), {1}};
            alert.state = sent["status"] == "firing" ? AlertState::Firing : AlertState::Resolved;
            alert.active_at = *parse_rfc3339(sent["startsAt"].get<std::string>());
            if (alert.state == AlertState::Resolved)
                alert.resolved_at = *parse_rfc3339(sent["endsAt"].get<std::string>());
            alert.generator_url = sent["generatorURL"];
            message.alerts.push_back(std::make_shared<const Alert>(alert));
        }
        Json ours = Json::parse(webhook_body(message, 0));
        Json theirs = body;
        // Theirs has microseconds; which alerts were left out is not recorded.
        theirs["truncatedAlerts"] = 0;
        for (std::size_t i = 0; i < theirs["alerts"].size(); ++i)
            for (const char* key : {"startsAt", "endsAt"}) {
                const auto at = parse_rfc3339(theirs["alerts"][i][key].get<std::string>());
                CHECK(*parse_rfc3339(ours["alerts"][i][key].get<std::string>()) == *at);
                ours["alerts"][i][key] = theirs["alerts"][i][key];
            }
        CHECK(ours.dump() == theirs.dump());
    }
}

TEST_CASE("the whole webhook body", "[notify][payload]") {
    Message message;
    message.receiver = "team";
    message.group_key = "{}:{}";
    message.external_url = "http://v";
    Alert over = make_alert("b", AlertState::Resolved, nine);
    over.resolved_at = nine + Milliseconds(880);
    message.alerts = {std::make_shared<const Alert>(make_alert("a", AlertState::Firing, nine)),
                      std::make_shared<const Alert>(over)};
    CHECK(webhook_body(message, 0) ==
          R"({"receiver":"team","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Down",)"
          R"("instance":"a","job":"checkout","severity":"critical"},"annotations":{"reason":"connection refused",)"
          R"("summary":"it is down"},"startsAt":"2026-11-20T09:00:00.12Z","endsAt":"0001-01-01T00:00:00Z",)"
          R"("generatorURL":"http://vedette.example/graph?g0.expr=up","fingerprint":"5330b476391ebf07"},)"
          R"({"status":"resolved","labels":{"alertname":"Down","instance":"b","job":"checkout",)"
          R"("severity":"critical"},"annotations":{"reason":"connection refused","summary":"it is down"},)"
          R"("startsAt":"2026-11-20T09:00:00.12Z","endsAt":"2026-11-20T09:00:01Z",)"
          R"("generatorURL":"http://vedette.example/graph?g0.expr=up","fingerprint":")" +
              format_fingerprint(over.id.fingerprint) +
          R"("}],"notification_reason":"first notification","groupLabels":{},"commonLabels":)"
          R"({"alertname":"Down","job":"checkout","severity":"critical"},"commonAnnotations":)"
          R"({"reason":"connection refused","summary":"it is down"},"externalURL":"http://v","version":"4",)"
          R"("groupKey":"{}:{}","truncatedAlerts":0})");
    CHECK(Json::parse(webhook_body(message, 1))["truncatedAlerts"] == 1);
    CHECK(sign("what do ya want for nothing?", "Jefe") ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("Slack's first line reads on a lock screen, and labels cannot become markup", "[notify][payload]") {
    const Json json = slack_json(slack(), hostile());
    CHECK(json["text"] ==
          "CRITICAL &lt;https://evil|click&gt; &amp; *bold* second · 4 min · größer &lt;/b&gt;");
    CHECK(json["attachments"][0]["text"] ==
          "&lt;https://evil|click&gt; &amp; *bold*\nsecond\n"
          "job: &lt;script&gt;&amp;\"'\nsince 2026-11-20 09:00:00 UTC, value 0\n"
          "<http://v/|page>  <http://v/graph?a=1&amp;b=%3Cx%3E%7Cy|rule>");
    CHECK(json["attachments"][0]["color"] == "danger");
}

TEST_CASE("a Slack text ends at its limit and between characters", "[notify][payload]") {
    CHECK(cut_text("größe", 7) == "größe");
    CHECK(cut_text("größer", 6) == "gr…");
    CHECK(cut_text("größer", 7) == "grö…");
    CHECK(cut_text("ab", 2) == "ab");
    CHECK(cut_text("abc", 2) == "");
    Message many = hostile();
    for (int i = 0; i < 100; ++i) many.alerts.push_back(many.alerts[0]);
    const Json json = slack_json(slack(), many);
    const std::string text = json["attachments"][0]["text"];
    CHECK(text.size() <= 3000);
    CHECK(text.ends_with(" more"));
}

TEST_CASE("templates of the user's make Alertmanager's attachment, and a wrong one is named", "[notify][payload]") {
    WebSettings settings = slack();
    settings.own_words = false;
    settings.texts = {{"title", R"({{ template "slack.default.title" . }})"},
                      {"text", R"({{ range .Alerts }}{{ .Labels.job }} {{ .Annotations.reason }}{{ end }})"},
                      {"color", R"({{ if eq .Status "firing" }}danger{{ else }}good{{ end }})"}};
    const Json json = slack_json(settings, hostile());
    CHECK_FALSE(json.contains("text"));
    CHECK(json["attachments"][0]["title"] == "[FIRING:1]  (Down\r\nBcc: evil@x <script>&\"' critical)");
    CHECK(json["attachments"][0]["text"] == "<script>&\"' größer </b>");
    Settings all = one_route();
    settings.texts["text"] = "{{ nonsense }}";
    all.receivers[0].integrations[0].how = settings;
    const auto checked = check_templates(all, *templates());
    REQUIRE_FALSE(checked);
    CHECK(checked.error().message ==
          "receiver `team`, slack: template: message:1: function \"nonsense\" not defined");
}

TEST_CASE("a mail threads, is marked automatic, and no label breaks out of a header or the page",
          "[notify][payload]") {
    EmailSettings email;
    email.to = {"ops@shop.example"};
    email.from = "Vedette <vedette@shop.example>";
    email.headers = {{"X-Team", "a\r\nBcc: evil@x"}, {"Bad Name", "x"}};
    const auto text = email_text(email, hostile(), *templates());
    REQUIRE(text);
    const std::string key = format_fingerprint(fingerprint(Labels{{"group", "{}:{}"}, {"receiver", "team"}}));
    const auto end = text->find("\r\n\r\n");
    const std::string head = text->substr(0, end);
    const std::string expected_start =
        "From: Vedette <vedette@shop.example>\r\nTo: ops@shop.example\r\n"
        "Subject: =?utf-8?B?";
    CHECK(head.substr(0, expected_start.size()) == expected_start);
    const std::string rest = head.substr(head.find("Date:"));
    const std::string id = key + "-1795165200120.vedette@shop.example";
    const auto boundary = "vedette-" + format_fingerprint(fingerprint(Labels{{"id", "<" + id + ">"}}));
    CHECK(rest == "Date: Fri, 20 Nov 2026 09:04:00 +0000\r\nMessage-ID: <" + id + ">\r\nIn-Reply-To: <" + key +
                      ".vedette@shop.example>\r\nReferences: <" + key +
                      ".vedette@shop.example>\r\nAuto-Submitted: auto-generated\r\nX-Team: a Bcc: evil@x\r\n"
                      "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"" +
                      boundary + "\"");
    const auto html_at = text->find("Content-Type: text/html");
    const auto html_from = text->find("\r\n\r\n", html_at);
    const std::string html = decode64(text->substr(html_from, text->find("\r\n--", html_from) - html_from));
    CHECK(html.find("<script>") == html.npos);
    CHECK(html.find(">job</td><td>&lt;script&gt;&amp;&quot;&#39;</td>") != html.npos);
    CHECK(html.find("javascript:") == html.npos);
    for (std::size_t at = 0; at < text->size();) {
        const auto line_end = text->find("\r\n", at);
        REQUIRE(line_end != text->npos);
        CHECK(line_end - at <= 998);
        CHECK(text->substr(at, line_end - at).find_first_of("\r\n") == text->npos);
        at = line_end + 2;
    }
}

TEST_CASE("headlines read well", "[notify][payload]") {
    Message message;
    message.at = nine + Milliseconds(4min);
    message.alerts = {std::make_shared<const Alert>(make_alert("a", AlertState::Firing, nine))};
    CHECK(headline(message) == "CRITICAL checkout down · 4 min · connection refused");
    message.alerts.push_back(std::make_shared<const Alert>(make_alert("b", AlertState::Firing, nine)));
    message.alerts.push_back(std::make_shared<const Alert>(make_alert("c", AlertState::Resolved, nine)));
    CHECK(headline(message) == "CRITICAL checkout down · 4 min · connection refused (1 more)");
    Alert over = make_alert("a", AlertState::Resolved, nine);
    over.resolved_at = nine + Milliseconds(12min);
    message.alerts = {std::make_shared<const Alert>(over)};
    CHECK(headline(message) == "RESOLVED checkout up · was down 12 min");
}

TEST_CASE("what a label says is no markup in an HTML template either, unless the template vouches for it",
          "[notify][payload]") {
    const auto html = templates()->expand_html(
        R"(<b>{{ (index .Alerts 0).Labels.job }}</b> {{ template "__subject" . }} {{ "<i>" | safeHtml }} {{ len .Alerts }})",
        hostile());
    REQUIRE(html);
    CHECK(*html == "<b>&lt;script&gt;&amp;&#34;&#39;</b> [FIRING:1]  (Down\r\nBcc: evil@x "
                   "&lt;script&gt;&amp;&#34;&#39; critical) <i> 1");
}
