// Slack's incoming webhook. Without templates of the user's: a first line as on a lock screen, then
// what, where, since when, and links; with them, an attachment as Alertmanager posts it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "notify/senders/senders.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;

/// A link's address: `|` and `>` would end it.
std::string link_url(std::string_view url) {
    std::string out;
    for (const char c : url) {
        if (c == '|') out += "%7C";
        else if (c == '<') out += "%3C";
        else if (c == '>') out += "%3E";
        else if (c == '&') out += "&amp;";
        else if (static_cast<unsigned char>(c) > ' ') out += c;
    }
    return out;
}

std::string alert_text(const Message& message, const Alert& alert) {
    std::string out;
    // Of a single alert the first line of the message has said it.
    if (message.alerts.size() > 1) out = "*" + escape_slack(headline(alert, message.at)) + "*\n";
    for (const char* name : {"summary", "description"})
        if (const auto text = alert.annotations.get(name); !text.empty())
            out += escape_slack(text) + "\n";
    for (const Label label : alert.labels)
        if (label.name != "alertname" && label.name != "severity")
            out += fmt::format("{}: {}  ", escape_slack(label.name), escape_slack(label.value));
    out += fmt::format("\nsince {}, value {}\n", format_rfc3339(starts_at(alert)), alert.value);
    for (const Link& link : links(message, alert))
        out += fmt::format("<{}|{}>  ", link_url(link.url), link.name);
    return out;
}

std::string default_text(const Message& message) {
    std::string out;
    std::size_t shown = 0;
    for (const AlertRef& alert : message.alerts) {
        const std::string one = alert_text(message, *alert);
        // Whole alerts only: a cut link would show its brackets. The first may be cut, as a last resort.
        if (shown == limits::slack_alerts_max ||
            (shown > 0 && out.size() + one.size() + 32 > limits::slack_text_bytes_max))
            break;
        out += (shown++ == 0 ? "" : "\n\n") + one;
    }
    if (shown < message.alerts.size())
        out += fmt::format("\n\nand {} more", message.alerts.size() - shown);
    return out;
}

/// Expands templates into JSON members, cut to what Slack takes; keeps the first failure.
class Filler {
public:
    Filler(const Message& message, const Templates& templates)
        : message_(message), templates_(templates) {}

    void put(Json& into, const char* key, std::string_view text, std::size_t bytes_max) {
        if (text.empty()) return;
        auto expanded = templates_.expand(text, message_);
        if (!expanded && !failure_) failure_ = expanded.error();
        else if (expanded && !expanded->empty()) into[key] = cut_text(*expanded, bytes_max);
    }
    const std::optional<Error>& failure() const { return failure_; }

private:
    const Message& message_;
    const Templates& templates_;
    std::optional<Error> failure_;
};

}  // namespace

std::string escape_slack(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&') out += "&amp;";
        else if (c == '<') out += "&lt;";
        else if (c == '>') out += "&gt;";
        else out += c;
    }
    return out;
}

Result<std::string> slack_body(const SlackSettings& settings, const Message& message,
                               const Templates& templates) {
    constexpr std::size_t line = limits::slack_title_bytes_max, text = limits::slack_text_bytes_max;
    Json out, attachment;
    Filler filler(message, templates);
    const std::string first = cut_text(escape_slack(headline(message)) +
                                           (message.possible_repeat ? " (possibly a repeat)" : ""), text);
    filler.put(out, "channel", settings.channel, line);
    filler.put(out, "username", settings.username, line);
    filler.put(out, "icon_emoji", settings.icon_emoji, line);
    filler.put(out, "icon_url", settings.icon_url, text);
    if (settings.link_names) out["link_names"] = true;
    const bool ours = settings.title.empty() && settings.text.empty() && settings.pretext.empty();
    if (ours) {
        out["text"] = first;
        attachment["text"] = cut_text(default_text(message), text);
    }
    attachment["fallback"] = first;
    attachment["color"] = message.firing() ? "danger" : "good";
    const std::pair<const char*, const std::string*> members[] = {
        {"title", &settings.title}, {"title_link", &settings.title_link},
        {"pretext", &settings.pretext}, {"text", &settings.text},
        {"fallback", &settings.fallback}, {"image_url", &settings.image_url},
        {"thumb_url", &settings.thumb_url}, {"footer", &settings.footer},
        {"color", &settings.color}};
    for (const auto& [key, value] : members)
        filler.put(attachment, key, *value, std::string_view(key) == "title" ? line : text);
    for (const SlackSettings::Field& field : settings.fields) {
        Json one;
        filler.put(one, "title", field.title, line);
        filler.put(one, "value", field.value, text);
        one["short"] = field.is_short;
        attachment["fields"].push_back(std::move(one));
    }
    if (settings.mrkdwn_in.empty()) attachment["mrkdwn_in"] = {"fallback", "pretext", "text"};
    else attachment["mrkdwn_in"] = settings.mrkdwn_in;
    if (filler.failure()) return fail(*filler.failure());
    out["attachments"] = Json::array();
    out["attachments"].push_back(std::move(attachment));
    return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void send_slack(const SlackSettings& settings, const Attempt& attempt, const Doors& doors,
                OutcomeDone done) {
    const auto url = settings.api_url.reveal();
    if (!url) return done(local_failure(url.error()));
    auto body = slack_body(settings, *attempt.message, *attempt.templates);
    if (!body) return done(local_failure(body.error()));
    HttpCall call =
        post_call(*url, settings.http, "application/json; charset=utf-8", std::move(*body));
    doors.http.send(std::move(call), Deadline::after(doors.clock.steady(), settings.timeout),
                    [done, &clock = doors.clock](const HttpOutcome& outcome) {
                        done(judge_http(outcome, service("slack"), clock.now()));
                    });
}

}  // namespace vedette::notify
