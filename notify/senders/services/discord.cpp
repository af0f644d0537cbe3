// Discord: a webhook; in Vedette's words what resolves edits the message that said it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "notify/senders/services/services.h"
#include "notify/words/words.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;
using Is = Key::Is;
using Part = Key::Part;

constexpr std::size_t title_max = 256, description_max = 4096, content_max = 2000;
constexpr int red = 0x992D22, green = 0x2ECC71;

Json body_json(Filler& filler, const Draft& draft) {
    const Message& message = draft.message;
    Json out, embed;
    if (draft.settings.own_words) {
        const std::string note = note_of(message);
        embed["title"] = cut_text(headline(message), title_max, Measure::Utf16);
        embed["description"] =
            (note.empty() ? "" : note + "\n") + body_words(message, discord_markup, description_max - note.size() - 1);
        // No text of a label rings anybody.
        out["allowed_mentions"] = {{"parse", Json::array()}};
    } else {
        out["content"] = cut_text(filler.text("content"), content_max, Measure::Utf16);
        embed["title"] = cut_text(filler.text("title"), title_max, Measure::Utf16);
        embed["description"] = cut_text(filler.text("message"), description_max, Measure::Utf16);
    }
    embed["color"] = message.firing() ? red : green;
    out["embeds"] = Json::array({std::move(embed)});
    filler.put(out, "username");
    filler.put(out, "avatar_url");
    return out;
}

std::string with_query(const std::string& url, std::string_view query) {
    return fmt::format("{}{}{}", url, url.find('?') == url.npos ? '?' : '&', query);
}

/// `…/webhooks/1/x?thread_id=2` and a message → `…/webhooks/1/x/messages/5?thread_id=2`
std::string message_url(const std::string& url, std::string_view id) {
    const std::size_t query = std::min(url.find('?'), url.size());
    return fmt::format("{}/messages/{}{}", url.substr(0, query), id, url.substr(query));
}

Result<std::vector<Post>> posts(const Draft& draft) {
    Filler filler(draft);
    Post post;
    const std::string url = filler.secret("webhook_url");
    post.url = draft.settings.own_words ? with_query(url, "wait=true") : url;
    post.body = print_json(body_json(filler, draft));
    const Reason why = draft.message.reason;
    const bool quiet = why == Reason::SomeResolved || why == Reason::AllResolved;
    // An edit makes no sound, so new trouble is a new message.
    if (!draft.settings.own_words || draft.message.remembered.empty() || !quiet)
        return filler.finish({std::move(post)});
    Post edit = post;
    edit.method = "PATCH";
    edit.url = message_url(url, draft.message.remembered);
    edit.instead = std::make_shared<const Post>(std::move(post));
    return filler.finish({std::move(edit)});
}

std::string remember(const Json& answer, const Message&) {
    const auto id = answer.find("id");
    if (id == answer.end() || !id->is_string()) return {};
    const std::string& text = id->get_ref<const std::string&>();
    return text.find_first_not_of("0123456789") == text.npos ? text : std::string();
}

void check(MapReader& map, const WebSettings& settings) {
    if (!settings.secret("webhook_url").is_set())
        map.problems().add(map.map(), "Discord needs `webhook_url` or `webhook_url_file`");
}

constexpr Key keys[] = {
    {"webhook_url", Is::Secret},
    {"username", Is::Text, Part::Look},
    {"avatar_url", Is::Text, Part::Look},
    {"content", Is::Text, Part::Words, R"({{ template "discord.default.content" . }})"},
    {"title", Is::Text, Part::Words, R"({{ template "discord.default.title" . }})"},
    {"message", Is::Text, Part::Words, R"({{ template "discord.default.message" . }})"},
};

}  // namespace

const Service discord_service{.kind = "discord",
                              .name = "Discord",
                              .send_resolved = true,
                              .keys = keys,
                              .text_max = description_max,
                              .measure = Measure::Utf16,
                              .posts = posts,
                              .check = check,
                              .wait_member = "retry_after",
                              .remember = remember};

}  // namespace vedette::notify
