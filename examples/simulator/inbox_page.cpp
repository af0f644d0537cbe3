#include "examples/simulator/inbox_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <nlohmann/json.hpp>

#include "examples/simulator/mail.h"
#include "examples/simulator/mrkdwn.h"

namespace vedette::simulator {

namespace {

using Json = nlohmann::ordered_json;

// A 4 px grid, the system's typeface, colour for state only; dark and light.
constexpr std::string_view style = R"css(
:root{color-scheme:light dark;--page:#fbfbfa;--ink:#1d1f21;--quiet:#63676c;--line:#dcdedf;--card:#fff;
--good:#1a7f4b;--bad:#c0322b;--warn:#9a6700;--link:#0b5cad}
@media(prefers-color-scheme:dark){:root{--page:#141617;--ink:#e6e7e8;--quiet:#9aa0a6;--line:#33373a;--card:#1c1f21;
--good:#4cc38a;--bad:#ff7b72;--warn:#e3b341;--link:#6cb6ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:52rem;margin:0 auto;padding:16px}
header{display:flex;gap:16px;align-items:baseline;justify-content:space-between;margin-bottom:8px}
h1{font-size:16px;margin:0}h2{font-size:16px;margin:24px 0 8px}
a{color:var(--link)}
button{font:inherit;font-size:15px;color:inherit;background:none;border:1px solid var(--line);border-radius:4px;padding:4px 12px;cursor:pointer}
button:hover{border-color:var(--quiet)}
.quiet,time{color:var(--quiet)}
.services{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:0 24px;margin:0;padding:0;list-style:none}
.services li{display:flex;align-items:center;gap:8px;padding:4px 0;border-bottom:1px solid var(--line)}
.services b{font-weight:400;flex:1}.services form{margin:0}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
article{border-top:1px solid var(--line);padding:12px 0}
article>p.meta{margin:0 0 4px;font-size:15px;color:var(--quiet);display:flex;flex-wrap:wrap;gap:0 12px}
.meta span:first-child{color:var(--ink);font-weight:600}.meta time{margin-left:auto}
.bar{border-left:4px solid var(--quiet);padding-left:12px;margin-top:4px}
.bar.danger{border-color:var(--bad)}.bar.good{border-color:var(--good);color:inherit}.bar.warning{border-color:var(--warn)}
.first{font-weight:700}
dl{display:grid;grid-template-columns:auto 1fr;gap:0 12px;margin:4px 0}dt{color:var(--quiet)}dd{margin:0}
table{border-collapse:collapse;width:100%;font-size:15px}
th{font-weight:400;color:var(--quiet);text-align:left}td,th{padding:2px 12px 2px 0;vertical-align:top}
td:first-child,th{white-space:nowrap}
pre{white-space:pre-wrap;font:14px/1.45 ui-monospace,monospace;margin:4px 0;overflow-wrap:anywhere}
pre.text{font:inherit}
summary{cursor:pointer;color:var(--quiet);font-size:15px}
code{font:14px ui-monospace,monospace}
@media(max-width:36rem){.services{grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:0 16px}
.services .port{display:none}.services button{padding:4px 8px}td{display:block}tr{display:block;padding:4px 0}th{display:none}}
)css";

constexpr std::string_view script = R"js('use strict';
const live = document.getElementById('live');
let asking = false, again = false;
async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    const open = new Set([...document.querySelectorAll('details[open]')].map((one) => one.id));
    const answer = await fetch('/inbox/body');
    if (answer.ok) {
      live.innerHTML = await answer.text();
      for (const id of open) document.getElementById(id)?.setAttribute('open', '');
    }
  } catch { /* the simulator is gone; the stream comes back with it */ }
  asking = false;
  if (again) { again = false; refresh(); }
}
const stream = new EventSource('/inbox/events');
stream.addEventListener('change', refresh);
stream.addEventListener('open', refresh);
document.addEventListener('submit', (event) => {
  event.preventDefault();
  fetch(event.target.action, { method: 'POST' }).then(refresh);
});
)js";

std::string clock_time(Timestamp at) {
    const std::time_t seconds = static_cast<std::time_t>(at.ms / 1000);
    std::tm local{};
    localtime_r(&seconds, &local);
    return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

/// A member that is a string, or nothing.
std::string text_of(const Json& object, const char* key) {
    if (!object.is_object()) return {};
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// A member that is a list; an empty one otherwise.
Json list_of(const Json& object, const char* key) {
    if (!object.is_object()) return Json::array();
    const auto found = object.find(key);
    return found != object.end() && found->is_array() ? *found : Json::array();
}

std::string pretty(const Json& json) {
    return escape_html(json.dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string raw_details(const Message& message, const std::string& html) {
    return fmt::format("<details id=\"raw{}\"><summary>as it came</summary><pre>{}</pre></details>\n", message.id, html);
}

bool is_hex_colour(std::string_view text) {
    return text.size() == 7 && text[0] == '#' &&
           std::ranges::all_of(text.substr(1), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

/// `good`, `warning` and `danger` are Slack's own names; others must be #rrggbb.
std::string bar_html(const std::string& colour) {
    if (colour == "good" || colour == "warning" || colour == "danger")
        return fmt::format("<div class=\"bar {}\">", colour);
    if (is_hex_colour(colour)) return fmt::format("<div class=\"bar\" style=\"border-color:{}\">", colour);
    return "<div class=\"bar\">";
}

std::string fields_html(const Json& attachment) {
    std::string out;
    for (const Json& field : list_of(attachment, "fields"))
        out += fmt::format("<dt>{}</dt><dd>{}</dd>", escape_html(text_of(field, "title")),
                           mrkdwn_to_html(text_of(field, "value")));
    return out.empty() ? out : "<dl>" + out + "</dl>\n";
}

std::string attachment_html(const Json& attachment) {
    std::string out;
    if (const std::string text = text_of(attachment, "pretext"); !text.empty())
        out += "<div>" + mrkdwn_to_html(text) + "</div>\n";
    out += bar_html(text_of(attachment, "color"));
    if (const std::string title = text_of(attachment, "title"); !title.empty())
        out += "<div class=\"first\">" + link_html(text_of(attachment, "title_link"), title) + "</div>\n";
    if (const std::string text = text_of(attachment, "text"); !text.empty())
        out += "<div>" + mrkdwn_to_html(text) + "</div>\n";
    out += fields_html(attachment);
    if (const std::string footer = text_of(attachment, "footer"); !footer.empty())
        out += "<div class=\"quiet\">" + mrkdwn_to_html(footer) + "</div>\n";
    return out + "</div>\n";
}

/// Slack's own look: the first line stands out, attachments have a bar of their colour.
std::string slack_html(const Json& body) {
    const std::string text = text_of(body, "text");
    const std::size_t line = std::min(text.find('\n'), text.size());
    std::string out;
    if (!text.empty()) out += "<div class=\"first\">" + mrkdwn_to_html(text.substr(0, line)) + "</div>\n";
    if (line < text.size()) out += "<div>" + mrkdwn_to_html(text.substr(line + 1)) + "</div>\n";
    for (const Json& attachment : list_of(body, "attachments")) out += attachment_html(attachment);
    return out;
}

std::string alert_row(const Json& alert) {
    const Json none = Json::object();
    const auto member = [&](const char* key) -> const Json& {
        const auto found = alert.is_object() ? alert.find(key) : alert.end();
        return alert.is_object() && found != alert.end() ? *found : none;
    };
    const std::string status = text_of(alert, "status");
    std::string labels;
    if (member("labels").is_object())
        for (const auto& [name, value] : member("labels").items())
            if (name != "alertname" && value.is_string())
                labels += fmt::format("{}={} ", name, value.get<std::string>());
    return fmt::format("<tr><td class=\"{}\">{}</td><td>{}<br><span class=\"quiet\">{}</span></td><td>{}</td></tr>\n",
                       status == "resolved" ? "good" : "bad", escape_html(status),
                       escape_html(text_of(member("labels"), "alertname")), escape_html(labels),
                       escape_html(text_of(member("annotations"), "summary")));
}

std::string webhook_html(const Json& body) {
    const Json alerts = list_of(body, "alerts");
    if (alerts.empty()) return {};
    std::string out = "<table><tr><th>status</th><th>alert</th><th>summary</th></tr>\n";
    for (const Json& alert : alerts) out += alert_row(alert);
    return out + "</table>\n";
}

std::string mail_html(const Message& message) {
    const MailView mail = read_mail(message.body);
    std::string out = fmt::format("<div class=\"first\">{}</div>\n", escape_html(mail.subject));
    out += fmt::format("<dl><dt>from</dt><dd>{}</dd><dt>to</dt><dd>{}</dd></dl>\n", escape_html(mail.from),
                       escape_html(mail.to.empty() ? message.where : mail.to));
    out += fmt::format("<pre class=\"text\">{}</pre>\n", escape_html(mail.text));
    return out + raw_details(message, escape_html(valid_utf8(message.body)));
}

std::string json_message_html(const Message& message) {
    const Json body = Json::parse(message.body, nullptr, false);
    if (body.is_discarded())
        return fmt::format("<p class=\"warn\">no JSON</p><pre>{}</pre>\n", escape_html(valid_utf8(message.body)));
    const std::string view = message.kind == Message::Kind::Slack ? slack_html(body) : webhook_html(body);
    return view + raw_details(message, pretty(body));
}

std::string service_html(const ServiceState& service) {
    const bool well = service.health == Health::Well;
    return fmt::format(
        "<li><span class=\"{}\">{}</span><b>{} <span class=\"quiet{}\">{}</span></b>"
        "<form method=\"post\" action=\"/{}/{}\"><button>{}</button></form></li>\n",
        well ? "good" : "bad", well ? "●" : "▲", service.name,
        well ? " port" : "", well ? fmt::format(":{}", service.port) : std::string(to_string(service.health)),
        well ? "break" : "mend", service.name, well ? "break" : "mend");
}

}  // namespace

std::string message_html(const Message& message, Timestamp now) {
    const std::string ago = humanize_duration(std::max(now - message.at, Milliseconds(0)));
    std::string out = fmt::format("<article><p class=\"meta\"><span>{}</span><span>{}</span>", to_string(message.kind),
                                  escape_html(valid_utf8(message.where)));
    if (message.answered >= 300) out += fmt::format("<span class=\"warn\">was answered {}</span>", message.answered);
    out += fmt::format("<time title=\"{} ago\">{}</time></p>\n", ago, clock_time(message.at));
    out += message.kind == Message::Kind::Mail ? mail_html(message) : json_message_html(message);
    return out + "</article>\n";
}

std::string inbox_body(const std::vector<ServiceState>& services, const std::vector<Message>& messages,
                       Timestamp now) {
    std::string out = "<ul class=\"services\">\n";
    for (const ServiceState& service : services) out += service_html(service);
    out += fmt::format("</ul>\n<h2>{}</h2>\n",
                       messages.empty() ? "No messages yet"
                                        : fmt::format("{} message{}", messages.size(), messages.size() == 1 ? "" : "s"));
    if (messages.empty()) out += "<p class=\"quiet\">Break a service above and wait for half a minute.</p>\n";
    for (const Message& message : messages) out += message_html(message, now);
    return out;
}

std::string inbox_page(const std::vector<ServiceState>& services, const std::vector<Message>& messages,
                       Timestamp now) {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
        "<title>Inbox of the simulated platform</title><style>{}</style></head>\n<body><main>"
        "<header><h1>The simulated platform</h1>"
        "<form method=\"post\" action=\"/inbox/clear\"><button>Clear</button></form></header>\n"
        "<div id=\"live\">\n{}</div></main><script src=\"/inbox.js\"></script></body></html>\n",
        style, inbox_body(services, messages, now));
}

std::string_view inbox_script() {
    return script;
}

std::string_view inbox_security_policy() {
    return "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; "
           "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
}

}  // namespace vedette::simulator
