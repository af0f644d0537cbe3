// Telegram's bot API: a message, edited when part of it is over, answered when all is.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "notify/senders/services/services.h"
#include "notify/words/words.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;
using Is = Key::Is;
using Part = Key::Part;

constexpr std::size_t text_max = 4096;

std::string text_of(const Draft& draft, Filler& filler) {
    if (draft.settings.own_words) {
        const std::string note = note_of(draft.message);
        const std::string first = fmt::format(
            "<b>{}</b>{}\n", escape_html(cut_text(headline(draft.message), 512, Measure::Utf16)),
            note.empty() ? "" : "\n" + note);
        return first + body_words(draft.message, html_markup, text_max - measure(first, Measure::Utf16));
    }
    if (draft.settings.text("parse_mode") != "HTML")
        return cut_text(filler.text("message"), text_max, Measure::Utf16);
    auto html = draft.templates.expand_html(draft.settings.text("message"), draft.message);
    if (!html) filler.fail_with(html.error());
    return html ? cut_html(*html, text_max, Measure::Utf16) : std::string();
}

/// The same without markup: a message that Telegram cannot parse still arrives.
Post plain_twin(const Post& post, const Draft& draft) {
    Json body = Json::parse(post.body);
    body.erase("parse_mode");
    if (draft.settings.own_words)
        body["text"] = cut_text(headline(draft.message) + "\n" + body_words(draft.message, plain_markup, 3500),
                                text_max, Measure::Utf16);
    Post out = post;
    out.body = print_json(body);
    return out;
}

Result<std::vector<Post>> posts(const Draft& draft) {
    const WebSettings& settings = draft.settings;
    Filler filler(draft);
    Json body;
    body["chat_id"] = filler.secret("chat_id");
    if (settings.on("disable_notifications")) body["disable_notification"] = "true";
    body["disable_web_page_preview"] = "true";
    if (const auto thread = settings.number("message_thread_id"); thread != 0)
        body["message_thread_id"] = fmt::format("{}", thread);
    Filler::put(body, "parse_mode", settings.own_words ? "HTML" : std::string(settings.text("parse_mode")));
    body["text"] = text_of(draft, filler);
    const std::string base = join_url(settings.text("api_url"), "bot" + filler.secret("bot_token"));
    Post post;
    post.url = base + "/sendMessage";
    post.body = print_json(body);
    const Post bare = post;
    if (body.contains("parse_mode")) post.instead = std::make_shared<const Post>(plain_twin(bare, draft));
    const std::string& before = draft.message.remembered;
    if (!settings.own_words || before.empty()) return filler.finish({std::move(post)});
    if (draft.message.reason == Reason::SomeResolved) {
        Post edit = bare;
        body["message_id"] = before;
        edit.url = base + "/editMessageText";
        edit.body = print_json(body);
        edit.instead = std::make_shared<const Post>(std::move(post));
        return filler.finish({std::move(edit)});
    }
    if (!draft.message.firing()) {
        body["reply_parameters"] = {{"message_id", std::stoll(before)}, {"allow_sending_without_reply", true}};
        post.body = print_json(body);
    }
    return filler.finish({std::move(post)});
}

std::string remember(const Json& answer, const Message&) {
    const auto result = answer.find("result");
    if (result == answer.end() || !result->is_object()) return {};
    const auto id = result->find("message_id");
    return id != result->end() && id->is_number_integer() ? fmt::format("{}", id->get<std::int64_t>()) : "";
}

void check(MapReader& map, const WebSettings& settings) {
    if (!settings.secret("bot_token").is_set())
        map.problems().add(map.map(), "Telegram needs `bot_token` or `bot_token_file`, here or in `global` as "
                                      "`telegram_bot_token`");
    if (!settings.secret("chat_id").is_set())
        map.problems().add(map.map(), "Telegram needs `chat_id` or `chat_id_file`");
    const std::string_view mode = settings.text("parse_mode");
    if (!mode.empty() && mode != "HTML" && mode != "Markdown" && mode != "MarkdownV2")
        map.problem("parse_mode", fmt::format("`parse_mode` is `{}`; expected HTML, Markdown, MarkdownV2 or "
                                              "nothing", mode));
}

constexpr Key keys[] = {
    {"api_url", Is::Text, Part::Operation, "https://api.telegram.org", "telegram_api_url"},
    {"bot_token", Is::Secret, Part::Operation, "", "telegram_bot_token"},
    {"chat_id", Is::Secret},
    {"message_thread_id", Is::Number},
    {"disable_notifications", Is::Switch},
    {"parse_mode", Is::Text, Part::Words, "HTML"},
    {"message", Is::Text, Part::Words, R"({{ template "telegram.default.message" . }})"},
};

}  // namespace

const Service telegram_service{.kind = "telegram",
                               .name = "Telegram",
                               .send_resolved = true,
                               .keys = keys,
                               .text_max = text_max,
                               .measure = Measure::Utf16,
                               .posts = posts,
                               .check = check,
                               .false_fails = "ok",
                               .wait_member = "parameters.retry_after",
                               .remember = remember};

}  // namespace vedette::notify
