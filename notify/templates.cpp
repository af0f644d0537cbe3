#include "notify/templates.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/template/functions.h"

namespace vedette::notify {
namespace {

// Under the names that configurations refer to. What they give is compared with what a real Alertmanager
// sent (tests/notify/recorded/receivers.json).
constexpr std::string_view built_in = R"(
{{- define "__alertmanager" }}Alertmanager{{ end -}}
{{- define "__alertmanagerURL" }}{{ .ExternalURL }}/#/alerts?receiver={{ urlquery .Receiver }}{{ end -}}
{{- define "__description" }}{{ end -}}
{{- define "__subject" -}}
[{{ toUpper .Status }}{{ with .Alerts.Firing }}:{{ len . }}{{ end }}] {{ join " " .GroupLabels.SortedPairs.Values }}
{{- " " }}{{ $rest := .CommonLabels.Remove .GroupLabels.Names }}{{ with $rest.Values }}({{ join " " . }}){{ end }}
{{- end -}}
{{- define "__pairs" }}{{ range .SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}{{ end -}}
{{- define "__text_alert_list" }}{{ range . }}Labels:
{{ template "__pairs" .Labels }}Annotations:
{{ template "__pairs" .Annotations }}Source: {{ .GeneratorURL }}
{{ end }}{{ end -}}
{{- define "__indented" }}{{ range .SortedPairs }}  - {{ .Name }} = {{ .Value }}
{{ end }}{{ end -}}
{{- define "__text_alert_list_markdown" }}{{ range . }}
Labels:
{{ template "__indented" .Labels }}
Annotations:
{{ template "__indented" .Annotations }}
Source: {{ .GeneratorURL }}
{{ end }}
{{ end -}}
{{- define "__spaced" }}
{{ with .Alerts.Firing }}
Alerts Firing:
{{ template "__text_alert_list" . }}
{{ end }}
{{ with .Alerts.Resolved }}
Alerts Resolved:
{{ template "__text_alert_list" . }}
{{ end }}
{{ end -}}
{{- define "__headed" }}
{{ with .Alerts.Firing }}
# Alerts Firing:
{{ template "__text_alert_list_markdown" . }}
{{ end }}
{{ with .Alerts.Resolved }}
# Alerts Resolved:
{{ template "__text_alert_list_markdown" . }}
{{ end }}
{{ end -}}
{{- define "__common" }}{{ join " " .CommonAnnotations.SortedPairs.Values }}{{ end -}}
{{- define "__dense" }}{{ template "__common" . }}
{{ with .Alerts.Firing }}Alerts Firing:
{{ template "__text_alert_list" . }}{{ end }}
{{ with .Alerts.Resolved }}Alerts Resolved:
{{ template "__text_alert_list" . }}{{ end }}{{ end -}}
{{- define "__color" }}{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}{{ end -}}
{{- define "slack.default.title" }}{{ template "__subject" . }}{{ end -}}
{{- define "slack.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end -}}
{{- define "slack.default.fallback" }}{{ template "slack.default.title" . }} | {{ template "slack.default.titlelink" . }}{{ end -}}
{{- define "slack.default.username" }}{{ template "__alertmanager" . }}{{ end -}}
{{- define "slack.default.color" }}{{ template "__color" . }}{{ end -}}
{{- define "slack.default.text" }}{{ end -}}
{{- define "slack.default.pretext" }}{{ end -}}
{{- define "slack.default.footer" }}{{ end -}}
{{- define "slack.default.callbackid" }}{{ end -}}
{{- define "slack.default.iconemoji" }}{{ end -}}
{{- define "slack.default.iconurl" }}{{ end -}}
{{- define "email.default.subject" }}{{ template "__subject" . }}{{ end -}}
{{- define "email.default.text" }}{{ template "__dense" . }}{{ end -}}
{{- define "email.default.html" }}<p><b>{{ .Headline }}</b></p>{{ range .Alerts }}<table>{{ range .Labels.SortedPairs }}<tr><td>{{ .Name }}</td><td>{{ .Value }}</td></tr>{{ end }}{{ range .Annotations.SortedPairs }}<tr><td>{{ .Name }}</td><td>{{ .Value }}</td></tr>{{ end }}</table><p><a href="{{ .GeneratorURL }}">Source</a></p>{{ end }}{{ end -}}
{{- define "pagerduty.default.description" }}{{ template "__subject" . }}{{ end -}}
{{- define "pagerduty.default.client" }}{{ template "__alertmanager" . }}{{ end -}}
{{- define "pagerduty.default.clientURL" }}{{ template "__alertmanagerURL" . }}{{ end -}}
{{- define "pagerduty.default.instances" }}{{ template "__text_alert_list" . }}{{ end -}}
{{- define "opsgenie.default.message" }}{{ template "__subject" . }}{{ end -}}
{{- define "opsgenie.default.description" }}{{ template "__dense" . }}{{ end -}}
{{- define "opsgenie.default.source" }}{{ template "__alertmanagerURL" . }}{{ end -}}
{{- define "victorops.default.state_message" }}{{ template "__dense" . }}{{ end -}}
{{- define "victorops.default.entity_display_name" }}{{ template "__subject" . }}{{ end -}}
{{- define "victorops.default.monitoring_tool" }}{{ template "__alertmanager" . }}{{ end -}}
{{- define "telegram.default.message" }}{{ template "__spaced" . }}{{ end -}}
{{- define "discord.default.content" }}{{ end -}}
{{- define "discord.default.title" }}{{ template "__subject" . }}{{ end -}}
{{- define "discord.default.message" }}{{ template "__spaced" . }}{{ end -}}
{{- define "webex.default.message" }}{{ template "__common" . }}{{ template "__spaced" . }}{{ end -}}
{{- define "msteams.default.summary" }}{{ template "__subject" . }}{{ end -}}
{{- define "msteams.default.title" }}{{ template "__subject" . }}{{ end -}}
{{- define "msteams.default.text" }}{{ template "__headed" . }}{{ end -}}
{{- define "msteamsv2.default.title" }}{{ template "__subject" . }}{{ end -}}
{{- define "msteamsv2.default.text" }}{{ template "__headed" . }}{{ end -}}
{{- define "rocketchat.default.title" }}{{ template "__subject" . }}{{ end -}}
{{- define "rocketchat.default.alias" }}{{ template "__alertmanager" . }}{{ end -}}
{{- define "rocketchat.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end -}}
{{- define "rocketchat.default.emoji" }}{{ end -}}
{{- define "rocketchat.default.iconurl" }}{{ end -}}
{{- define "rocketchat.default.text" }}{{ end -}}
{{- define "mattermost.default.color" }}{{ template "__color" . }}{{ end -}}
{{- define "mattermost.default.username" }}{{ template "__alertmanager" . }}{{ end -}}
{{- define "mattermost.default.title" }}{{ template "__subject" . }}{{ end -}}
{{- define "mattermost.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end -}}
{{- define "mattermost.default.fallback" }}{{ template "mattermost.default.title" . }} | {{ template "mattermost.default.titlelink" . }}{{ end -}}
{{- define "mattermost.default.text" }}{{ template "__headed" . }}{{ end -}}
)";

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Alertmanager's order: `alertname`, then by name.
Pairs in_order(const Annotations::Texts& texts) {
    Pairs out(texts.begin(), texts.end());
    std::ranges::stable_partition(out, [](const auto& one) { return one.first == "alertname"; });
    return out;
}

TemplateList strings_of(const Pairs& texts, bool names) {
    TemplateList out;
    for (const auto& [name, text] : texts) out.emplace_back(names ? name : text);
    return out;
}

TemplateFunction returning(TemplateValue value) {
    return {"", [value](TemplateArguments) -> Result<TemplateValue> { return value; }};
}

/// `alertname=Down, job=shop`
std::string listed(const Pairs& texts) {
    std::string out;
    for (const auto& [name, text] : texts)
        out += fmt::format("{}{}={}", out.empty() ? "" : ", ", name, text);
    return out;
}

TemplateValue pairs_of(const Pairs& texts) {
    TemplateObject pairs;
    pairs.type = "template.Pairs";
    TemplateList list;
    for (const auto& [name, text] : texts) {
        TemplateObject pair;
        pair.type = "template.Pair";
        pair.fields = {{"Name", name}, {"Value", text}};
        list.emplace_back(std::move(pair));
    }
    pairs.self = TemplateValue(std::move(list), "[]template.Pair");
    pairs.methods["String"] = returning(listed(texts));
    pairs.methods["Names"] = returning(strings_of(texts, true));
    pairs.methods["Values"] = returning(strings_of(texts, false));
    return pairs;
}

/// A map with methods; `Remove` gives another one.
TemplateValue texts_value(const Annotations::Texts& texts) {
    TemplateObject out;
    out.type = "template.KV";
    TemplateMap map;
    for (const auto& [name, text] : texts) map.emplace(name, text);
    const Pairs pairs = in_order(texts);
    out.self = TemplateValue(std::move(map));
    out.methods["String"] = returning(listed(pairs));
    out.methods["SortedPairs"] = returning(pairs_of(pairs));
    out.methods["Names"] = returning(strings_of(pairs, true));
    out.methods["Values"] = returning(strings_of(pairs, false));
    out.methods["Remove"] = {"l", [texts](TemplateArguments arguments) -> Result<TemplateValue> {
        Annotations::Texts rest = texts;
        for (const TemplateValue& name : arguments[0].list()) rest.erase(name.string());
        return texts_value(rest);
    }};
    return out;
}

TemplateValue labels_value(const Labels& labels) {
    Annotations::Texts texts;
    for (const Label label : labels) texts.emplace(label.name, label.value);
    return texts_value(texts);
}

TemplateValue alert_value(const Alert& alert) {
    TemplateObject out;
    out.type = "template.Alert";
    const bool over = alert.state == AlertState::Resolved;
    out.fields = {{"Status", over ? "resolved" : "firing", "status"},
                  {"Labels", labels_value(alert.labels), "labels"},
                  {"Annotations", texts_value(alert.annotations.texts()), "annotations"},
                  {"StartsAt", starts_at(alert), "startsAt"},
                  {"EndsAt",
                   over ? TemplateValue(alert.resolved_at.value_or(starts_at(alert)))
                        : TemplateValue(Timestamp{-62'135'596'800'000}),
                   "endsAt"},
                  {"GeneratorURL", alert.generator_url, "generatorURL"},
                  {"Fingerprint", format_fingerprint(alert.id.fingerprint), "fingerprint"}};
    return out;
}

TemplateValue alerts_list(const Message& message, const std::optional<AlertState>& only) {
    TemplateList out;
    for (const AlertRef& one : message.alerts)
        if (!only || one->state == *only) out.push_back(alert_value(*one));
    return {std::move(out), "[]template.Alert"};
}

TemplateValue dot_of(const Message& message) {
    TemplateObject alerts;
    alerts.type = "template.Alerts";
    alerts.self = alerts_list(message, std::nullopt);
    alerts.methods["Firing"] = returning(alerts_list(message, AlertState::Firing));
    alerts.methods["Resolved"] = returning(alerts_list(message, AlertState::Resolved));
    TemplateObject out;
    out.type = "template.Data";
    out.fields = {{"Receiver", message.receiver, "receiver"},
                  {"Status", message.firing() ? "firing" : "resolved", "status"},
                  {"Alerts", std::move(alerts), "alerts"},
                  {"NotificationReason", to_string(message.reason), "notification_reason"},
                  {"GroupLabels", labels_value(message.group_labels), "groupLabels"},
                  {"CommonLabels", labels_value(message.common_labels()), "commonLabels"},
                  {"CommonAnnotations", texts_value(message.common_annotations().texts()),
                   "commonAnnotations"},
                  {"ExternalURL", message.external_url, "externalURL"}};
    // Ours: not among the fields, so that the message prints as Alertmanager prints it.
    out.methods["Headline"] = returning(headline(message));
    return out;
}

}  // namespace

Result<std::shared_ptr<const Templates>> Templates::make(const Settings& settings) {
    static const SystemClock clock;
    TemplateSet set(alertmanager_functions([] { return clock.now(); }));
    if (auto ok = set.add("built-in", built_in); !ok) return fail(ok.error());
    for (const auto& [name, text] : settings.templates)
        if (auto ok = set.add(name, text); !ok) return fail(ok.error());
    return std::shared_ptr<const Templates>(new Templates(std::move(set)));
}

Result<std::string> Templates::run(std::string_view text, const Message& message,
                                   TemplateSet::Escape escape) const {
    if (text.find("{{") == text.npos) return std::string(text);
    TemplateSet set = set_;
    if (auto ok = set.add("message", text); !ok) return fail(ok.error());
    return set.expand("message", dot_of(message), nullptr, escape);
}

Result<std::string> Templates::expand(std::string_view text, const Message& message) const {
    return run(text, message, TemplateSet::Escape::Nothing);
}

Result<std::string> Templates::expand_html(std::string_view text, const Message& message) const {
    return run(text, message, TemplateSet::Escape::Html);
}

Result<void> Templates::check(std::string_view text) const {
    TemplateSet set = set_;
    return set.add("message", text);
}

namespace {

void collect(const ConfigNode& node, std::vector<std::string_view>& out) {
    if (node.is_scalar()) out.push_back(node.text);
    for (const ConfigNode& item : node.items) collect(item, out);
    for (const auto& entry : node.entries) collect(entry.value, out);
}

/// Every template that an integration has.
std::vector<std::string_view> texts_of(const Integration& integration) {
    std::vector<std::string_view> out;
    if (const auto* web = std::get_if<WebSettings>(&integration.how)) {
        for (const auto& [key, text] : web->texts) out.push_back(text);
        for (const auto& [key, tree] : web->trees) collect(tree, out);
    } else if (const auto* email = std::get_if<EmailSettings>(&integration.how)) {
        out = {email->html, email->text};
        for (const auto& [name, value] : email->headers) out.push_back(value);
    }
    return out;
}

}  // namespace

Result<void> check_templates(const Settings& settings, const Templates& templates) {
    for (const Receiver& receiver : settings.receivers)
        for (const Integration& one : receiver.integrations)
            for (const std::string_view text : texts_of(one))
                if (auto ok = templates.check(text); !ok)
                    return fail(ok.error().fault, fmt::format("receiver `{}`, {}: {}", receiver.name,
                                                              one.kind(), ok.error().message));
    return {};
}

}  // namespace vedette::notify
