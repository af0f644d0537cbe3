#include "promql/syntax/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/printable.h"

namespace vedette::promql {

namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_alpha(char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_word(char c) {
    return is_alpha(c) || is_digit(c);
}

std::string lowered(std::string_view word) {
    std::string out(word);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

struct Word {
    std::string_view text;
    Token::Kind kind;
    Op op = Op::Add;
    Aggregator aggregator = Aggregator::Sum;
    Token::Keyword keyword = Token::Keyword::None;
};

Word operator_word(std::string_view text, Op op) {
    return {text, Token::Kind::Operator, op};
}
Word aggregator_word(std::string_view text, Aggregator aggregator) {
    return {text, Token::Kind::Aggregator, Op::Add, aggregator};
}
Word keyword(std::string_view text, Token::Keyword word) {
    return {text, Token::Kind::Keyword, Op::Add, Aggregator::Sum, word};
}

const Word* find_word(std::string_view lower) {
    using K = Token::Keyword;
    static const std::array words = {
        operator_word("and", Op::And),
        operator_word("or", Op::Or),
        operator_word("unless", Op::Unless),
        operator_word("atan2", Op::Atan2),
        aggregator_word("sum", Aggregator::Sum),
        aggregator_word("avg", Aggregator::Avg),
        aggregator_word("count", Aggregator::Count),
        aggregator_word("min", Aggregator::Min),
        aggregator_word("max", Aggregator::Max),
        aggregator_word("group", Aggregator::Group),
        aggregator_word("stddev", Aggregator::Stddev),
        aggregator_word("stdvar", Aggregator::Stdvar),
        aggregator_word("topk", Aggregator::TopK),
        aggregator_word("bottomk", Aggregator::BottomK),
        aggregator_word("count_values", Aggregator::CountValues),
        aggregator_word("quantile", Aggregator::Quantile),
        aggregator_word("limitk", Aggregator::LimitK),
        aggregator_word("limit_ratio", Aggregator::LimitRatio),
        keyword("offset", K::Offset),
        keyword("by", K::By),
        keyword("without", K::Without),
        keyword("on", K::On),
        keyword("ignoring", K::Ignoring),
        keyword("group_left", K::GroupLeft),
        keyword("group_right", K::GroupRight),
        keyword("bool", K::Bool),
        keyword("start", K::Start),
        keyword("end", K::End),
        Word{"inf", Token::Kind::Number},
        Word{"nan", Token::Kind::Number},
    };
    const auto at = std::find_if(words.begin(), words.end(),
                                 [&](const Word& word) { return word.text == lower; });
    return at == words.end() ? nullptr : &*at;
}

/// Bytes of the well-formed character at the front, or 1 when it is none.
std::size_t rune_bytes(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return length <= text.size() && is_utf8(text.substr(0, length)) ? length : 1;
}

void append_utf8(std::string& out, std::uint32_t c) {
    const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
    if (c < 0x80) {
        byte(c);
    } else if (c < 0x800) {
        byte(0xc0 | (c >> 6));
        byte(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        byte(0xe0 | (c >> 12));
        byte(0x80 | ((c >> 6) & 0x3f));
        byte(0x80 | (c & 0x3f));
    } else {
        byte(0xf0 | (c >> 18));
        byte(0x80 | ((c >> 12) & 0x3f));
        byte(0x80 | ((c >> 6) & 0x3f));
        byte(0x80 | (c & 0x3f));
    }
}

std::uint32_t code_point(std::string_view rune) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rune[i]); };
    if (rune.empty() || (rune.size() == 1 && byte(0) >= 0x80)) return 0xfffd;
    if (rune.size() == 1) return byte(0);
    std::uint32_t c = byte(0) & (rune.size() == 2 ? 0x1f : rune.size() == 3 ? 0x0f : 0x07);
    for (std::size_t i = 1; i < rune.size(); ++i) c = c << 6 | (byte(i) & 0x3f);
    return c;
}

int digit_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 16;
}

/// What follows a backslash: how many digits of which base, and the largest value.
struct Escape {
    int count = 0, base = 0;
    std::uint32_t max = 0;
};

Escape escape_of(char c) {
    if (c >= '0' && c <= '7') return {3, 8, 255};
    if (c == 'x') return {2, 16, 255};
    if (c == 'u') return {4, 16, 0x10ffff};
    if (c == 'U') return {8, 16, 0x10ffff};
    return {};
}

}  // namespace

