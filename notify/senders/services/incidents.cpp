// Services that keep incidents of their own: Opsgenie and VictorOps; and Webex, a plain text.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "notify/senders/services/services.h"
#include "notify/words/words.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;
using Is = Key::Is;
using Part = Key::Part;

constexpr std::size_t opsgenie_message_max = 130, opsgenie_text_max = 15'000;
constexpr std::size_t victorops_text_max = 20'480, webex_text_max = 7'439;

/// `a,b , c` → the three as they stand there.
Json split_commas(const std::string& text) {
    Json out = Json::array();
    for (std::size_t from = 0; from <= text.size();) {
        const std::size_t comma = std::min(text.find(',', from), text.size());
        out.push_back(text.substr(from, comma - from));
        from = comma + 1;
    }
    return out;
}

Json opsgenie_create(Filler& filler, const Draft& draft) {
    const bool own = draft.settings.own_words;
    Json body;
    body["alias"] = incident_key(draft.message);
    body["message"] = cut_text(own ? headline(draft.message) : filler.text("message"), opsgenie_message_max,
                               Measure::Characters);
    body["description"] = own ? body_words(draft.message, plain_markup, opsgenie_text_max)
                              : cut_text(filler.text("description"), opsgenie_text_max, Measure::Characters);
    Json details = Json::object();
    for (const Label label : draft.message.common_labels()) details[std::string(label.name)] = label.value;
    if (const ConfigNode* more = draft.settings.tree("details")) details.update(filler.tree(*more));
    body["details"] = std::move(details);
    body["source"] = own ? draft.message.external_url : filler.text("source");
    if (const ConfigNode* responders = draft.settings.tree("responders"))
        body["responders"] = filler.tree(*responders);
    for (const char* key : {"tags", "actions"})
        if (const std::string text = filler.text(key); !text.empty()) body[key] = split_commas(text);
    for (const char* key : {"note", "priority", "entity"}) filler.put(body, key);
    return body;
}

Result<std::vector<Post>> opsgenie_posts(const Draft& draft) {
    Filler filler(draft);
    const bool firing = draft.message.firing();
    Post post;
    const std::string base(draft.settings.text("api_url"));
    const std::string alias = incident_key(draft.message);
    post.url = firing ? join_url(base, "v2/alerts")
                      : join_url(base, fmt::format("v2/alerts/{}/close?identifierType=alias", alias));
    Json body;
    if (firing) body = opsgenie_create(filler, draft);
    else body["source"] = draft.settings.own_words ? draft.message.external_url : filler.text("source");
    post.body = print_json(body);
    post.headers.push_back({"Authorization", "GenieKey " + filler.secret("api_key")});
    return filler.finish({std::move(post)});
}

Result<std::vector<Post>> victorops_posts(const Draft& draft) {
    Filler filler(draft);
    const bool own = draft.settings.own_words;
    Json body;
    if (const ConfigNode* more = draft.settings.tree("custom_fields")) body = filler.tree(*more);
    body["entity_display_name"] = own ? headline(draft.message) : filler.text("entity_display_name");
    body["entity_id"] = incident_key(draft.message);
    body["message_type"] = draft.message.firing() ? filler.text("message_type") : "RECOVERY";
    body["monitoring_tool"] = own ? "Vedette" : filler.text("monitoring_tool");
    body["state_message"] = own ? body_words(draft.message, plain_markup, victorops_text_max)
                                : cut_text(filler.text("state_message"), victorops_text_max, Measure::Characters);
    Post post;
    post.url = join_url(join_url(draft.settings.text("api_url"), filler.secret("api_key")), filler.text("routing_key"));
    post.body = print_json(body);
    return filler.finish({std::move(post)});
}

