#include "exporter/http/head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace vedette::http {

namespace {

constexpr std::size_t leading_lines_max = 2;

Refusal bad(std::string_view reason, std::string text) {
    return {400, reason, std::move(text)};
}

bool is_token_char(unsigned char c) {
    if (std::isalnum(c) != 0) return true;
    return std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// `GET /path?query HTTP/1.1`
std::optional<Refusal> parse_request_line(std::string_view line, Head& head) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return bad("request_line", "the request line is not `METHOD /path HTTP/1.1`");
    }
    head.method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!is_token(head.method)) return bad("request_line", "the method is no word");
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        if (version.starts_with("HTTP/") && version.size() == 8) {
            return Refusal{505, "version", "only HTTP/1.0 and HTTP/1.1 are spoken here"};
        }
        return bad("request_line", "the request line does not end in HTTP/1.1");
    }
    head.minor_version = version.back() - '0';
    constexpr std::array methods{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
    if (std::find(methods.begin(), methods.end(), head.method) == methods.end()) {
        return Refusal{501, "method", "this method is not known here"};
    }
    const bool plain = std::all_of(target.begin(), target.end(), [](unsigned char c) {
        return c > 0x20 && c != 0x7f && c != '#';
    });
    if (target.empty() || target.front() != '/' || !plain) {
        return bad("request_line", "the target of the request is not a plain path");
    }
    const std::size_t mark = target.find('?');
    head.path = target.substr(0, mark);
    if (mark != std::string_view::npos) head.query = target.substr(mark + 1);
    return std::nullopt;
}

std::optional<Refusal> parse_header(std::string_view line, Head& head) {
    const std::size_t colon = line.find(':');
    if (line.front() == ' ' || line.front() == '\t') {
        return bad("header", "a header line is folded, which is no longer allowed");
    }
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
        return bad("header", "a header line is not `Name: value`");
    }
    const std::string_view value = trimmed(line.substr(colon + 1));
    const bool printable = std::all_of(value.begin(), value.end(), [](unsigned char c) {
        return c >= 0x20 ? c != 0x7f : c == '\t';
    });
    if (!printable) return bad("header", "a header value holds control characters");
    head.headers.emplace_back(line.substr(0, colon), value);
    return std::nullopt;
}

struct FramingHeaders {
    std::vector<std::string_view> lengths, encodings, hosts, expects;
};

FramingHeaders framing_headers(Head& head) {
    head.keep_alive = head.minor_version == 1;
    FramingHeaders found;
    for (const auto& [name, value] : head.headers) {
        if (same_word(name, "content-length")) found.lengths.push_back(value);
        if (same_word(name, "transfer-encoding")) found.encodings.push_back(value);
        if (same_word(name, "host")) found.hosts.push_back(value);
        if (same_word(name, "expect")) found.expects.push_back(value);
        if (same_word(name, "connection") && lists_word(value, "close")) head.keep_alive = false;
    }
    return found;
}