std::string describe(const Token& token) {
    const auto text = [&](std::string_view what) {
        std::size_t length = 0;
        for (int runes = 0; runes < 10 && length < what.size(); ++runes)
            length += rune_bytes(what.substr(length));
        return what.size() > 10 ? quote(what.substr(0, length)) + "..." : quote(what);
    };
    switch (token.kind) {
        case Token::Kind::End:
            return "end of input";
        case Token::Kind::Identifier:
            return "identifier " + quote(token.text);
        case Token::Kind::MetricIdentifier:
            return "metric identifier " + quote(token.text);
        case Token::Kind::String:
            return "string " + text(token.text);
        case Token::Kind::Number:
            return "number " + text(token.text);
        case Token::Kind::Duration:
            return "duration " + text(token.text);
        case Token::Kind::At:
            return "\"<Item 57400>\" <op:@>";  // Prometheus has no word for it
        case Token::Kind::MatchOp:
        case Token::Kind::Operator:
            return fmt::format("<op:{}>", token.text);
        case Token::Kind::Aggregator:
            return fmt::format("<aggr:{}>", token.text);
        case Token::Kind::Keyword:
            if (token.keyword == Token::Keyword::Start || token.keyword == Token::Keyword::End)
                return text(token.text);
            return fmt::format("<{}>", token.text);
        default:
            return text(token.text);
    }
}

Token Lexer::next() {
    if (failed_.kind == Token::Kind::Error) return failed_;
    skip_blank();
    start_ = at_;
    if (in_braces_) return braces();
    return bracket_fresh_ ? bracket() : statement();
}

