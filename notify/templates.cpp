#include "notify/templates.h"

#include <fmt/format.h>

#include "base/template/functions.h"

namespace vedette::notify {
namespace {

// Ours, short, under the names that configurations of others refer to.
constexpr std::string_view built_in = R"({{ define "__subject" -}}
[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing | len }}{{ end }}] {{ .GroupLabels.Values | join " " }}
{{- end }}
{{ define "__alert_list" }}{{ range . }}{{ .Annotations.summary }}
{{ range .Labels.SortedPairs }}  {{ .Name }} = {{ .Value }}
{{ end }}{{ end }}{{ end }}
{{ define "slack.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "slack.default.titlelink" }}{{ .ExternalURL }}{{ end }}
{{ define "slack.default.fallback" }}{{ template "__subject" . }}{{ end }}
{{ define "slack.default.text" }}{{ template "__alert_list" .Alerts }}{{ end }}
{{ define "slack.default.color" }}{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}{{ end }}
{{ define "slack.default.username" }}vedette{{ end }}
{{ define "slack.default.pretext" }}{{ end }}
{{ define "slack.default.footer" }}{{ end }}
{{ define "slack.default.iconemoji" }}{{ end }}
{{ define "slack.default.iconurl" }}{{ end }}
{{ define "email.default.subject" }}{{ template "__subject" . }}{{ end }}
{{ define "email.default.text" }}{{ template "__alert_list" .Alerts }}{{ end }}
)";

template <typename Texts>
TemplateList strings_of(const Texts& texts, bool names) {
    TemplateList out;
    for (const auto& [name, text] : texts) out.emplace_back(names ? name : text);
    return out;
}

TemplateFunction returning(TemplateValue value) {
    return {"", [value](TemplateArguments) -> Result<TemplateValue> { return value; }};
}

/// `alertname=Down, job=shop`
template <typename Texts>
std::string listed(const Texts& texts) {
    std::string out;
    for (const auto& [name, text] : texts)
        out += fmt::format("{}{}={}", out.empty() ? "" : ", ", name, text);
    return out;
}

template <typename Texts>
TemplateValue pairs_of(const Texts& texts) {
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
    out.self = TemplateValue(std::move(map));
    out.methods["String"] = returning(listed(texts));
    out.methods["SortedPairs"] = returning(pairs_of(texts));
    out.methods["Names"] = returning(strings_of(texts, true));
    out.methods["Values"] = returning(strings_of(texts, false));
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

Result<std::string> Templates::expand(std::string_view text, const Message& message) const {
    if (text.find("{{") == text.npos) return std::string(text);
    TemplateSet set = set_;
    if (auto ok = set.add("message", text); !ok) return fail(ok.error());
    return set.expand("message", dot_of(message));
}

Result<void> Templates::check(std::string_view text) const {
    TemplateSet set = set_;
    return set.add("message", text);
}

Result<void> check_templates(const Settings& settings, const Templates& templates) {
    for (const Receiver& receiver : settings.receivers)
        for (const Integration& one : receiver.integrations) {
            std::vector<std::string_view> texts;
            if (const auto* slack = std::get_if<SlackSettings>(&one.how)) {
                texts = {slack->channel, slack->username, slack->color, slack->title,
                         slack->title_link, slack->pretext, slack->text, slack->footer,
                         slack->fallback, slack->icon_emoji, slack->icon_url, slack->image_url,
                         slack->thumb_url};
                for (const auto& field : slack->fields) {
                    texts.push_back(field.title);
                    texts.push_back(field.value);
                }
            } else if (const auto* email = std::get_if<EmailSettings>(&one.how)) {
                texts = {email->html, email->text};
                for (const auto& [name, value] : email->headers) texts.push_back(value);
            }
            for (const std::string_view text : texts)
                if (auto ok = templates.check(text); !ok)
                    return fail(ok.error().fault, fmt::format("receiver `{}`, {}: {}", receiver.name,
                                                              one.kind(), ok.error().message));
        }
    return {};
}

}  // namespace vedette::notify
