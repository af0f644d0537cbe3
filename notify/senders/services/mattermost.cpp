// Mattermost and Rocket.Chat: Slack's attachments with members of their own.
#include <nlohmann/json.hpp>

#include "notify/senders/services/services.h"
#include "notify/words/words.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;
using Is = Key::Is;
using Part = Key::Part;

constexpr std::size_t mattermost_max = 16'383, rocketchat_title_max = 1024, rocketchat_text_max = 5'000;

Json own_attachment(const Message& message, std::size_t max) {
    Json out;
    out["fallback"] = headline(message);
    out["color"] = message.firing() ? "#c0392b" : "#2e9e5b";
    out["text"] = body_words(message, markdown_markup, max);
    return out;
}

std::string own_first_line(const Message& message) {
    const std::string note = note_of(message);
    return "**" + escape_markdown(cut_text(headline(message), 1000)) + "**" + (note.empty() ? "" : " " + note);
}

/// One attachment of the keys that the configuration may say without a list.
Json templates_attachment(Filler& filler, const WebSettings& settings) {
    Json out;
    for (const char* key : {"fallback", "color", "pretext", "text", "author_name", "author_link", "author_icon",
                            "title", "title_link"})
        filler.put(out, key, mattermost_max);
    if (const ConfigNode* fields = settings.tree("fields")) out["fields"] = filler.tree(*fields);
    for (const char* key : {"thumb_url", "footer", "footer_icon", "image_url"}) filler.put(out, key);
    return out;
}

Result<std::vector<Post>> mattermost_posts(const Draft& draft) {
    const WebSettings& settings = draft.settings;
    Filler filler(draft);
    Json body;
    const ConfigNode* attachments = settings.tree("attachments");
    if (settings.own_words) body["text"] = own_first_line(draft.message);
    // With a list of attachments the text is the message's own.
    else if (attachments != nullptr) filler.put(body, "text", mattermost_max);
    for (const char* key : {"channel", "username", "icon_url", "icon_emoji"}) filler.put(body, key);
    if (settings.own_words) body["attachments"] = Json::array({own_attachment(draft.message, mattermost_max - 400)});
    else if (attachments != nullptr) body["attachments"] = filler.tree(*attachments);
    else body["attachments"] = Json::array({templates_attachment(filler, settings)});
    filler.put(body, "type");
    for (const char* key : {"props", "priority"})
        if (const ConfigNode* tree = settings.tree(key)) body[key] = filler.tree(*tree);
    Post post;
    post.url = filler.secret("webhook_url");
    post.body = print_json(body);
    return filler.finish({std::move(post)});
}

Result<std::vector<Post>> rocketchat_posts(const Draft& draft) {
    const WebSettings& settings = draft.settings;
    Filler filler(draft);
    Json body, attachment = Json::object();
    filler.put(body, "channel");
    filler.put(body, "alias");
    filler.put(body, "emoji");
    Filler::put(body, "avatar", filler.text("icon_url"));
    if (settings.own_words) {
        body["text"] = own_first_line(draft.message);
        attachment = own_attachment(draft.message, rocketchat_text_max);
    } else {
        filler.put(attachment, "title", rocketchat_title_max);
        filler.put(attachment, "title_link");
        filler.put(attachment, "text", rocketchat_text_max);
        for (const char* key : {"image_url", "thumb_url", "color"}) filler.put(attachment, key);
        for (const char* key : {"fields", "actions"})
            if (const ConfigNode* tree = settings.tree(key)) attachment[key] = filler.tree(*tree);
        for (Json& field : attachment["fields"])
            if (!field.contains("short")) field["short"] = settings.on("short_fields");
        for (Json& action : attachment["actions"])
            for (const char* key : {"is_webview", "msg_in_chat_window"})
                if (!action.contains(key)) action[key] = false;
        for (const char* key : {"fields", "actions"})
            if (attachment[key].is_null()) attachment.erase(key);
    }
    body["attachments"] = Json::array({std::move(attachment)});
    Post post;
    post.url = join_url(settings.text("api_url"), "api/v1/chat.postMessage");
    post.body = print_json(body);
    post.headers = {{"X-Auth-Token", filler.secret("token")}, {"X-User-Id", filler.secret("token_id")}};
    return filler.finish({std::move(post)});
}

