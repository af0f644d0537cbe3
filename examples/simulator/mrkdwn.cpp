#include "examples/simulator/mrkdwn.h"

#include <cctype>
#include <optional>
#include <utility>

namespace vedette::simulator {

namespace {

/// What Slack asks its callers to escape, back to what was meant.
std::string unescape_slack(std::string_view text) {
    constexpr std::pair<std::string_view, char> entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}};
    std::string out;
    while (!text.empty()) {
        std::size_t taken = 1;
        char meant = text.front();
        for (const auto& [entity, c] : entities) {
            if (!text.starts_with(entity)) continue;
            taken = entity.size();
            meant = c;
        }
        out += meant;
        text.remove_prefix(taken);
    }
    return out;
}

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

std::optional<std::string_view> tag_of(char mark) {
    switch (mark) {
        case '*': return "b";
        case '_': return "i";
        case '~': return "s";
        case '`': return "code";
        default: return std::nullopt;
    }
}

/// Where the span that begins at `text[0]` ends: the closing mark of the same line, at a word's edge.
std::size_t span_end(std::string_view text) {
    const std::size_t line_end = text.find('\n');
    const std::string_view line = text.substr(0, line_end);
    if (line.size() < 3 || line[1] == ' ' || line[1] == line[0]) return text.npos;
    for (std::size_t end = line.find(line[0], 2); end != line.npos; end = line.find(line[0], end + 1)) {
        const bool at_edge = end + 1 == line.size() || !is_word(line[end + 1]);
        if (at_edge && line[end - 1] != ' ') return end;
    }
    return text.npos;
}

/// `<url|label>` at the start of `text`, as HTML, and how much of the text it was.
std::optional<std::pair<std::string, std::size_t>> link_at(std::string_view text) {
    const std::size_t end = text.find_first_of(">\n");
    if (end == text.npos || text[end] != '>') return std::nullopt;
    const std::string_view inside = text.substr(1, end - 1);
    const std::size_t bar = inside.find('|');
    const std::string url = unescape_slack(inside.substr(0, bar));
    const std::string label = bar == inside.npos ? url : unescape_slack(inside.substr(bar + 1));
    return std::pair(link_html(url, label), end + 1);
}

// Bold inside italic and so on; deeper than that nobody writes by hand.
constexpr int nested_max = 4;

std::string to_html(std::string_view text, int depth) {
    std::string out, plain;
    const auto flush = [&] { out += escape_html(unescape_slack(std::exchange(plain, {}))); };
    char before = ' ';
    while (!text.empty()) {
        const char c = text.front();
        if (c == '<') {
            if (auto link = link_at(text)) {
                flush();
                out += link->first;
                text.remove_prefix(link->second);
                before = '>';
                continue;
            }
        }
        const auto tag = tag_of(c);
        const std::size_t end = tag && !is_word(before) && depth < nested_max ? span_end(text) : text.npos;
        if (end != text.npos) {
            flush();
            const std::string_view inside = text.substr(1, end - 1);
            const std::string html = c == '`' ? escape_html(unescape_slack(inside)) : to_html(inside, depth + 1);
            out.append("<").append(*tag).append(">").append(html).append("</").append(*tag).append(">");
            before = c;
            text.remove_prefix(end + 1);
            continue;
        }
        if (c == '\n') {
            flush();
            out += "<br>\n";
        } else {
            plain += c;
        }
        before = c;
        text.remove_prefix(1);
    }
    flush();
    return out;
}

}  // namespace

std::string escape_html(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string link_html(std::string_view url, std::string_view label) {
    const bool safe = url.starts_with("http://") || url.starts_with("https://") || url.starts_with("mailto:");
    if (!safe) return escape_html(label);
    return "<a href=\"" + escape_html(url) + "\" rel=\"noreferrer\">" + escape_html(label) + "</a>";
}

std::string mrkdwn_to_html(std::string_view text) {
    return to_html(text, 0);
}

}  // namespace vedette::simulator
