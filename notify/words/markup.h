#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vedette::notify {

/// What a service counts when it limits a text.
enum class Measure { Bytes, Characters, Utf16 };
std::size_t measure(std::string_view text, Measure by);

/// The text cut to at most `max`, never inside a UTF-8 character, with `…` when something went.
std::string cut_text(std::string_view text, std::size_t max, Measure by = Measure::Bytes);
/// The same for a text with `<…>` and `&…;`, which are kept whole or left out whole.
std::string cut_marked(std::string_view text, std::size_t max, Measure by);
/// The same for HTML: what was opened before the cut is closed behind it.
std::string cut_html(std::string_view text, std::size_t max, Measure by);

/// `&`, `<`, `>` and quotes as entities.
std::string escape_html(std::string_view text);
/// `&`, `<` and `>` as Slack wants them; nothing else means anything to it there.
std::string escape_slack(std::string_view text);
/// Everything that Markdown could take for markup, a mention or a heading, with a backslash.
std::string escape_markdown(std::string_view text);
/// ASCII only, for text messages: what has a plain twin gets it, the rest is `?`.
std::string plain_ascii(std::string_view text);

/// How one service writes what people read.
struct Markup {
    std::string (*escape)(std::string_view text);
    std::string_view bold_open, bold_close;
    std::string (*link)(std::string_view name, std::string_view url);
    std::string_view new_line = "\n";
    Measure measure = Measure::Bytes;
};
extern const Markup plain_markup, slack_markup, html_markup, markdown_markup, discord_markup, teams_markup;

}  // namespace vedette::notify