void check_mattermost(MapReader& map, const WebSettings& settings) {
    if (!settings.secret("webhook_url").is_set())
        map.problems().add(map.map(), "Mattermost needs `webhook_url` or `webhook_url_file`, here or in `global` "
                                      "as `mattermost_webhook_url`");
}

void check_rocketchat(MapReader& map, const WebSettings& settings) {
    if (!settings.secret("token").is_set() || !settings.secret("token_id").is_set())
        map.problems().add(map.map(), "Rocket.Chat needs `token` and `token_id`, here or in `global` as "
                                      "`rocketchat_token` and `rocketchat_token_id`");
}

constexpr Key mattermost_keys[] = {
    {"webhook_url", Is::Secret, Part::Operation, "", "mattermost_webhook_url"},
    {"channel"},
    {"username", Is::Text, Part::Look, R"({{ template "mattermost.default.username" . }})"},
    {"icon_url", Is::Text, Part::Look},
    {"icon_emoji", Is::Text, Part::Look},
    {"type", Is::Text, Part::Look},
    {"props", Is::Tree, Part::Look},
    {"priority", Is::Tree, Part::Look},
    {"color", Is::Text, Part::Words, R"({{ template "mattermost.default.color" . }})"},
    {"fallback", Is::Text, Part::Words, R"({{ template "mattermost.default.fallback" . }})"},
    {"title", Is::Text, Part::Words, R"({{ template "mattermost.default.title" . }})"},
    {"title_link", Is::Text, Part::Words, R"({{ template "mattermost.default.titlelink" . }})"},
    {"text", Is::Text, Part::Words, R"({{ template "mattermost.default.text" . }})"},
    {"pretext", Is::Text, Part::Words},
    {"author_name", Is::Text, Part::Words},
    {"author_link", Is::Text, Part::Words},
    {"author_icon", Is::Text, Part::Words},
    {"fields", Is::Tree, Part::Words},
    {"footer", Is::Text, Part::Words},
    {"footer_icon", Is::Text, Part::Words},
    {"image_url", Is::Text, Part::Words},
    {"thumb_url", Is::Text, Part::Words},
    {"attachments", Is::Tree, Part::Words},
};
constexpr Key rocketchat_keys[] = {
    {"api_url", Is::Text, Part::Operation, "https://open.rocket.chat/", "rocketchat_api_url"},
    {"token", Is::Secret, Part::Operation, "", "rocketchat_token"},
    {"token_id", Is::Secret, Part::Operation, "", "rocketchat_token_id"},
    {"channel"},
    {"color", Is::Text, Part::Look, R"({{ if eq .Status "firing" }}red{{ else }}green{{ end }})"},
    {"emoji", Is::Text, Part::Look, R"({{ template "rocketchat.default.emoji" . }})"},
    {"icon_url", Is::Text, Part::Look, R"({{ template "rocketchat.default.iconurl" . }})"},
    {"short_fields", Is::Switch, Part::Look},
    {"link_names", Is::Switch, Part::Look},
    {"title", Is::Text, Part::Words, R"({{ template "rocketchat.default.title" . }})"},
    {"title_link", Is::Text, Part::Words, R"({{ template "rocketchat.default.titlelink" . }})"},
    {"text", Is::Text, Part::Words, R"({{ template "rocketchat.default.text" . }})"},
    {"image_url", Is::Text, Part::Words},
    {"thumb_url", Is::Text, Part::Words},
    {"fields", Is::Tree, Part::Words},
    {"actions", Is::Tree, Part::Words},
};

}  // namespace

const Service mattermost_service{.kind = "mattermost", .name = "Mattermost", .send_resolved = true,
                                 .keys = mattermost_keys, .text_max = mattermost_max,
                                 .measure = Measure::Characters, .posts = mattermost_posts,
                                 .check = check_mattermost};
const Service rocketchat_service{.kind = "rocketchat", .name = "Rocket.Chat", .send_resolved = false,
                                 .keys = rocketchat_keys, .text_max = rocketchat_text_max,
                                 .measure = Measure::Characters, .posts = rocketchat_posts,
                                 .check = check_rocketchat, .secrets_exclude = true,
                                 .false_fails = "success"};

}  // namespace vedette::notify
