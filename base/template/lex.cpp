#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/template/tree.h"
#include "core/labels.h"

namespace vedette::template_tree {
namespace {

constexpr std::string_view spaces = " \t\r\n";
constexpr std::array<std::string_view, 11> keywords = {"if",    "else",     "end",      "range",
                                                       "with",  "define",   "template", "block",
                                                       "break", "continue", "nil"};

bool is_space(char c) {
    return spaces.find(c) != std::string_view::npos;
}
bool is_word(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '_' || std::isalnum(byte) || byte >= 0x80;
}

/// Cuts one text; every function below consumes what it recognised and pushes its token.
class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    std::vector<Token> run() {
        while (!failed_ && at_ < text_.size()) {
            if (!text_until_action()) break;
            action();
        }
        if (!failed_) push(TokenKind::End, at_, {});
        return std::move(tokens_);
    }

private:
    bool starts(std::string_view what, std::size_t at) const {
        return text_.substr(std::min(at, text_.size())).starts_with(what);
    }
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    void push(TokenKind kind, std::size_t at, std::string_view text) {
        tokens_.push_back({kind, at, std::string(text)});
    }
    void take(TokenKind kind, std::size_t bytes) {
        push(kind, at_, text_.substr(at_, bytes));
        at_ += bytes;
    }
    void fail(std::size_t at, std::string message) {
        tokens_.push_back({TokenKind::Error, at, std::move(message)});
        failed_ = true;
    }
    /// True when a right delimiter begins here; `trims` when it is ` -}}`.
    bool at_right_delim(bool& trims) const {
        trims = at_ + 1 < text_.size() && is_space(text_[at_]) && starts("-}}", at_ + 1);
        return trims || starts("}}", at_);
    }
    void close(bool trims) {
        if (trims) at_ += 2;
        take(TokenKind::RightDelim, 2);
        if (trims) at_ = std::min(text_.find_first_not_of(spaces, at_), text_.size());
    }

    /// Pushes the text before the next action and its `{{`; comments between are skipped. False
    /// when there is no more action, or after an error.
    bool text_until_action() {
        for (;;) {
            const std::size_t open = text_.find("{{", at_);
            const std::size_t end = std::min(open, text_.size());
            const bool trims =
                end + 3 < text_.size() && text_[end + 2] == '-' && is_space(text_[end + 3]);
            std::size_t keep = end;
            while (trims && keep > at_ && is_space(text_[keep - 1])) --keep;
            if (keep > at_) push(TokenKind::Text, at_, text_.substr(at_, keep - at_));
            at_ = end;
            if (open == std::string_view::npos) return false;
            const std::size_t inside = end + (trims ? 3 : 2);
            const std::size_t after =
                trims ? std::min(text_.find_first_not_of(spaces, inside), text_.size()) : inside;
            if (!starts("/*", after)) {
                push(TokenKind::LeftDelim, at_, "{{");
                at_ = inside;
                return true;
            }
            if (!comment(after)) return false;
        }
    }

    /// A comment is an action that leaves no token.
    bool comment(std::size_t begin) {
        const std::size_t end = text_.find("*/", begin);
        if (end == std::string_view::npos) {
            fail(at_, "unclosed comment");
            return false;
        }
        at_ = end + 2;
        bool trims = false;
        if (!at_right_delim(trims)) {
            fail(at_, "comment ends before closing delimiter");
            return false;
        }
        at_ += trims ? 4 : 2;
        if (trims) at_ = std::min(text_.find_first_not_of(spaces, at_), text_.size());
        return true;
    }

    void action() {
        int parens = 0;
        while (!failed_) {
            bool trims = false;
            if (at_right_delim(trims)) {
                if (parens > 0) return fail(at_, "unclosed left paren");
                return close(trims);
            }
            if (at_ >= text_.size()) return fail(at_, "unclosed action");
            inside(parens);
        }
    }