std::optional<Refusal> judge_framing(Head& head) {
    const FramingHeaders found = framing_headers(head);
    if (!found.lengths.empty() && !found.encodings.empty()) {
        return bad("framing", "Content-Length and Transfer-Encoding at once");
    }
    if (found.lengths.size() > 1) return bad("framing", "more than one Content-Length");
    if (!found.encodings.empty()) {
        if (head.minor_version == 0) return bad("framing", "Transfer-Encoding in HTTP/1.0");
        if (found.encodings.size() > 1 || !same_word(found.encodings.front(), "chunked")) {
            return Refusal{501, "framing", "the only Transfer-Encoding understood here is chunked"};
        }
        head.framing = Framing::Chunked;
    }
    if (!found.lengths.empty()) {
        const std::string_view text = found.lengths.front();
        const bool digits = !text.empty() && text.size() <= 18 &&
                            std::all_of(text.begin(), text.end(),
                                        [](unsigned char c) { return std::isdigit(c) != 0; });
        if (!digits) return bad("framing", "Content-Length is not a plain number");
        std::from_chars(text.data(), text.data() + text.size(), head.length);
        head.framing = head.length == 0 ? Framing::None : Framing::Length;
    }
    if (found.hosts.size() > 1 || (found.hosts.empty() && head.minor_version == 1)) {
        return bad("host", "expected exactly one Host header");
    }
    if (!found.expects.empty()) {
        if (found.expects.size() > 1 || !same_word(found.expects.front(), "100-continue")) {
            return Refusal{417, "expect", "the only Expect understood here is 100-continue"};
        }
        head.expects_continue = head.minor_version == 1;
    }
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> HeadScanner::scan(std::string_view bytes) {
    while (!complete_) {
        const std::size_t line_end = bytes.find('\n', searched_);
        const std::size_t line_bytes =
            (line_end == std::string_view::npos ? bytes.size() : line_end) - at_;
        if (line_bytes > limits_.line_bytes) {
            if (lines_ == 0) return Refusal{414, "line_bytes", "the request line is too long"};
            return Refusal{431, "line_bytes", "a header line is too long"};
        }
        const std::size_t seen = line_end == std::string_view::npos ? bytes.size() : line_end + 1;
        if (seen - leading_ > limits_.bytes) {
            return Refusal{431, "head_bytes", "the headers are too long"};
        }
        searched_ = seen;
        if (line_end == std::string_view::npos) return std::nullopt;
        if (auto refusal = end_of_line(bytes.substr(at_, line_end - at_))) return refusal;
        at_ = line_end + 1;
        if (lines_ == 0) leading_ = at_;
    }
    return std::nullopt;
}

/// `line` without its LF.
std::optional<Refusal> HeadScanner::end_of_line(std::string_view line) {
    if (line.empty() || line.back() != '\r') {
        return bad("line_end", "a line of the head does not end in CR LF");
    }
    if (line.size() == 1) {
        complete_ = lines_ > 0;
        // Some old clients send an empty line after a body; more than two of them are no accident.
        if (!complete_ && at_ >= 2 * leading_lines_max) {
            return bad("request_line", "empty lines where a request was expected");
        }
        return std::nullopt;
    }
    ++lines_;
    if (lines_ > limits_.header_count + 1) {
        return Refusal{431, "header_count", "there are too many headers"};
    }
    return std::nullopt;
}

std::string_view Head::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (same_word(key, name)) return value;
    }
    return {};
}

std::variant<Head, Refusal> parse_head(std::string_view bytes) {
    Head head;
    bool first = true;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find("\r\n");
        if (end == std::string_view::npos) return bad("line_end", "a line does not end in CR LF");
        const std::string_view line = bytes.substr(0, end);
        bytes.remove_prefix(end + 2);
        if (line.empty()) break;
        auto refusal = first ? parse_request_line(line, head) : parse_header(line, head);
        if (refusal) return *std::move(refusal);
        first = false;
    }
    if (first) return bad("request_line", "the request is empty");
    if (auto refusal = judge_framing(head)) return *std::move(refusal);
    return head;
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            // No path holds a zero byte; what a form says is for its reader to judge.
            if (high == 0 && low == 0 && !plus_is_space) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

std::vector<std::pair<std::string, std::string>> parse_form(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> fields;
    while (!text.empty()) {
        const std::size_t end = text.find('&');
        const std::string_view field = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (field.empty()) continue;
        const std::size_t equals = field.find('=');
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1);
        auto name = percent_decoded(field.substr(0, equals), true);
        auto meant = percent_decoded(value, true);
        if (name && meant) fields.emplace_back(std::move(*name), std::move(*meant));
    }
    return fields;
}

bool same_word(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [&](char x, char y) { return lower(x) == lower(y); });
}

bool lists_word(std::string_view value, std::string_view word) {
    while (!value.empty()) {
        const std::size_t comma = value.find(',');
        if (same_word(trimmed(value.substr(0, comma)), word)) return true;
        value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
    }
    return false;
}

}  // namespace vedette::http
