// Microsoft Teams: adaptive cards to a workflow, and the cards of the older connectors.
#include <nlohmann/json.hpp>

#include "notify/senders/services/services.h"
#include "notify/words/words.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;
using Is = Key::Is;
using Part = Key::Part;

/// A message is refused beyond about 28 KB; the card around the text and its escapes take their part.
constexpr std::size_t text_max = 16'000, title_max = 1'000;

struct Texts {
    std::string title, text;
};

Texts texts_of(const Draft& draft, Filler& filler) {
    if (!draft.settings.own_words)
        return {cut_text(filler.text("title"), title_max), cut_text(filler.text("text"), text_max)};
    const std::string note = note_of(draft.message);
    return {cut_text(escape_markdown(headline(draft.message)), title_max),
            (note.empty() ? "" : note + "\n\n") + body_words(draft.message, teams_markup, text_max)};
}

Result<std::vector<Post>> workflow_posts(const Draft& draft) {
    Filler filler(draft);
    const Texts texts = texts_of(draft, filler);
    const Json title{{"type", "TextBlock"}, {"text", texts.title},  {"weight", "Bolder"},
                     {"size", "Medium"},    {"wrap", true},         {"style", "heading"},
                     {"color", draft.message.firing() ? "Attention" : "Good"}};
    const Json text{{"type", "TextBlock"}, {"text", texts.text}, {"wrap", true}};
    const Json card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
                    {"type", "AdaptiveCard"},
                    {"version", "1.2"},
                    {"body", Json::array({title, text})},
                    {"msteams", {{"width", "full"}}}};
    const Json attachment{{"contentType", "application/vnd.microsoft.card.adaptive"},
                          {"contentUrl", nullptr},
                          {"content", card}};
    Post post;
    post.url = filler.secret("webhook_url");
    post.body = print_json({{"type", "message"}, {"attachments", Json::array({attachment})}});
    return filler.finish({std::move(post)});
}

Result<std::vector<Post>> connector_posts(const Draft& draft) {
    Filler filler(draft);
    const Texts texts = texts_of(draft, filler);
    Post post;
    post.url = filler.secret("webhook_url");
    post.body = print_json({{"@context", "http://schema.org/extensions"},
                            {"type", "MessageCard"},
                            {"title", texts.title},
                            {"summary", draft.settings.own_words ? texts.title : filler.text("summary")},
                            {"text", texts.text},
                            {"themeColor", draft.message.firing() ? "8C1A1A" : "2DC72D"}});
    return filler.finish({std::move(post)});
}

void check(MapReader& map, const WebSettings& settings) {
    if (!settings.secret("webhook_url").is_set())
        map.problems().add(map.map(), "Teams needs `webhook_url` or `webhook_url_file`");
}

constexpr Key workflow_keys[] = {
    {"webhook_url", Is::Secret},
    {"title", Is::Text, Part::Words, R"({{ template "msteamsv2.default.title" . }})"},
    {"text", Is::Text, Part::Words, R"({{ template "msteamsv2.default.text" . }})"},
};
constexpr Key connector_keys[] = {
    {"webhook_url", Is::Secret},
    {"title", Is::Text, Part::Words, R"({{ template "msteams.default.title" . }})"},
    {"summary", Is::Text, Part::Words, R"({{ template "msteams.default.summary" . }})"},
    {"text", Is::Text, Part::Words, R"({{ template "msteams.default.text" . }})"},
};

}  // namespace

const Service msteamsv2_service{.kind = "msteamsv2", .name = "Teams (workflow)", .send_resolved = true,
                                .keys = workflow_keys, .text_max = text_max, .posts = workflow_posts,
                                .check = check};
const Service msteams_service{.kind = "msteams", .name = "Teams (connector)", .send_resolved = true,
                              .keys = connector_keys, .text_max = text_max, .posts = connector_posts,
                              .check = check};

}  // namespace vedette::notify
