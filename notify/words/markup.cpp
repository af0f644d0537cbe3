#include "notify/words/markup.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace vedette::notify {
namespace {

constexpr std::string_view ellipsis = "…";

std::size_t character_bytes(std::string_view text, std::size_t at) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    return end - at;
}

/// Bytes of the next piece that must not be broken: a character, or `<…>` or `&…;` as a whole.
std::size_t piece_bytes(std::string_view text, std::size_t at, bool marked) {
    if (marked && text[at] == '<')
        if (const auto end = text.find('>', at); end != text.npos) return end + 1 - at;
    if (marked && text[at] == '&')
        if (const auto end = text.find(';', at); end != text.npos && end - at <= 10) return end + 1 - at;
    return character_bytes(text, at);
}

std::string cut(std::string_view text, std::size_t max, Measure by, bool marked) {
    if (measure(text, by) <= max) return std::string(text);
    const std::size_t dots = measure(ellipsis, by);
    if (max < dots) return {};
    std::size_t at = 0, used = 0;
    while (at < text.size()) {
        const std::size_t piece = piece_bytes(text, at, marked);
        const std::size_t cost = measure(text.substr(at, piece), by);
        if (used + cost > max - dots) break;
        used += cost;
        at += piece;
    }
    return std::string(text.substr(0, at)) + std::string(ellipsis);
}

/// `<a href="x">` → `a`; nothing of a closing tag.
std::string_view tag_name(std::string_view tag) {
    tag = tag.substr(1, tag.size() - 2);
    return tag.substr(0, tag.find_first_of(" \t\n"));
}

/// A link's address where `|` and `>` would end it.
std::string slack_url(std::string_view url) {
    std::string out;
    for (const char c : url) {
        if (c == '|') out += "%7C";
        else if (c == '<') out += "%3C";
        else if (c == '>') out += "%3E";
        else if (c == '&') out += "&amp;";
        else if (static_cast<unsigned char>(c) > ' ') out += c;
    }
    return out;
}

std::string slack_link(std::string_view name, std::string_view url) {
    return fmt::format("<{}|{}>", slack_url(url), escape_slack(name));
}

std::string html_link(std::string_view name, std::string_view url) {
    return fmt::format("<a href=\"{}\">{}</a>", escape_html(url), escape_html(name));
}

std::string markdown_link(std::string_view name, std::string_view url) {
    std::string address;
    for (const char c : url) {
        if (c == '(' || c == ')' || c == '<' || c == '>' || c == '\\' || c == '*' || c == '_' || c == '~' || c == '|')
            address += fmt::format("%{:02X}", static_cast<unsigned>(c));
        else if (static_cast<unsigned char>(c) > ' ') address += c;
    }
    return fmt::format("[{}]({})", escape_markdown(name), address);
}

std::string plain_link(std::string_view name, std::string_view url) {
    return fmt::format("{}: {}", name, url);
}

std::string as_it_is(std::string_view text) {
    return std::string(text);
}

}  // namespace

std::size_t measure(std::string_view text, Measure by) {
    if (by == Measure::Bytes) return text.size();
    std::size_t out = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0) != 0x80) ++out;
        if (by == Measure::Utf16 && byte >= 0xF0) ++out;  // two units beyond the first plane
    }
    return out;
}

std::string cut_text(std::string_view text, std::size_t max, Measure by) {
    return cut(text, max, by, false);
}

std::string cut_marked(std::string_view text, std::size_t max, Measure by) {
    return cut(text, max, by, true);
}

std::string cut_html(std::string_view text, std::size_t max, Measure by) {
    if (measure(text, by) <= max) return std::string(text);
    std::vector<std::string> open;
    std::size_t used = measure(ellipsis, by), closing = 0, at = 0;
    while (at < text.size()) {
        const std::size_t piece = piece_bytes(text, at, true);
        const std::string_view one = text.substr(at, piece);
        const bool is_tag = one.size() > 2 && one.front() == '<';
        const bool ends = is_tag && one[1] == '/';
        const std::string name = is_tag && !ends ? std::string(tag_name(one)) : std::string();
        const std::size_t cost = measure(one, by);
        // What it opens must find room to be closed; what it closes gives that room back.
        const std::size_t more = name.empty() ? 0 : name.size() + 3;
        const std::size_t less = ends && !open.empty() ? open.back().size() + 3 : 0;
        if (used + cost + closing + more > max + less) break;
        used += cost;
        closing += more;
        closing -= less;
        if (!name.empty()) open.push_back(name);
        if (ends && !open.empty()) open.pop_back();
        at += piece;
    }
    std::string out(text.substr(0, at));
    out += ellipsis;
    for (auto name = open.rbegin(); name != open.rend(); ++name) out += fmt::format("</{}>", *name);
    return measure(out, by) <= max ? out : std::string();
}

std::string escape_html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&') out += "&amp;";
        else if (c == '<') out += "&lt;";
        else if (c == '>') out += "&gt;";
        else if (c == '"') out += "&quot;";
        else if (c == '\'') out += "&#39;";
        else out += c;
    }
    return out;
}

std::string escape_slack(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&') out += "&amp;";
        else if (c == '<') out += "&lt;";
        else if (c == '>') out += "&gt;";
        else out += c;
    }
    return out;
}

std::string escape_markdown(std::string_view text) {
    static constexpr std::string_view special = "\\`*_{}[]()<>#~|!@";
    std::string out;
    bool starts_line = true;
    for (const char c : text) {
        const bool list = starts_line && (c == '-' || c == '+' || c == '=' || c == ':');
        if (special.find(c) != special.npos || list) out += '\\';
        out += c;
        starts_line = c == '\n' || (starts_line && c == ' ');
    }
    return out;
}

std::string plain_ascii(std::string_view text) {
    static constexpr std::pair<std::string_view, std::string_view> twins[] = {
        {"·", "-"}, {"…", "..."}, {"–", "-"}, {"—", "-"}, {"’", "'"}, {"“", "\""}, {"”", "\""},
        {"→", "->"}, {"ä", "ae"}, {"ö", "oe"}, {"ü", "ue"}, {"Ä", "Ae"}, {"Ö", "Oe"}, {"Ü", "Ue"},
        {"ß", "ss"}, {"é", "e"}, {"è", "e"}, {"à", "a"}, {"€", "EUR"}, {"µ", "u"}, {"°", " deg"}};
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view one = text.substr(at, character_bytes(text, at));
        at += one.size();
        if (one.size() == 1) {
            out += one[0] == '\n' || (one[0] >= ' ' && one[0] < 127) ? one[0] : '?';
            continue;
        }
        const auto* twin = std::ranges::find(twins, one, &std::pair<std::string_view, std::string_view>::first);
        out += twin == std::end(twins) ? std::string_view("?") : twin->second;
    }
    return out;
}

const Markup plain_markup{as_it_is, "", "", plain_link, "\n", Measure::Bytes};
const Markup slack_markup{escape_slack, "*", "*", slack_link, "\n", Measure::Bytes};
const Markup html_markup{escape_html, "<b>", "</b>", html_link, "\n", Measure::Utf16};
const Markup markdown_markup{escape_markdown, "**", "**", markdown_link, "\n", Measure::Characters};
const Markup discord_markup{escape_markdown, "**", "**", markdown_link, "\n", Measure::Utf16};
// A single line end is none in an adaptive card.
const Markup teams_markup{escape_markdown, "**", "**", markdown_link, "\n\n", Measure::Bytes};

}  // namespace vedette::notify