    void inside(int& parens) {
        const char c = peek();
        if (is_space(c)) return space();
        switch (c) {
            case '=':
                return take(TokenKind::Assign, 1);
            case ':':
                if (peek(1) != '=') return fail(at_, "expected :=");
                return take(TokenKind::Declare, 2);
            case '|':
                return take(TokenKind::Pipe, 1);
            case '"':
                return quoted();
            case '`':
                return raw();
            case '\'':
                return character();
            case '$':
                return variable();
            case '(':
                ++parens;
                return take(TokenKind::LeftParen, 1);
            case ')':
                if (--parens < 0) return fail(at_, "unexpected right paren");
                return take(TokenKind::RightParen, 1);
            default:
                break;
        }
        if (c == '.' && !std::isdigit(static_cast<unsigned char>(peek(1)))) return field();
        if (c == '+' || c == '-' || c == '.' || std::isdigit(static_cast<unsigned char>(c)))
            return number();
        if (is_word(c)) return word();
        if (c > ' ' && c < '\x7f') return take(TokenKind::Symbol, 1);
        fail(at_, "unrecognized character in action: " + name_of(at_));
    }

    void space() {
        const std::size_t begin = at_;
        bool trims = false;
        while (at_ < text_.size() && is_space(text_[at_]) && !(at_right_delim(trims) && trims))
            ++at_;
        push(TokenKind::Space, begin, text_.substr(begin, at_ - begin));
    }
    void quoted() {
        std::size_t end = at_ + 1;
        while (end < text_.size() && text_[end] != '"' && text_[end] != '\n') {
            end += text_[end] == '\\' && end + 1 < text_.size() && text_[end + 1] != '\n' ? 2 : 1;
        }
        if (end >= text_.size() || text_[end] != '"')
            return fail(at_, "unterminated quoted string");
        take(TokenKind::String, end + 1 - at_);
    }
    void raw() {
        const std::size_t end = text_.find('`', at_ + 1);
        if (end == std::string_view::npos) return fail(at_, "unterminated raw quoted string");
        take(TokenKind::String, end + 1 - at_);
    }
    void character() {
        std::size_t end = at_ + 1;
        while (end < text_.size() && text_[end] != '\'' && text_[end] != '\n') {
            end += text_[end] == '\\' && end + 1 < text_.size() && text_[end + 1] != '\n' ? 2 : 1;
        }
        if (end >= text_.size() || text_[end] != '\'')
            return fail(at_, "unterminated character constant");
        take(TokenKind::Char, end + 1 - at_);
    }
    std::size_t word_end(std::size_t from) const {
        while (from < text_.size() && is_word(text_[from])) ++from;
        return from;
    }
    /// Whether what was read may end at `end`; pushes the error when not.
    bool ends_well(std::size_t end) {
        if (end >= text_.size() || is_space(text_[end]) || starts("}}", end) ||
            std::string_view(".,|:)(").find(text_[end]) != std::string_view::npos)
            return true;
        fail(at_, "bad character " + name_of(end));
        return false;
    }
    void field() {
        const std::size_t end = word_end(at_ + 1);
        if (end == at_ + 1) return take(TokenKind::Dot, 1);
        if (ends_well(end)) take(TokenKind::Field, end - at_);
    }
    void variable() {
        const std::size_t end = word_end(at_ + 1);
        if (end == at_ + 1) {
            if (ends_well(end)) take(TokenKind::Variable, 1);
            return;
        }
        if (ends_well(end)) take(TokenKind::Variable, end - at_);
    }
    void word() {
        const std::size_t end = word_end(at_);
        if (!ends_well(end)) return;
        const std::string_view word = text_.substr(at_, end - at_);
        TokenKind kind = TokenKind::Identifier;
        if (word == "nil") {
            kind = TokenKind::Nil;
        } else if (word == "true" || word == "false") {
            kind = TokenKind::Bool;
        } else if (std::find(keywords.begin(), keywords.end(), word) != keywords.end()) {
            kind = TokenKind::Keyword;
        }
        take(kind, end - at_);
    }
    void number() {
        std::size_t end = at_;
        if (text_[end] == '+' || text_[end] == '-') ++end;
        while (end < text_.size()) {
            const char c = text_[end];
            const bool exponent_sign =
                (c == '+' || c == '-') && end > at_ &&
                std::string_view("eEpP").find(text_[end - 1]) != std::string_view::npos;
            if (!is_word(c) && c != '.' && !exponent_sign) break;
            ++end;
        }
        take(TokenKind::Number, end - at_);
    }
    /// `U+0040 '@'`, as Go's %#U.
    std::string name_of(std::size_t at) const {
        const auto byte = static_cast<unsigned char>(text_[at]);
        if (byte < 0x20 || byte == 0x7f) return fmt::format("U+{:04X}", byte);
        if (byte < 0x80) return fmt::format("U+{:04X} '{}'", byte, static_cast<char>(byte));
        return "U+FFFD '\xef\xbf\xbd'";
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool failed_ = false;
    std::vector<Token> tokens_;
};

void append_utf8(std::string& out, std::uint32_t rune) {
    if (rune < 0x80) {
        out += static_cast<char>(rune);
    } else if (rune < 0x800) {
        out += static_cast<char>(0xc0 | (rune >> 6));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    } else if (rune < 0x10000) {
        out += static_cast<char>(0xe0 | (rune >> 12));
        out += static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | (rune >> 18));
        out += static_cast<char>(0x80 | ((rune >> 12) & 0x3f));
        out += static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    }
}

/// Reads `count` digits of `base` at `at`, which moves behind them.
std::optional<std::uint32_t> digits(std::string_view text, std::size_t& at, std::size_t count,
                                    int base) {
    if (at + count > text.size()) return std::nullopt;
    std::uint32_t number = 0;
    for (const std::size_t end = at + count; at < end; ++at) {
        const char c = text[at];
        int digit = 99;
        if (c >= '0' && c <= '9') digit = c - '0';
        if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
        if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
        if (digit >= base) return std::nullopt;
        number = number * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
    }
    return number;
}

/// One escape after the backslash at `at - 1`.
bool unescape(std::string_view body, std::size_t& at, char quote, std::string& out) {
    constexpr std::string_view letters = "abfnrtv\\", meanings = "\a\b\f\n\r\t\v\\";
    const char c = body[at];
    if (const std::size_t index = letters.find(c); index != std::string_view::npos) {
        out += meanings[index];
        ++at;
        return true;
    }
    if (c == quote) {
        out += c;
        ++at;
        return true;
    }
    std::optional<std::uint32_t> rune;
    if (c >= '0' && c <= '7') {
        rune = digits(body, at, 3, 8);
        if (!rune || *rune > 255) return false;
        out += static_cast<char>(*rune);
        return true;
    }
    ++at;
    if (c == 'x') {
        rune = digits(body, at, 2, 16);
        if (rune) out += static_cast<char>(*rune);
        return rune.has_value();
    }
    if (c != 'u' && c != 'U') return false;
    rune = digits(body, at, c == 'u' ? 4 : 8, 16);
    if (!rune || *rune > 0x10ffff || (*rune >= 0xd800 && *rune < 0xe000)) return false;
    append_utf8(out, *rune);
    return true;
}

}  // namespace

std::vector<Token> lex(std::string_view text) {
    return Lexer(text).run();
}

bool unquote(std::string_view quoted, std::string& out) {
    const char quote = quoted.front();
    const std::string_view body = quoted.substr(1, quoted.size() - 2);
    out.clear();
    if (quote == '`') {
        for (const char c : body) {
            if (c != '\r') out += c;
        }
        return true;
    }
    for (std::size_t at = 0; at < body.size();) {
        if (body[at] != '\\') {
            out += body[at++];
            continue;
        }
        if (++at >= body.size() || !unescape(body, at, quote, out)) return false;
    }
    return true;
}

int line_at(std::string_view text, std::size_t at) {
    const auto before = text.substr(0, at);
    return 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
}

}  // namespace vedette::template_tree
