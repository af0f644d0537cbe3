#include "promql/labels/regex.h"

#include <re2/re2.h>

#include <cctype>
#include <charconv>

namespace vedette::promql {

namespace {

/// `(?<name>` to `(?P<name>`, leaving look-behinds (which RE2 refuses) and escapes alone.
std::string with_named_groups(std::string_view pattern) {
    std::string out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        out += pattern[i];
        if (pattern[i] == '\\' && i + 1 < pattern.size()) {
            out += pattern[++i];
        } else if (pattern.substr(i, 3) == "(?<" && i + 3 < pattern.size() &&
                   pattern[i + 3] != '=' && pattern[i + 3] != '!') {
            out += "?P<";
            i += 2;
        }
    }
    return out;
}

/// Whether `\` and `c` stand in `pattern`, outside of \Q…\E.
bool has_escape(std::string_view pattern, char c) {
    for (std::size_t i = 0; i + 1 < pattern.size(); ++i) {
        if (pattern[i] != '\\') continue;
        ++i;
        if (pattern[i] == c) return true;
        if (pattern[i] == 'Q') i = std::min(pattern.find("\\E", i), pattern.size());
    }
    return false;
}

/// Words and bars only, which Prometheus compares and never compiles: they need not even be UTF-8.
bool is_words(std::string_view pattern) {
    return pattern.find_first_of("\\.+*?()[]{}^$") == std::string_view::npos;
}

bool is_one_of(std::string_view value, std::string_view words) {
    for (std::size_t end = words.find('|'); end != std::string_view::npos; end = words.find('|')) {
        if (words.substr(0, end) == value) return true;
        words.remove_prefix(end + 1);
    }
    return words == value;
}

/// The text from its first byte on that is not UTF-8.
std::string_view from_bad_byte(std::string_view text) {
    constexpr std::size_t longest = 4;
    for (std::size_t length = 1; length <= longest && length <= text.size();) {
        if (!is_utf8(text.substr(0, length++))) continue;
        text.remove_prefix(length - 1);
        length = 1;
    }
    return text;
}

std::string_view go_words(re2::RE2::ErrorCode code) {
    switch (code) {
        case re2::RE2::ErrorBadEscape:
            return "invalid escape sequence";
        case re2::RE2::ErrorBadCharClass:
            return "invalid character class";
        case re2::RE2::ErrorBadCharRange:
            return "invalid character class range";
        case re2::RE2::ErrorMissingBracket:
            return "missing closing ]";
        case re2::RE2::ErrorMissingParen:
            return "missing closing )";
        case re2::RE2::ErrorUnexpectedParen:
            return "unexpected )";
        case re2::RE2::ErrorTrailingBackslash:
            return "trailing backslash at end of expression";
        case re2::RE2::ErrorRepeatArgument:
            return "missing argument to repetition operator";
        case re2::RE2::ErrorRepeatSize:
            return "invalid repeat count";
        case re2::RE2::ErrorRepeatOp:
            return "invalid nested repetition operator";
        case re2::RE2::ErrorBadPerlOp:
            return "invalid or unsupported Perl syntax";
        case re2::RE2::ErrorBadUTF8:
            return "invalid UTF-8";
        case re2::RE2::ErrorBadNamedCapture:
            return "invalid named capture";
        case re2::RE2::ErrorPatternTooLarge:
            return "expression too large";
        default:
            return "internal error";
    }
}

}  // namespace

std::unique_ptr<re2::RE2> compile_regex(std::string_view pattern) {
    re2::RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    return std::make_unique<re2::RE2>(with_named_groups(pattern), options);
}

bool matches(const Matcher& matcher, std::string_view value) {
    const auto whole = [&] {
        if (is_words(matcher.value)) return is_one_of(value, matcher.value);
        return re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()),
                                   *compile_regex(matcher.value));
    };
    switch (matcher.op) {
        case Matcher::Op::Equal:
            return value == matcher.value;
        case Matcher::Op::NotEqual:
            return value != matcher.value;
        case Matcher::Op::Match:
            return whole();
        case Matcher::Op::NotMatch:
            return !whole();
    }
    return false;
}

std::optional<std::string> regex_problem(std::string_view pattern) {
    if (is_words(pattern)) return std::nullopt;
    const auto regex = compile_regex(pattern);
    std::string out = "error parsing regexp: ";
    if (regex->ok()) {
        // Any byte, which Go does not know.
        if (has_escape(pattern, 'C')) return out + "invalid escape sequence: `\\C`";
        return std::nullopt;
    }
    out += go_words(regex->error_code());
    if (regex->error_code() == re2::RE2::ErrorTrailingBackslash) return out + ": ``";
    // Go shows the whole pattern where a parenthesis is missing.
    const bool whole = regex->error_code() == re2::RE2::ErrorMissingParen ||
                       regex->error_code() == re2::RE2::ErrorUnexpectedParen;
    std::string shown = whole ? std::string(pattern) : regex->error_arg();
    if (regex->error_code() == re2::RE2::ErrorBadUTF8) shown = from_bad_byte(pattern);
    // As it was written, before the group's name got its P.
    if (shown.starts_with("(?P<") && pattern.find(shown) == std::string_view::npos)
        shown.erase(2, 1);
    return out + ": `" + shown + '`';
}

std::string expand_template(const re2::RE2& regex, std::string_view text,
                            const std::string_view* groups, int count) {
    std::string out;
    const auto is_word = [](char c) {
        return c == '_' || std::isalnum(static_cast<unsigned char>(c));
    };
    while (!text.empty()) {
        const std::size_t dollar = text.find('$');
        out += text.substr(0, dollar);
        if (dollar == std::string_view::npos) break;
        text.remove_prefix(dollar + 1);
        if (text.starts_with('$')) {
            out += '$';
            text.remove_prefix(1);
            continue;
        }
        const bool braced = text.starts_with('{');
        std::size_t length = braced ? 1 : 0;
        while (length < text.size() && is_word(text[length])) ++length;
        const std::string_view name = text.substr(braced ? 1 : 0, length - (braced ? 1 : 0));
        if (name.empty() || (braced && (length >= text.size() || text[length] != '}'))) {
            out += '$';  // malformed: the dollar stands for itself
            continue;
        }
        text.remove_prefix(length + (braced ? 1 : 0));
        int index = -1;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
        if (error != std::errc() || end != name.data() + name.size()) {
            const auto& names = regex.NamedCapturingGroups();
            const auto at = names.find(std::string(name));
            index = at == names.end() ? -1 : at->second;
        }
        if (index >= 0 && index < count) out += groups[index];
    }
    return out;
}

}  // namespace vedette::promql
