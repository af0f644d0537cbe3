// Slack: an incoming webhook, or a bot with a token, whose message is edited while the group changes and
// answered in its thread when all is over.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "notify/senders/sender.h"
#include "notify/senders/services/services.h"
#include "notify/words/words.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;
using Is = Key::Is;
using Part = Key::Part;

constexpr std::size_t title_max = 1024, text_max = limits::slack_text_bytes_max;

/// In Vedette's words: a first line as on a lock screen, then what, where, since when, and links.
void put_own_words(Json& out, Json& attachment, const Message& message) {
    const std::string note = note_of(message);
    out["text"] = cut_marked(escape_slack(headline(message)) + (note.empty() ? "" : " " + note), text_max,
                             Measure::Bytes);
    attachment["fallback"] = out["text"];
    attachment["color"] = message.firing() ? "danger" : "good";
    attachment["text"] = body_words(message, slack_markup, text_max);
    attachment["mrkdwn_in"] = {"text"};
}

/// Buttons and fields: what a button does not have is left out, and one with a link needs no name.
Json action_json(Filler& filler, const ConfigNode& node) {
    Json out = filler.tree(node);
    const bool is_link = out.contains("url") && !out["url"].get_ref<const std::string&>().empty();
    for (const char* key : {"name", "value", "confirm"})
        if (is_link) out.erase(key);
    for (const char* key : {"name", "value", "url", "style"})
        if (out.contains(key) && out[key].is_string() && out[key].get_ref<const std::string&>().empty())
            out.erase(key);
    return out;
}

void put_templates(Json& out, Json& attachment, Filler& filler, const WebSettings& settings) {
    filler.put(out, "icon_emoji");
    filler.put(out, "icon_url");
    if (settings.on("link_names")) out["link_names"] = true;
    Filler::put(out, "text", filler.text("message_text"));
    attachment["title"] = cut_marked(filler.text("title"), title_max, Measure::Characters);
    attachment["title_link"] = filler.text("title_link");
    filler.put(attachment, "pretext");
    attachment["text"] = filler.text("text");
    attachment["fallback"] = filler.text("fallback");
    attachment["callback_id"] = filler.text("callback_id");
    if (const ConfigNode* fields = settings.tree("fields"))
        for (const ConfigNode& item : fields->items) {
            Json field = filler.tree(item);
            if (!field.contains("short")) field["short"] = settings.on("short_fields");
            attachment["fields"].push_back(std::move(field));
        }
    if (const ConfigNode* actions = settings.tree("actions"))
        for (const ConfigNode& item : actions->items)
            attachment["actions"].push_back(action_json(filler, item));
    filler.put(attachment, "image_url");
    filler.put(attachment, "thumb_url");
    attachment["footer"] = filler.text("footer");
    filler.put(attachment, "color");
    if (const ConfigNode* names = settings.tree("mrkdwn_in")) attachment["mrkdwn_in"] = filler.tree(*names);
    else attachment["mrkdwn_in"] = {"fallback", "pretext", "text"};
}

Json body_json(Filler& filler, const Draft& draft) {
    Json out = Json::object(), attachment = Json::object();
    filler.put(out, "channel");
    filler.put(out, "username");
    if (draft.settings.own_words) {
        for (const char* key : {"icon_emoji", "icon_url"}) filler.put(out, key);
        put_own_words(out, attachment, draft.message);
        filler.put(attachment, "color");
    } else {
        put_templates(out, attachment, filler, draft.settings);
    }
    out["attachments"] = Json::array({std::move(attachment)});
    return out;
}

/// `…/chat.postMessage` → `…/chat.update`
std::string update_url(const std::string& url) {
    const auto slash = url.rfind('/');
    return url.substr(0, slash + 1) + "chat.update";
}

/// The message that is there already, and in its thread the word that all is over.
std::vector<Post> edits(const Post& anew, const Json& body, const Draft& draft) {
    const Json place = Json::parse(draft.message.remembered, nullptr, false);
    if (!place.is_object() || !place.contains("ts") || !place.contains("channel")) return {anew};
    Post edit = anew;
    Json edited = body;
    edited["channel"] = place["channel"];
    edited["ts"] = place["ts"];
    for (const char* key : {"username", "icon_emoji", "icon_url"}) edited.erase(key);
    edit.url = update_url(anew.url);
    edit.body = print_json(edited);
    edit.instead = std::make_shared<const Post>(anew);
    if (!draft.settings.own_words || draft.message.reason == Reason::SomeResolved) return {std::move(edit)};
    // An edit makes no sound: what is new is said in the thread, and new trouble in the channel too.
    Post reply = anew;
    reply.remembers = false;
    const Json answer{{"channel", place["channel"]},
                      {"thread_ts", place["ts"]},
                      {"text", escape_slack(headline(draft.message))},
                      {"reply_broadcast", draft.message.firing()}};
    reply.body = print_json(answer);
    return {std::move(edit), std::move(reply)};
}

