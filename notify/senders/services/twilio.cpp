// SMS by Twilio: plain ASCII, because one other character halves what a part holds.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "notify/senders/mail/mime.h"
#include "notify/senders/services/services.h"
#include "notify/words/words.h"

namespace vedette::notify {
namespace {

using Is = Key::Is;
using Part = Key::Part;

/// Twilio takes 1600; three parts of 153 are what somebody reads and pays for.
constexpr std::size_t body_max = 1600, own_max = 459;

std::string form_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string own_text(const Message& message) {
    const std::string note = message.possible_repeat ? " (possibly a repeat)" : "";
    std::string out = plain_ascii(cut_text(headline(message), own_max / 2)) + note;
    for (const Link& link : message.alerts.empty() ? std::vector<Link>() : links(message, *message.alerts.front()))
        if (link.name == "page" && out.size() + link.url.size() < own_max) out += "\n" + plain_ascii(link.url);
    return out;
}

Result<std::vector<Post>> posts(const Draft& draft) {
    Filler filler(draft);
    const std::string account = filler.text("account_sid");
    const std::string text = draft.settings.own_words ? own_text(draft.message) : filler.text("message");
    Post post;
    post.url = join_url(draft.settings.text("api_url"), fmt::format("Accounts/{}/Messages.json", account));
    post.content_type = "application/x-www-form-urlencoded";
    post.body = "To=" + form_encode(filler.text("to"));
    if (const std::string from = filler.text("from"); !from.empty()) post.body += "&From=" + form_encode(from);
    else post.body += "&MessagingServiceSid=" + form_encode(filler.text("messaging_service_sid"));
    post.body += "&Body=" + form_encode(cut_text(text, body_max, Measure::Utf16));
    const std::string key = filler.text("api_key");
    post.headers.push_back({"Authorization", "Basic " + base64((key.empty() ? account : key) + ":" +
                                                                filler.secret("auth_token"))});
    return filler.finish({std::move(post)});
}

bool is_number(std::string_view text) {
    return text.size() > 5 && text.size() <= 16 && text.front() == '+' &&
           std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

void check(MapReader& map, const WebSettings& settings) {
    if (settings.text("account_sid").empty() || !settings.secret("auth_token").is_set())
        map.problems().add(map.map(), "Twilio needs `account_sid` and `auth_token` or `auth_token_file`");
    if (!is_number(settings.text("to")))
        map.problem("to", fmt::format("`to` is `{}`; expected one number such as +4930123456", settings.text("to")));
    if (settings.text("from").empty() == settings.text("messaging_service_sid").empty())
        map.problems().add(map.map(), "Twilio needs one of `from` and `messaging_service_sid`");
}

constexpr Key keys[] = {
    {"api_url", Is::Text, Part::Operation, "https://api.twilio.com/2010-04-01"},
    {"account_sid"},
    {"api_key"},
    {"auth_token", Is::Secret},
    {"to"},
    {"from"},
    {"messaging_service_sid"},
    {"message", Is::Text, Part::Words, "{{ .Headline }}"},
};

}  // namespace

// A resolved text wakes people for nothing; who wants it says so.
const Service twilio_service{.kind = "twilio",
                             .name = "SMS (Twilio)",
                             .send_resolved = false,
                             .keys = keys,
                             .text_max = body_max,
                             .measure = Measure::Utf16,
                             .posts = posts,
                             .check = check};

}  // namespace vedette::notify
