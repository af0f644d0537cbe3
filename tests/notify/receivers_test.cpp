// Every kind of receiver beside what a real Alertmanager 0.33 sent for the same alerts
// (tests/notify/recorded/receivers.json), and what Vedette says in its own words.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/yaml.h"
#include "notify/config.h"
#include "notify/senders/mail/mime.h"
#include "notify/senders/sender.h"
#include "notify/words/words.h"
#include "tests/notify/desk.h"

using namespace vedette;
using namespace vedette::notify;
using Json = nlohmann::ordered_json;

namespace {

constexpr Timestamp nine{1'795'165'200'120};  // 2026-11-20T09:00:00.120Z

Settings read(const std::string& text, bool for_alertmanager) {
    Problems problems;
    const ConfigNode root = read_yaml("n.yml", text, problems);
    ConfigReader reader("/nowhere", [](const std::string&) { return Result<std::string>(""); });
    if (for_alertmanager) reader.written_for_alertmanager();
    for (const ConfigSection& section : reader.sections())
        if (const ConfigNode* node = root.find(section.key)) section.read(*node, problems);
    Settings out = reader.finish(problems);
    CAPTURE(text);
    REQUIRE(problems.text() == "");
    return out;
}

Integration integration(const std::string& key, const std::string& text, bool for_alertmanager = false) {
    return read("receivers: [{name: t, " + key + ": [" + text + "]}]", for_alertmanager).receivers.at(0).integrations.at(0);
}

std::string replaced(std::string text, std::string_view what, const std::string& with) {
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

/// The message that Alertmanager made its bodies of, from the webhook that stands beside them.
Message message_of(const Json& body) {
    Message out;
    out.receiver = body["receiver"];
    out.group_key = body["groupKey"];
    out.external_url = body["externalURL"];
    out.reason = *parse_reason(body["notification_reason"].get<std::string>());
    LabelsBuilder group;
    for (const auto& [name, value] : body["groupLabels"].items()) group.set(name, value.get<std::string>());
    out.group_labels = group.build();
    for (const Json& sent : body["alerts"]) {
        Alert alert;
        LabelsBuilder labels;
        Annotations::Texts annotations;
        for (const auto& [name, value] : sent["labels"].items()) labels.set(name, value.get<std::string>());
        for (const auto& [name, value] : sent["annotations"].items()) annotations.emplace(name, value.get<std::string>());
        alert.labels = labels.build();
        alert.annotations = Annotations(std::move(annotations));
        alert.id = {fingerprint(alert.labels), {1}};
        alert.state = sent["status"] == "firing" ? AlertState::Firing : AlertState::Resolved;
        alert.active_at = *parse_rfc3339(sent["startsAt"].get<std::string>());
        if (is_over(alert)) alert.resolved_at = *parse_rfc3339(sent["endsAt"].get<std::string>());
        alert.generator_url = sent["generatorURL"];
        out.alerts.push_back(std::make_shared<const Alert>(alert));
    }
    return out;
}

/// Theirs has microseconds, and a time of ours has milliseconds.
void cut_times(Json& json) {
    if (json.is_object())
        for (auto& [key, value] : json.items()) {
            if ((key == "startsAt" || key == "endsAt") && value.is_string())
                value = format_rfc3339(*parse_rfc3339(value.get<std::string>()));
            else cut_times(value);
        }
    else if (json.is_array())
        for (Json& one : json) cut_times(one);
}

Message firing(std::string_view severity = "critical") {
    Message out;
    out.receiver = "team";
    out.group_key = "{}:{}";
    out.alerts = {std::make_shared<const Alert>(make_alert("a", AlertState::Firing, nine, severity))};
    out.at = nine + Milliseconds(4min);
    out.decided = nine;
    out.external_url = "http://v.example";
    return out;
}

Message resolved() {
    Message out = firing();
    Alert alert = *out.alerts[0];
    alert.state = AlertState::Resolved;
    alert.resolved_at = nine + Milliseconds(12min);
    out.alerts = {std::make_shared<const Alert>(alert)};
    out.reason = Reason::AllResolved;
    return out;
}

std::shared_ptr<const Templates> templates() {
    return *Templates::make(one_route());
}

std::vector<Post> posts(const Integration& how, const Message& message) {
    auto out = posts_of(std::get<WebSettings>(how.how), message, *templates(), 7);
    if (!out) FAIL(out.error().message);
    return std::move(*out);
}

}  // namespace

TEST_CASE("a receiver of somebody's alertmanager.yml gets, byte for byte of JSON, what Alertmanager sent it",
          "[notify][receivers]") {
    std::ifstream file("tests/notify/recorded/receivers.json");
    REQUIRE(file);
    const Json recorded = Json::parse(file);
    CHECK(recorded["alertmanager"].get<std::string>().starts_with("0.33"));
    std::size_t compared = 0;
    for (const Json& one : recorded["cases"]) {
        const std::string name = one["name"], key = one["key"];
        if (key == "email_configs") continue;
        const bool is_api = one["config"].get<std::string>().find("api_url: 'URL'") != std::string::npos;
        const Integration how = integration(
            key, replaced(one["config"], "URL", "http://receiver.example/" + name + (is_api ? "/" : "")), true);
        const auto templates = *Templates::make(one_route());
        for (const Json& step : recorded["received"]) {
            const auto of = [&](const std::string& wanted) -> const Json* {
                for (const Json& got : step)
                    if (got["case"] == wanted) return &got;
                return nullptr;
            };
            const Json* theirs = of(name);
            if (theirs == nullptr) continue;
            const Message message = message_of((*of("data_" + name))["body"]);
            const auto ours = posts_of(std::get<WebSettings>(how.how), message, *templates);
            REQUIRE(ours);
            REQUIRE(ours->size() == 1);
            const Post& post = ours->front();
            CAPTURE(name, to_string(message.reason));
            CHECK(post.method == (*theirs)["method"]);
            CHECK(replaced(post.url, "http://receiver.example/" + name, "") ==
                  replaced((*theirs)["path"], "//", "/"));
            for (const Header& header : post.headers) CHECK((*theirs)["headers"][header.first] == header.second);
            Json mine = Json::parse(post.body), them = (*theirs)["body"];
            cut_times(mine);
            cut_times(them);
            // The order of members is nobody's; that of lists is.
            CHECK(nlohmann::json::parse(mine.dump()).dump(1) == nlohmann::json::parse(them.dump()).dump(1));
            ++compared;
        }
    }
    CHECK(compared > 120);
}

TEST_CASE("in Vedette's words each service says what, since when and how bad, in its own markup", "[notify][receivers]") {
    struct Row {
        const char* key;
        const char* config;
        const char* firing;
    };
    const auto row = GENERATE(values<Row>({
        {"pagerduty_configs", "{routing_key: R, url: 'http://p/'}",
         R"j({"routing_key":"R","dedup_key":"e5d5b2f9d8f5a5b5","event_action":"trigger","payload":{"summary":"CRITICAL checkout down · 4 min · connection refused","source":"a","severity":"critical","timestamp":"2026-11-20T09:00:00.120Z","component":"checkout","class":"Down","custom_details":{"alerts":"it is down\ninstance: a  job: checkout\nsince 2026-11-20 09:00:00 UTC, value 0\npage: http://v.example  rule: http://vedette.example/graph?g0.expr=up"}},"client":"Vedette","client_url":"http://v.example","links":[{"href":"http://v.example","text":"page"},{"href":"http://vedette.example/graph?g0.expr=up","text":"rule"}]})j"},
        {"discord_configs", "{webhook_url: 'http://d/1/x'}",
         R"j({"allowed_mentions":{"parse":[]},"embeds":[{"title":"CRITICAL checkout down · 4 min · connection refused","description":"it is down\ninstance: a  job: checkout\nsince 2026-11-20 09:00:00 UTC, value 0\n[page](http://v.example)  [rule](http://vedette.example/graph?g0.expr=up)","color":10038562}]})j"},
        {"telegram_configs", "{bot_token: '1:x', chat_id: -5}",
         R"j({"chat_id":"-5","disable_web_page_preview":"true","parse_mode":"HTML","text":"<b>CRITICAL checkout down · 4 min · connection refused</b>\nit is down\ninstance: a  job: checkout\nsince 2026-11-20 09:00:00 UTC, value 0\n<a href=\"http://v.example\">page</a>  <a href=\"http://vedette.example/graph?g0.expr=up\">rule</a>"})j"},
        {"mattermost_configs", "{webhook_url: 'http://m/hooks/x', channel: ops}",
         R"j({"text":"**CRITICAL checkout down · 4 min · connection refused**","channel":"ops","attachments":[{"fallback":"CRITICAL checkout down · 4 min · connection refused","color":"#c0392b","text":"it is down\ninstance: a  job: checkout\nsince 2026-11-20 09:00:00 UTC, value 0\n[page](http://v.example)  [rule](http://vedette.example/graph?g0.expr=up)"}]})j"},
        {"twilio_configs", "{account_sid: AC1, auth_token: t, from: '+15550000', to: '+4930123456'}",
         "To=%2B4930123456&From=%2B15550000&Body=CRITICAL%20checkout%20down%20-%204%20min%20-%20connection%20refused"
         "%0Ahttp%3A%2F%2Fv.example"},
        {"alertmanager_configs", "{url: 'http://am:9093'}",
         R"j([{"labels":{"alertname":"Down","instance":"a","job":"checkout","severity":"critical"},"annotations":{"reason":"connection refused","summary":"it is down"},"startsAt":"2026-11-20T09:00:00.120Z","endsAt":"2026-11-20T17:05:00.120Z","generatorURL":"http://vedette.example/graph?g0.expr=up"}])j"},
    }));
    CAPTURE(row.key);
    Message message = firing();
    message.repeat_interval = 4h;
    const std::string body = posts(integration(row.key, row.config), message).at(0).body;
    CHECK(replaced(body, incident_key(message), "e5d5b2f9d8f5a5b5") == row.firing);
}

TEST_CASE("a Slack bot's message is edited while it fires, with new trouble said aloud, and answered when it is over",
          "[notify][receivers][slack]") {
    const Integration how = integration("slack_configs", "{app_token: xoxb, channel: '#ops', app_url: 'http://s/api/chat.postMessage'}");
    CHECK(posts(how, firing()).at(0).url == "http://s/api/chat.postMessage");
    CHECK(posts(how, firing()).at(0).headers.at(0).second == "Bearer xoxb");
    Message next = firing();
    next.remembered = R"({"channel":"C1","ts":"17.5"})";
    next.reason = Reason::SomeResolved;
    const auto quiet = posts(how, next);
    REQUIRE(quiet.size() == 1);
    CHECK(quiet[0].url == "http://s/api/chat.update");
    CHECK(Json::parse(quiet[0].body)["ts"] == "17.5");
    CHECK(Json::parse(quiet[0].body)["channel"] == "C1");
    REQUIRE(quiet[0].instead);
    CHECK(quiet[0].instead->url == "http://s/api/chat.postMessage");
    next.reason = Reason::NewAlerts;
    const auto loud = posts(how, next);
    REQUIRE(loud.size() == 2);
    CHECK(Json::parse(loud[1].body).dump() ==
          R"({"channel":"C1","thread_ts":"17.5","text":"CRITICAL checkout down · 4 min · connection refused","reply_broadcast":true})");
    Message over = resolved();
    over.remembered = next.remembered;
    const auto end = posts(how, over);
    REQUIRE(end.size() == 2);
    CHECK(Json::parse(end[0].body)["attachments"][0]["color"] == "good");
    CHECK(Json::parse(end[1].body).dump() ==
          R"({"channel":"C1","thread_ts":"17.5","text":"RESOLVED checkout up · was down 12 min","reply_broadcast":false})");
    next.remembered = "garbage";
    CHECK(posts(how, next).at(0).url == "http://s/api/chat.postMessage");
}

TEST_CASE("Discord and Telegram edit what is over, where they were told so", "[notify][receivers]") {
    Message over = resolved();
    over.remembered = "42";
    const auto discord = posts(integration("discord_configs", "{webhook_url: 'http://d/1/x?thread_id=2'}"), over);
    CHECK(discord.at(0).method == "PATCH");
    CHECK(discord.at(0).url == "http://d/1/x/messages/42?thread_id=2");
    CHECK(discord.at(0).instead->url == "http://d/1/x?thread_id=2&wait=true");
    const auto telegram = posts(integration("telegram_configs", "{bot_token: b, chat_id: 1, api_url: 'http://t'}"), over);
    CHECK(telegram.at(0).url == "http://t/botb/sendMessage");
    CHECK(Json::parse(telegram.at(0).body)["reply_parameters"]["message_id"] == 42);
    over.reason = Reason::SomeResolved;
    const auto edit = posts(integration("telegram_configs", "{bot_token: b, chat_id: 1, api_url: 'http://t'}"), over);
    CHECK(edit.at(0).url == "http://t/botb/editMessageText");
    CHECK_FALSE(Json::parse(edit.at(0).instead->instead->body).contains("parse_mode"));
}

TEST_CASE("a text is cut at its service's limit, between characters, entities and tags", "[notify][receivers][cut]") {
    CHECK(measure("aä😀", Measure::Bytes) == 7);
    CHECK(measure("aä😀", Measure::Characters) == 3);
    CHECK(measure("aä😀", Measure::Utf16) == 4);
    CHECK(cut_text("aä😀b", 5, Measure::Utf16) == "aä😀b");
    CHECK(cut_text("aä😀b", 4, Measure::Utf16) == "aä…");
    CHECK(cut_text("aä😀bc", 4, Measure::Characters) == "aä😀…");
    CHECK(cut_marked("a &amp; b", 5, Measure::Characters) == "a …");
    CHECK(cut_marked("<http://x|y> z", 10, Measure::Characters) == "…");
    CHECK(cut_html("<b>bold text</b> more", 14, Measure::Characters) == "<b>bold t…</b>");
    CHECK(cut_html("<b>bold</b> more", 16, Measure::Characters) == "<b>bold</b> more");
    CHECK(cut_html("<b>bold</b> more", 14, Measure::Characters) == "<b>bold</b> m…");
    // Whatever the limit: never longer, always closed, always UTF-8.
    const std::string html = "<b>größer 😀</b> <a href=\"http://x/?a=1&amp;b\">link &lt;x&gt;</a> und <i>mehr <b>tief</b></i>";
    for (std::size_t max = 0; max < html.size() + 2; ++max) {
        const std::string cut = cut_html(html, max, Measure::Utf16);
        CAPTURE(max, cut);
        CHECK(measure(cut, Measure::Utf16) <= max);
        CHECK(is_utf8(cut));
        for (const char* tag : {"b", "a", "i"})
            CHECK((cut.find("<" + std::string(tag)) == cut.npos) == (cut.find("</" + std::string(tag)) == cut.npos));
        CHECK(std::ranges::count(cut, '<') == std::ranges::count(cut, '>'));
    }
}

TEST_CASE("hostile labels are words in every markup, and every message keeps its limit", "[notify][receivers][cut]") {
    Message many;
    many.external_url = "http://v/";
    many.at = nine;
    Alert alert = make_alert("a", AlertState::Firing, nine);
    alert.labels = {{"alertname", "<!channel> @everyone [x](http://evil) **b** `c` </b><script>"}, {"job", "ä😀&<>\"'|~#\\"}};
    alert.annotations = {{"summary", std::string(9000, 'x') + "😀"}, {"description", "# head\n- list\n> quote"}};
    for (int i = 0; i < 30; ++i) many.alerts.push_back(std::make_shared<const Alert>(alert));
    const std::pair<const char*, const char*> all[] = {
        {"slack_configs", "{api_url: 'http://s/'}"}, {"pagerduty_configs", "{routing_key: r}"},
        {"msteamsv2_configs", "{webhook_url: 'http://t/'}"}, {"discord_configs", "{webhook_url: 'http://d/'}"},
        {"telegram_configs", "{bot_token: b, chat_id: 1}"}, {"mattermost_configs", "{webhook_url: 'http://m/'}"},
        {"rocketchat_configs", "{token: a, token_id: b}"}, {"opsgenie_configs", "{api_key: k}"},
        {"victorops_configs", "{api_key: k, routing_key: r}"}};
    for (const auto& [key, config] : all) {
        CAPTURE(key);
        const Integration how = integration(key, config);
        const Service& service = *find_service(how.kind());
        const std::string body = posts(how, many).at(0).body;
        CHECK(body.size() < 140'000);
        const bool is_plain = how.kind() == "pagerduty" || how.kind() == "opsgenie" || how.kind() == "victorops";
        CHECK((is_plain || body.find("<script>") == body.npos));
        CHECK((is_plain || body.find("<!channel>") == body.npos));
        const Json json = Json::parse(body);
        if (how.kind() == "telegram") CHECK(measure(json["text"].get<std::string>(), Measure::Utf16) <= service.text_max);
        if (how.kind() == "discord") {
            CHECK(measure(json["embeds"][0]["description"].get<std::string>(), Measure::Utf16) <= service.text_max);
            CHECK(measure(json["embeds"][0]["title"].get<std::string>(), Measure::Utf16) <= 256);
        }
        if (how.kind() == "slack") CHECK(json["attachments"][0]["text"].get<std::string>().size() <= service.text_max);
        if (how.kind() == "msteamsv2") CHECK(body.size() <= 28'000);
    }
    CHECK(escape_markdown("@here *x* [y](z)\n- a") == "\\@here \\*x\\* \\[y\\]\\(z\\)\n\\- a");
    CHECK(plain_ascii("größer · 5 µs … 😀") == "groesser - 5 us ... ?");
    const std::string sms = posts(integration("twilio_configs", "{account_sid: A, auth_token: t, from: '+15550000', to: '+4930123456'}"), many).at(0).body;
    CHECK(sms.size() < 1600);
}

TEST_CASE("texts of the configuration make a receiver look as Alertmanager's, and a file of Alertmanager's always",
          "[notify][receivers][config]") {
    const auto own = [](const Integration& how) { return std::get<WebSettings>(how.how).own_words; };
    CHECK(own(integration("slack_configs", "{api_url: 'http://s/'}")));
    CHECK(own(integration("slack_configs", "{api_url: 'http://s/', username: bot, color: '#fff'}")));
    CHECK_FALSE(own(integration("slack_configs", "{api_url: 'http://s/', title: x}")));
    CHECK_FALSE(own(integration("slack_configs", "{api_url: 'http://s/', style: alertmanager}")));
    CHECK_FALSE(own(integration("slack_configs", "{api_url: 'http://s/'}", true)));
    CHECK(own(integration("slack_configs", "{api_url: 'http://s/', style: vedette}", true)));
}

TEST_CASE("times that people read are in their time zone", "[notify][receivers]") {
    Message message = firing();
    message.timezone = *find_time_zone("Europe/Paris");
    CHECK(words_of(message, *message.alerts[0]).since == "since 2026-11-20 10:00:00 CET");
    Message over = resolved();
    over.timezone = message.timezone;
    CHECK(words_of(over, *over.alerts[0]).since == "from 2026-11-20 10:00:00 CET until 2026-11-20 10:12:00 CET");
}

TEST_CASE("a value stands beside the threshold it is measured by", "[notify][receivers]") {
    Message message = firing();
    auto history = std::make_shared<History>();
    history->comparison = "<";
    history->threshold = 0.5;
    message.histories[message.alerts[0]->id.fingerprint] = history;
    CHECK(words_of(message, *message.alerts[0]).value == "value 0, threshold < 0.5");
}