Result<std::vector<Post>> posts(const Draft& draft) {
    Filler filler(draft);
    const Json body = body_json(filler, draft);
    const std::string token = filler.secret("app_token");
    Post post;
    post.url = token.empty() ? filler.secret("api_url") : filler.text("app_url");
    post.body = print_json(body);
    if (!token.empty()) post.headers.push_back({"Authorization", "Bearer " + token});
    const bool is_bot = !token.empty() || post.url.ends_with("/chat.postMessage");
    const bool edits_in_place = draft.settings.own_words || draft.settings.on("update_message");
    if (!is_bot || !edits_in_place || draft.message.remembered.empty())
        return filler.finish({std::move(post)});
    return filler.finish(edits(post, body, draft));
}

std::string remember(const Json& answer, const Message&) {
    if (!answer.contains("ts") || !answer.contains("channel")) return {};
    return print_json({{"channel", answer["channel"]}, {"ts", answer["ts"]}});
}

void check(MapReader& map, const WebSettings& settings) {
    const bool hook = settings.secret("api_url").is_set(), bot = settings.secret("app_token").is_set();
    if (!hook && !bot)
        map.problems().add(map.map(), "Slack needs `api_url` or `api_url_file`, here or in `global` as "
                                      "`slack_api_url`, or a bot's `app_token`");
    if (bot && settings.text("channel").empty())
        map.problem("channel", "a bot needs `channel`: its token stands for no channel of its own");
    if (hook && bot) map.problem("app_token", "`api_url` and `app_token` are two ways; keep one of them");
}

constexpr Key keys[] = {
    {"api_url", Is::Secret, Part::Operation, "", "slack_api_url"},
    {"app_token", Is::Secret, Part::Operation, "", "slack_app_token"},
    {"app_url", Is::Text, Part::Operation, "https://slack.com/api/chat.postMessage", "slack_app_url"},
    {"channel"},
    {"update_message", Is::Switch},
    {"username", Is::Text, Part::Look, R"({{ template "slack.default.username" . }})"},
    {"color", Is::Text, Part::Look, R"({{ template "slack.default.color" . }})"},
    {"icon_emoji", Is::Text, Part::Look, R"({{ template "slack.default.iconemoji" . }})"},
    {"icon_url", Is::Text, Part::Look, R"({{ template "slack.default.iconurl" . }})"},
    {"link_names", Is::Switch, Part::Look},
    {"short_fields", Is::Switch, Part::Look},
    {"mrkdwn_in", Is::Tree, Part::Look},
    {"message_text", Is::Text, Part::Words},
    {"title", Is::Text, Part::Words, R"({{ template "slack.default.title" . }})"},
    {"title_link", Is::Text, Part::Words, R"({{ template "slack.default.titlelink" . }})"},
    {"pretext", Is::Text, Part::Words, R"({{ template "slack.default.pretext" . }})"},
    {"text", Is::Text, Part::Words, R"({{ template "slack.default.text" . }})"},
    {"fallback", Is::Text, Part::Words, R"({{ template "slack.default.fallback" . }})"},
    {"callback_id", Is::Text, Part::Words, R"({{ template "slack.default.callbackid" . }})"},
    {"footer", Is::Text, Part::Words, R"({{ template "slack.default.footer" . }})"},
    {"image_url", Is::Text, Part::Words},
    {"thumb_url", Is::Text, Part::Words},
    {"fields", Is::Tree, Part::Words},
    {"actions", Is::Tree, Part::Words},
};
constexpr std::string_view later[] = {"ratelimited",     "rate_limited",        "internal_error",
                                      "fatal_error",     "request_timeout",     "service_unavailable",
                                      "team_added_to_org"};

}  // namespace

const Service slack_service{.kind = "slack",
                            .name = "Slack",
                            .send_resolved = false,
                            .keys = keys,
                            .text_max = limits::slack_text_bytes_max,
                            .posts = posts,
                            .check = check,
                            .secrets_exclude = true,
                            .false_fails = "ok",
                            .later_words = later,
                            .remember = remember};

}  // namespace vedette::notify
