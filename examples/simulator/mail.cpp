#include "examples/simulator/mail.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace vedette::simulator {

namespace {

constexpr int parts_deep_max = 5;
constexpr int parts_max = 50;

char lower(char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
    return out;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t from = text.find_first_not_of(" \t\r\n");
    if (from == text.npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string decode_base64(std::string_view text) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::size_t value = digits.find(c);
        if (value == digits.npos) continue;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>(bits >> count & 0xff);
    }
    return out;
}

/// `underscores`: as in encoded words, where `_` is a space.
std::string decode_quoted(std::string_view text, bool underscores) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (underscores && text[i] == '_') {
            out += ' ';
        } else if (text[i] != '=') {
            out += text[i];
        } else if (text.substr(i + 1).starts_with("\r\n")) {
            i += 2;
        } else if (text.substr(i + 1).starts_with("\n")) {
            i += 1;
        } else if (i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += '=';
        }
    }
    return out;
}

struct Part {
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, unfolded
    std::string_view body;

    std::string_view header(std::string_view name) const {
        for (const auto& [key, value] : headers)
            if (key == name) return value;
        return {};
    }
};

Part split_part(std::string_view text) {
    Part part;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) break;
        const bool folded = line.front() == ' ' || line.front() == '\t';
        const std::size_t colon = line.find(':');
        if (folded && !part.headers.empty()) part.headers.back().second += " " + std::string(trimmed(line));
        else if (colon != line.npos)
            part.headers.emplace_back(lower(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
    }
    part.body = text;
    return part;
}

/// `multipart/alternative; boundary="b"` and `boundary` → `b`.
std::string parameter(std::string_view header, std::string_view name) {
    const std::string low = lower(header);
    std::size_t at = low.find(std::string(name) + "=");
    if (at == low.npos) return {};
    at += name.size() + 1;
    std::string_view value = header.substr(at);
    if (!value.starts_with('"')) return std::string(trimmed(value.substr(0, value.find_first_of("; \t"))));
    value.remove_prefix(1);
    return std::string(value.substr(0, value.find('"')));
}

std::vector<std::string_view> split_multipart(std::string_view body, const std::string& boundary) {
    std::vector<std::string_view> parts;
    const std::string mark = "--" + boundary;
    std::size_t at = body.starts_with(mark) ? 0 : body.find("\n" + mark);
    while (at != body.npos && parts.size() < parts_max) {
        const std::size_t line_end = body.find('\n', at + mark.size() + 1);
        const std::size_t begin = at + mark.size() + (body[at] == '\n' ? 1 : 0);
        if (line_end == body.npos || body.substr(begin).starts_with("--")) break;
        const std::size_t next = body.find("\n" + mark, line_end);
        parts.push_back(body.substr(line_end + 1, next == body.npos ? next : next - std::min(next, line_end + 1)));
        at = next;
    }
    return parts;
}

/// The first text/plain part, and the first text of another kind to fall back to.
struct Found {
    std::optional<std::string> plain, other;
    int parts = 0;
};

void look_for_text(std::string_view text, int deep, Found& found) {
    const Part part = split_part(text);
    const std::string type = lower(part.header("content-type"));
    const std::string boundary = parameter(part.header("content-type"), "boundary");
    if (type.starts_with("multipart/") && !boundary.empty()) {
        if (deep >= parts_deep_max) return;
        for (const std::string_view inner : split_multipart(part.body, boundary))
            if (++found.parts <= parts_max) look_for_text(inner, deep + 1, found);
        return;
    }
    if (!type.empty() && !type.starts_with("text/")) return;
    auto& place = type.empty() || type.starts_with("text/plain") ? found.plain : found.other;
    if (place) return;
    const std::string coding = lower(part.header("content-transfer-encoding"));
    if (coding == "base64") place = decode_base64(part.body);
    else if (coding == "quoted-printable") place = decode_quoted(part.body, false);
    else place = std::string(part.body);
}

/// Length of the UTF-8 sequence at the start of `text`; 0 when it is none.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < 0x80) return 1;
    const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
    if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    const bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
    const bool beyond = (byte(0) == 0xed && byte(1) > 0x9f) || (byte(0) == 0xf4 && byte(1) > 0x8f);
    return overlong || beyond ? 0 : length;
}

}  // namespace

std::string valid_utf8(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const std::size_t length = sequence_length(bytes);
        if (length == 0) out += "\xef\xbf\xbd";
        else out += bytes.substr(0, length);
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

std::string decode_words(std::string_view header) {
    std::string out;
    bool after_word = false;
    while (!header.empty()) {
        const std::size_t open = header.find("=?");
        if (open == header.npos) break;
        // =?charset?B?text?=
        const std::size_t kind = header.find('?', open + 2);
        const std::size_t text = kind == header.npos ? header.npos : header.find('?', kind + 1);
        const std::size_t end = text == header.npos ? header.npos : header.find("?=", text + 1);
        if (end == header.npos || text != kind + 2) break;
        // White space between two encoded words is only there to fold the line.
        if (!(after_word && trimmed(header.substr(0, open)).empty())) out += header.substr(0, open);
        const std::string_view coded = header.substr(text + 1, end - text - 1);
        out += lower(header[kind + 1]) == 'b' ? decode_base64(coded) : decode_quoted(coded, true);
        header.remove_prefix(end + 2);
        after_word = true;
    }
    return valid_utf8(out.append(header));
}

MailView read_mail(std::string_view message) {
    const Part top = split_part(message);
    MailView view;
    view.subject = decode_words(top.header("subject"));
    view.from = decode_words(top.header("from"));
    view.to = decode_words(top.header("to"));
    view.date = decode_words(top.header("date"));
    Found found;
    look_for_text(message, 0, found);
    std::string text = found.plain ? *found.plain : found.other.value_or("");
    std::erase(text, '\r');
    view.text = valid_utf8(trimmed(text));
    return view;
}

}  // namespace vedette::simulator