void Lexer::skip_blank() {
    while (!at_end()) {
        if (is_space(text_[at_])) {
            ++at_;
        } else if (text_[at_] == '#' && !bracket_fresh_) {
            while (!at_end() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
        } else {
            return;
        }
    }
}

Token Lexer::token(Token::Kind kind) {
    Token out;
    out.kind = kind;
    out.at = {static_cast<std::uint32_t>(start_), static_cast<std::uint32_t>(at_)};
    out.text = text_.substr(start_, at_ - start_);
    return out;
}

Token Lexer::operation(Op op) {
    Token out = token(Token::Kind::Operator);
    out.op = op;
    return out;
}

Token Lexer::error(std::string why) {
    at_ = std::min(std::max(at_, start_ + 1), text_.size());
    failed_ = token(Token::Kind::Error);
    why_ = std::move(why);
    return failed_;
}

std::string_view Lexer::rune(std::size_t at) const {
    if (at >= text_.size()) return {};
    return text_.substr(at, rune_bytes(text_.substr(at)));
}

std::string Lexer::quoted_rune(std::size_t at) const {
    const std::string_view c = rune(at);
    if (code_point(c) == 0xfffd) return "'\xef\xbf\xbd'";
    if (c == "'") return "'\\''";
    if (c == "\"") return "'\"'";
    const std::string quoted = quote(c);
    return "'" + quoted.substr(1, quoted.size() - 2) + "'";
}

bool Lexer::accept(std::string_view set) {
    if (at_end() || set.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
}

bool Lexer::accept_run(std::string_view set) {
    const std::size_t before = at_;
    while (accept(set)) {
    }
    return at_ != before;
}

Token Lexer::statement() {
    if (at_end()) {
        if (paren_depth_ != 0) return error("unclosed left parenthesis");
        if (in_bracket_) return error("unclosed left bracket");
        return token(Token::Kind::End);
    }
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number_or_duration();
    if (is_alpha(c) || c == ':') return word();
    ++at_;
    switch (c) {
        case ',':
            return token(Token::Kind::Comma);
        case '*':
            return operation(Op::Mul);
        case '/':
            return operation(Op::Div);
        case '%':
            return operation(Op::Mod);
        case '+':
            return operation(Op::Add);
        case '-':
            return operation(Op::Sub);
        case '^':
            return operation(Op::Pow);
        case '@':
            return token(Token::Kind::At);
        case '=':
        case '!':
        case '<':
        case '>':
            return comparison(c);
        case '"':
        case '\'':
            return string(c);
        case '`':
            return raw_string();
        case '(':
            ++paren_depth_;
            return token(Token::Kind::LeftParen);
        case ')':
            if (paren_depth_ == 0) {
                start_ = at_;  // Prometheus names the place behind it
                return error("unexpected right parenthesis ')'");
            }
            --paren_depth_;
            return token(Token::Kind::RightParen);
        case '{':
            in_braces_ = true;
            return token(Token::Kind::LeftBrace);
        case '[':
            if (in_bracket_) return error("unexpected left bracket '['");
            in_bracket_ = bracket_fresh_ = true;
            seen_colon_ = false;
            return token(Token::Kind::LeftBracket);
        case ']':
            if (!in_bracket_) return error("unexpected right bracket ']'");
            in_bracket_ = false;
            return token(Token::Kind::RightBracket);
        default:
            return error("unexpected character: " + quoted_rune(start_));
    }
}

Token Lexer::comparison(char first) {
    const char second = peek();
    if (second == '=') {
        ++at_;
        return operation(first == '='   ? Op::Equal
                         : first == '!' ? Op::NotEqual
                         : first == '<' ? Op::LessEqual
                                        : Op::GreaterEqual);
    }
    if (first == '<') return operation(Op::Less);
    if (first == '>') return operation(Op::Greater);
    if (first == '!') return error("unexpected character after '!': " + quoted_rune(at_));
    if (second == '~') return error("unexpected character after '=': '~'");
    return token(Token::Kind::Assign);
}

Token Lexer::braces() {
    if (at_end()) return error("unexpected end of input inside braces");
    const char c = text_[at_];
    if (is_alpha(c)) {
        while (!at_end() && is_word(text_[at_])) ++at_;
        return token(Token::Kind::Identifier);
    }
    ++at_;
    switch (c) {
        case ',':
            return token(Token::Kind::Comma);
        case '"':
        case '\'':
            return string(c);
        case '`':
            return raw_string();
        case '=':
            return token(accept("~") ? Token::Kind::MatchOp : Token::Kind::Assign);
        case '!':
            if (accept("~=")) return token(Token::Kind::MatchOp);
            return error("unexpected character after '!' inside braces: " + quoted_rune(at_));
        case '{':
            return error("unexpected left brace '{'");
        case '}':
            in_braces_ = false;
            return token(Token::Kind::RightBrace);
        default:
            return error("unexpected character inside braces: " + quoted_rune(start_));
    }
}

/// The first thing behind '[': a duration, or what Prometheus takes for an expression of durations.
Token Lexer::bracket() {
    if (at_end()) return error("unexpected end of input in duration expression");
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
        bracket_fresh_ = false;
        return number_or_duration();
    }
    switch (c) {
        case ']':
        case '(':
        case ')':
        case '+':
        case '-':
        case '*':
        case '/':
        case '%':
        case '^':
            bracket_fresh_ = c != ']';
            return statement();
        case ':':
            start_ = ++at_;  // Prometheus names the place behind it
            return error("unexpected colon before duration in duration expression");
        default:
            return error("unexpected character in duration expression: " + quoted_rune(at_));
    }
}

bool Lexer::escape_is_good(char quote, std::string& why) {
    const auto rune_name = [&] {
        const std::uint32_t code = code_point(rune(at_));
        return is_printable(code) ? fmt::format("U+{:04X} '{}'", code, rune(at_))
                                  : fmt::format("U+{:04X}", code);
    };
    if (at_end()) {
        why = "escape sequence not terminated";
        return false;
    }
    const char c = text_[at_];
    const Escape escape = escape_of(c);
    if (escape.count == 0) {
        if (c == quote || std::string_view("abfnrtv\\").find(c) != std::string_view::npos) {
            ++at_;
            return true;
        }
        why = "unknown escape sequence " + rune_name();
        return false;
    }
    if (escape.base != 8) ++at_;
    std::uint64_t value = 0;
    for (int i = 0; i < escape.count; ++i, ++at_) {
        if (at_end()) {
            why = "escape sequence not terminated";
            return false;
        }
        const int digit = digit_value(text_[at_]);
        if (digit >= escape.base) {
            why = fmt::format("illegal character {} in escape sequence", rune_name());
            return false;
        }
        value = value * static_cast<unsigned>(escape.base) + static_cast<unsigned>(digit);
    }
    if (value > escape.max || (0xd800 <= value && value < 0xe000)) {
        why = "escape sequence is an invalid Unicode code point";
        return false;
    }
    return true;
}

Token Lexer::string(char quote) {
    while (true) {
        if (at_end() || text_[at_] == '\n') return error("unterminated quoted string");
        const char c = text_[at_];
        if (c == '\\') {
            ++at_;
            std::string why;
            if (!escape_is_good(quote, why)) return error(std::move(why));
            continue;
        }
        const std::string_view character = rune(at_);
        if (code_point(character) == 0xfffd) return error("invalid UTF-8 rune");
        at_ += character.size();
        if (c == quote) return token(Token::Kind::String);
    }
}

Token Lexer::raw_string() {
    while (true) {
        if (at_end()) return error("unterminated raw string");
        const std::string_view character = rune(at_);
        if (code_point(character) == 0xfffd) return error("invalid UTF-8 rune");
        at_ += character.size();
        if (character == "`") return token(Token::Kind::String);
    }
}

Token Lexer::number_or_duration() {
    if (scan_number()) return token(Token::Kind::Number);
    if (scan_duration_rest()) return token(Token::Kind::Duration);
    // What was read so far, the character that did not fit included.
    return error("bad number or duration syntax: " + quote(text_.substr(start_, at_ - start_)));
}

/// Reads as far as a number goes, in Prometheus's own loose way: what it lets through and is no
/// number (`0..5`) is found when the value is read. False when it breaks a rule or runs into a
/// letter (then it may be a duration).
bool Lexer::scan_number() {
    std::string_view set = digits;
    bool dot = false, exponent = false;
    if (accept("0") && accept("xX")) {
        accept("_");
        set = hex_digits;
    }
    accept(".");
    accept(set);
    while (!at_end() && (set.find(peek()) != std::string_view::npos ||
                         std::string_view("._eE").find(peek()) != std::string_view::npos)) {
        if (accept(".")) {
            if (dot) return false;
            dot = true;
            if (accept("_.") || set.size() > digits.size()) return false;
        } else if (accept("eE")) {
            if (exponent) return false;
            exponent = true;
            accept("+-");
            if (accept("._eE") || at_end()) return false;
        } else if (accept("_")) {
            if (accept("._eE") || at_end()) return false;
        } else {
            accept_run(set);
        }
    }
    return !is_word(peek());
}

/// Behind the first digits of a duration: a unit, then digits and unit again, as often as they
/// come.
bool Lexer::scan_duration_rest() {
    if (!accept("smhdwy")) return false;
    accept("s");
    while (accept_run(digits)) {
        if (!accept("smhdw")) return false;
        accept("s");
    }
    if (!is_word(peek())) return true;
    ++at_;
    return false;
}

Token Lexer::word() {
    if (in_bracket_) {
        // Prometheus takes any first letter for the colon, and so do we.
        if (seen_colon_) return error("unexpected colon " + quoted_rune(at_));
        seen_colon_ = true;
        ++at_;
        return token(Token::Kind::Colon);
    }
    while (!at_end() && (is_word(text_[at_]) || text_[at_] == ':')) ++at_;
    const std::string_view text = text_.substr(start_, at_ - start_);
    // No keyword is longer than fourteen letters.
    const Word* known = text.size() > 14 ? nullptr : find_word(lowered(text));
    if (known == nullptr)
        return token(text.find(':') == std::string_view::npos ? Token::Kind::Identifier
                                                              : Token::Kind::MetricIdentifier);
    Token out = token(known->kind);
    out.op = known->op;
    out.aggregator = known->aggregator;
    out.keyword = known->keyword;
    return out;
}

std::string unquote(std::string_view quoted) {
    const char mark = quoted.front();
    std::string_view text = quoted.substr(1, quoted.size() - 2);
    if (mark == '`') return std::string(text);
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        const char c = text[++i];
        const Escape escape = escape_of(c);
        if (escape.count == 0) {
            constexpr std::string_view names = "abfnrtv", values = "\a\b\f\n\r\t\v";
            const std::size_t known = names.find(c);
            out += known == std::string_view::npos ? c : values[known];
            continue;
        }
        if (escape.base != 8) ++i;
        std::uint32_t value = 0;
        for (int n = 0; n < escape.count; ++n)
            value = value * static_cast<unsigned>(escape.base) +
                    static_cast<unsigned>(digit_value(text[i + static_cast<std::size_t>(n)]));
        i += static_cast<std::size_t>(escape.count) - 1;
        if (escape.max == 255)
            out += static_cast<char>(value);
        else
            append_utf8(out, value);
    }
    return out;
}

}  // namespace vedette::promql
