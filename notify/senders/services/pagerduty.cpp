// PagerDuty's Events API, version 2: one incident a group.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "notify/senders/services/services.h"
#include "notify/words/words.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;
using Is = Key::Is;
using Part = Key::Part;

constexpr std::size_t summary_max = 1024, body_max = 512'000;

Json links_json(Filler& filler, const WebSettings& settings, const Message& message) {
    if (const ConfigNode* links = settings.tree("links")) return filler.tree(*links);
    Json out = Json::array();
    if (settings.own_words && !message.alerts.empty())
        for (const Link& link : links(message, *message.alerts.front()))
            out.push_back({{"href", link.url}, {"text", link.name}});
    return out;
}

/// Alertmanager's four, and what the configuration says; each is read as YAML after its template.
Json details_json(Filler& filler, const WebSettings& settings) {
    static constexpr std::pair<const char*, const char*> defaults[] = {
        {"firing", "{{ .Alerts.Firing | toJson }}"},
        {"resolved", "{{ .Alerts.Resolved | toJson }}"},
        {"num_firing", "{{ .Alerts.Firing | len }}"},
        {"num_resolved", "{{ .Alerts.Resolved | len }}"}};
    Json out = Json::object();
    for (const auto& [name, text] : defaults) out[name] = filler.typed(filler.expand(text));
    if (const ConfigNode* more = settings.tree("details")) out.update(filler.typed_tree(*more));
    return out;
}

void put_own_words(Json& payload, const Message& message) {
    const Alert& lead = *message.alerts.front();
    payload["summary"] = cut_text(headline(message), summary_max, Measure::Characters);
    const std::string_view instance = lead.labels.get("instance");
    payload["source"] = instance.empty() ? "vedette" : std::string(instance);
    payload["severity"] = worst_severity(message);
    payload["timestamp"] = format_rfc3339(starts_at(lead));
    Filler::put(payload, "component", std::string(lead.labels.get("job")));
    Filler::put(payload, "class", std::string(lead.labels.get("alertname")));
    payload["custom_details"] = {{"alerts", body_words(message, plain_markup, body_max / 4)}};
}

void put_templates(Json& payload, Filler& filler, const WebSettings& settings) {
    payload["summary"] = cut_text(filler.text("description"), summary_max, Measure::Characters);
    payload["source"] = filler.text("source");
    payload["severity"] = filler.text("severity");
    for (const char* key : {"class", "component", "group"}) filler.put(payload, key);
    payload["custom_details"] = details_json(filler, settings);
}

Result<std::vector<Post>> posts(const Draft& draft) {
    const WebSettings& settings = draft.settings;
    Filler filler(draft);
    Json body, payload = Json::object();
    body["routing_key"] = filler.secret("routing_key");
    body["dedup_key"] = incident_key(draft.message);
    body["event_action"] = draft.message.firing() ? "trigger" : "resolve";
    if (settings.own_words && !draft.message.alerts.empty()) put_own_words(payload, draft.message);
    else put_templates(payload, filler, settings);
    body["payload"] = std::move(payload);
    if (settings.own_words) {
        body["client"] = "Vedette";
        body["client_url"] = draft.message.external_url;
    }
    filler.put(body, "client");
    filler.put(body, "client_url");
    if (const ConfigNode* images = settings.tree("images")) body["images"] = filler.tree(*images);
    if (Json links = links_json(filler, settings, draft.message); !links.empty()) body["links"] = std::move(links);
    Post post;
    post.url = filler.text("url");
    post.body = print_json(body);
    if (post.body.size() > body_max) {
        body["payload"]["custom_details"] = {{"error", "left out: the event would be larger than 512 kB"}};
        post.body = print_json(body);
    }
    return filler.finish({std::move(post)});
}

void check(MapReader& map, const WebSettings& settings) {
    if (map.node("service_key") != nullptr || map.node("service_key_file") != nullptr)
        return map.problem("service_key", "`service_key` (events version 1) is not supported; expected "
                                          "`routing_key` of an integration of version 2");
    if (!settings.secret("routing_key").is_set())
        map.problems().add(map.map(), "PagerDuty needs `routing_key` or `routing_key_file`");
}

constexpr Key keys[] = {
    {"url", Is::Text, Part::Operation, "https://events.pagerduty.com/v2/enqueue", "pagerduty_url"},
    {"routing_key", Is::Secret},
    {"client", Is::Text, Part::Look, R"({{ template "pagerduty.default.client" . }})"},
    {"client_url", Is::Text, Part::Look, R"({{ template "pagerduty.default.clientURL" . }})"},
    {"description", Is::Text, Part::Words, R"({{ template "pagerduty.default.description" .}})"},
    {"severity", Is::Text, Part::Words, "error"},
    {"source", Is::Text, Part::Words, R"({{ template "pagerduty.default.client" . }})"},
    {"class", Is::Text, Part::Words},
    {"component", Is::Text, Part::Words},
    {"group", Is::Text, Part::Words},
    {"details", Is::Tree, Part::Words},
    {"images", Is::Tree, Part::Look},
    {"links", Is::Tree, Part::Look},
};

}  // namespace

const Service pagerduty_service{.kind = "pagerduty",
                                .name = "PagerDuty",
                                .send_resolved = true,
                                .keys = keys,
                                .text_max = summary_max,
                                .measure = Measure::Characters,
                                .posts = posts,
                                .check = check};

}  // namespace vedette::notify