Result<std::vector<Post>> webex_posts(const Draft& draft) {
    Filler filler(draft);
    Json body;
    body["markdown"] = draft.settings.own_words
                           ? fmt::format("**{}**\n\n{}", escape_markdown(cut_text(headline(draft.message), 500)),
                                         body_words(draft.message, teams_markup, webex_text_max - 1100))
                           : cut_text(filler.text("message"), webex_text_max);
    body["roomId"] = filler.text("room_id");
    Post post;
    post.url = filler.text("api_url");
    post.body = print_json(body);
    return filler.finish({std::move(post)});
}

void check_opsgenie(MapReader& map, const WebSettings& settings) {
    if (!settings.secret("api_key").is_set())
        map.problems().add(map.map(), "Opsgenie needs `api_key` or `api_key_file`, here or in `global` as "
                                      "`opsgenie_api_key`");
    if (settings.on("update_alerts"))
        map.problem("update_alerts", "`update_alerts` is not supported: an alert there keeps its first text");
}

void check_victorops(MapReader& map, const WebSettings& settings) {
    if (!settings.secret("api_key").is_set() || settings.text("routing_key").empty())
        map.problems().add(map.map(), "VictorOps needs `routing_key`, and `api_key` here or in `global` as "
                                      "`victorops_api_key`");
}

void check_webex(MapReader& map, const WebSettings& settings) {
    if (settings.text("room_id").empty() || settings.http->authorization_type.empty())
        map.problems().add(map.map(), "Webex needs `room_id`, and the bot's token as "
                                      "`http_config: {authorization: {credentials: …}}`");
}

constexpr Key opsgenie_keys[] = {
    {"api_url", Is::Text, Part::Operation, "https://api.opsgenie.com/", "opsgenie_api_url"},
    {"api_key", Is::Secret, Part::Operation, "", "opsgenie_api_key"},
    {"update_alerts", Is::Switch},
    {"responders", Is::Tree},
    {"tags"},
    {"actions"},
    {"note"},
    {"priority"},
    {"entity"},
    {"details", Is::Tree},
    {"message", Is::Text, Part::Words, R"({{ template "opsgenie.default.message" . }})"},
    {"description", Is::Text, Part::Words, R"({{ template "opsgenie.default.description" . }})"},
    {"source", Is::Text, Part::Words, R"({{ template "opsgenie.default.source" . }})"},
};
constexpr Key victorops_keys[] = {
    {"api_url", Is::Text, Part::Operation,
     "https://alert.victorops.com/integrations/generic/20131114/alert/", "victorops_api_url"},
    {"api_key", Is::Secret, Part::Operation, "", "victorops_api_key"},
    {"routing_key"},
    {"message_type", Is::Text, Part::Operation, "CRITICAL"},
    {"custom_fields", Is::Tree},
    {"state_message", Is::Text, Part::Words, R"({{ template "victorops.default.state_message" . }})"},
    {"entity_display_name", Is::Text, Part::Words, R"({{ template "victorops.default.entity_display_name" . }})"},
    {"monitoring_tool", Is::Text, Part::Look, R"({{ template "victorops.default.monitoring_tool" . }})"},
};
constexpr Key webex_keys[] = {
    {"api_url", Is::Text, Part::Operation, "https://webexapis.com/v1/messages", "webex_api_url"},
    {"room_id"},
    {"message", Is::Text, Part::Words, R"({{ template "webex.default.message" . }})"},
};

}  // namespace

const Service opsgenie_service{.kind = "opsgenie", .name = "Opsgenie", .send_resolved = true,
                               .keys = opsgenie_keys, .text_max = opsgenie_text_max,
                               .measure = Measure::Characters, .posts = opsgenie_posts,
                               .check = check_opsgenie};
const Service victorops_service{.kind = "victorops", .name = "VictorOps", .send_resolved = true,
                                .keys = victorops_keys, .text_max = victorops_text_max,
                                .measure = Measure::Characters, .posts = victorops_posts,
                                .check = check_victorops};
const Service webex_service{.kind = "webex", .name = "Webex", .send_resolved = true,
                            .keys = webex_keys, .text_max = webex_text_max, .posts = webex_posts,
                            .check = check_webex};

}  // namespace vedette::notify
