// Texts, patterns and hosts in templates.
#include "base/template/text.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <memory>
#include <vector>

#include "core/labels.h"
#include "core/limits.h"
#include "core/sample.h"

namespace vedette::template_text {
namespace {

using Kind = TemplateValue::Kind;
using Answer = Result<TemplateValue>;

tl::unexpected<Error> wrong(std::string message) {
    return fail(Fault::BadInput, std::move(message));
}

/// Without the underscores that Go lets stand between digits and behind `0x`; as it is when one
/// stands elsewhere.
std::string without_underscores(const std::string& text) {
    std::string out;
    std::size_t at = text.starts_with('+') || text.starts_with('-') ? 1 : 0;
    const bool hex = text.size() > at + 1 && text[at] == '0' && (text[at + 1] | 32) == 'x';
    bool after_digit = false, after_underscore = false;
    if (hex) {
        at += 2;
        after_digit = true;
    }
    out = text.substr(0, at);
    for (const char c : std::string_view(text).substr(at)) {
        const auto byte = static_cast<unsigned char>(c);
        const bool digit = hex ? std::isxdigit(byte) : std::isdigit(byte);
        if (c == '_' ? !after_digit : after_underscore && !digit) return text;
        after_underscore = c == '_';
        after_digit = digit;
        if (c != '_') out += c;
    }
    return after_underscore ? text : out;
}

/// Go's strconv.ParseFloat.
Result<double> read_number(const std::string& text) {
    const auto number = parse_value(without_underscores(text));
    if (number) return number;
    const bool large = number.error().message.starts_with("out of range");
    return wrong(fmt::format("strconv.ParseFloat: parsing {}: {}", quote(text),
                             large ? "value out of range" : "invalid syntax"));
}

Result<double> to_number(const TemplateValue& argument) {
    const TemplateValue& value = argument.plain();
    // As Prometheus, which lists the types it takes.
    if (argument.kind() == Kind::Object && argument.type_name() != "int64")
        return wrong(fmt::format("can't convert {} to float", argument.type_name()));
    switch (value.kind()) {
        case Kind::Float:
            return value.number();
        case Kind::Int:
            return static_cast<double>(value.integer());
        case Kind::Duration:
            return static_cast<double>(value.duration().count()) / 1e9;
        case Kind::String:
            return read_number(value.string());
        default:
            return wrong(fmt::format("can't convert {} to float", argument.type_name()));
    }
}

// ── letters ──

/// The other case of the scripts people name things in: Latin-1, Latin Extended-A, Greek, Cyrillic.
char32_t other_case(char32_t rune, bool upper) {
    const auto shift = [&](char32_t low_begin, char32_t low_end, char32_t by) -> char32_t {
        if (upper && rune >= low_begin && rune <= low_end) return rune - by;
        if (!upper && rune >= low_begin - by && rune <= low_end - by) return rune + by;
        return rune;
    };
    if (rune < 0x80) return shift('a', 'z', 32);
    if (rune == 0xf7 || rune == 0xd7 || rune == 0xdf) return rune;
    if (rune == 0xff && upper) return 0x178;
    if (rune == 0x178 && !upper) return 0xff;
    if (rune < 0x100) return shift(0xe0, 0xfe, 32);
    if ((rune >= 0x100 && rune <= 0x137 && rune != 0x130 && rune != 0x131) ||
        (rune >= 0x14a && rune <= 0x177))
        return upper ? rune & ~char32_t{1} : rune | 1;
    if ((rune >= 0x139 && rune <= 0x148) || (rune >= 0x179 && rune <= 0x17e))
        return upper ? (rune - 1) | 1 : (rune + 1) & ~char32_t{1};
    if (rune == 0x3c2 && upper) return 0x3a3;
    if (rune >= 0x391 && rune <= 0x3c9) return shift(0x3b1, 0x3c9, 32);
    if (rune >= 0x400 && rune <= 0x40f) return upper ? rune : rune + 80;
    if (rune >= 0x450 && rune <= 0x45f) return upper ? rune - 80 : rune;
    if (rune >= 0x410 && rune <= 0x44f) return shift(0x430, 0x44f, 32);
    return rune;
}

/// Whether it has an upper and a lower case: Latin, Greek, Cyrillic, Armenian.
bool is_cased(char32_t rune) {
    if (rune < 0x80) return (rune | 32) >= 'a' && (rune | 32) <= 'z';
    return rune >= 0xc0 && rune != 0xd7 && rune != 0xf7 && rune < 0x590;
}

/// Runs `change` over each rune that is two bytes long at most; longer ones are handed over but
/// kept.
std::string map_runes(std::string_view text, const std::function<char32_t(char32_t)>& change) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool pair =
            byte >= 0xc2 && byte < 0xe0 && i + 1 < text.size() && (text[i + 1] & 0xc0) == 0x80;
        if (byte >= 0x80 && !pair) {
            const std::size_t length = rune_bytes(text.substr(i));
            if (length == 3)
                change(((byte & 0x0fU) << 12) |
                       ((static_cast<unsigned char>(text[i + 1]) & 0x3fU) << 6) |
                       (static_cast<unsigned char>(text[i + 2]) & 0x3fU));
            out += text.substr(i, length);
            i += length - 1;
            continue;
        }
        char32_t rune = byte;
        if (pair) rune = ((byte & 0x1fU) << 6) | (static_cast<unsigned char>(text[++i]) & 0x3fU);
        rune = change(rune);
        if (rune < 0x80) {
            out += static_cast<char>(rune);
        } else {
            out += static_cast<char>(0xc0 | (rune >> 6));
            out += static_cast<char>(0x80 | (rune & 0x3f));
        }
    }
    return out;
}

/// What may stand inside a word, one at a time: `it's`, `a.b`.
bool is_middle(char32_t rune) {
    return rune == '\'' || rune == '.' || rune == ':' || rune == 0xb7 || rune == 0x2018 ||
           rune == 0x2019 || rune == 0x2024 || rune == 0x2027;
}

/// What stands between words: all but letters, digits, `_` and the middle of a word. An ideograph
/// is a word of its own.
bool ends_word(char32_t rune) {
    if (is_middle(rune)) return false;
    if (rune < 0x80) return !is_cased(rune) && !(rune >= '0' && rune <= '9') && rune != '_';
    if (rune < 0x590) return !is_cased(rune) && rune != 0xaa && rune != 0xba;
    return (rune >= 0x2000 && rune < 0x2c00) || (rune >= 0x2e80 && rune < 0xa000) ||
           (rune >= 0xf900 && rune < 0xfb00);
}

// ── patterns ──

std::unique_ptr<RE2> compile(const std::string& pattern) {
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(8 << 20);
    return std::make_unique<RE2>(pattern, options);
}

/// What is wrong with a pattern, in Go's words.
std::string pattern_error(const RE2& pattern) {
    std::string_view what;
    std::string where = pattern.error_arg();
    switch (pattern.error_code()) {
        case RE2::ErrorMissingParen:
            what = "missing closing )", where = pattern.pattern();
            break;
        case RE2::ErrorMissingBracket:
            what = "missing closing ]";
            break;
        case RE2::ErrorBadCharRange:
            what = "invalid character class range";
            break;
        case RE2::ErrorBadCharClass:
            what = "invalid character class";
            break;
        case RE2::ErrorBadEscape:
            what = "invalid escape sequence";
            break;
        case RE2::ErrorTrailingBackslash:
            what = "trailing backslash at end of expression", where = "";
            break;
        case RE2::ErrorRepeatArgument:
            what = "missing argument to repetition operator";
            break;
        case RE2::ErrorRepeatSize:
            what = "invalid repeat count";
            break;
        case RE2::ErrorRepeatOp:
            what = "invalid nested repetition operator";
            break;
        case RE2::ErrorBadPerlOp:
            what = "invalid or unsupported Perl syntax";
            break;
        case RE2::ErrorBadNamedCapture:
            what = "invalid named capture";
            break;
        case RE2::ErrorBadUTF8:
            what = "invalid UTF-8";
            break;
        default:
            return "error parsing regexp: " + pattern.error();
    }
    return fmt::format("error parsing regexp: {}: `{}`", what, where);
}

/// Appends what Go's `$1`, `${1}`, `${name}` and `$$` in `replacement` stand for.
void expand_groups(std::string& out, std::string_view replacement, const RE2& pattern,
                   const std::vector<re2::StringPiece>& groups) {
    const auto is_word = [](char c) {
        return c == '_' || std::isalnum(static_cast<unsigned char>(c));
    };
    for (std::size_t i = 0; i < replacement.size(); ++i) {
        if (replacement[i] != '$' || i + 1 == replacement.size()) {
            out += replacement[i];
            continue;
        }
        if (replacement[i + 1] == '$') {
            out += replacement[++i];
            continue;
        }
        const bool braces = replacement[i + 1] == '{';
        const std::size_t begin = i + (braces ? 2 : 1);
        std::size_t end = begin;
        while (end < replacement.size() && is_word(replacement[end])) ++end;
        if (end == begin || (braces && (end == replacement.size() || replacement[end] != '}'))) {
            out += '$';
            continue;
        }
        const std::string name(replacement.substr(begin, end - begin));
        std::size_t group = groups.size();
        if (name.find_first_not_of("0123456789") == std::string::npos && name.size() < 6)
            group = static_cast<std::size_t>(std::stoul(name));
        else if (const auto found = pattern.NamedCapturingGroups().find(name);
                 found != pattern.NamedCapturingGroups().end())
            group = static_cast<std::size_t>(found->second);
        if (group < groups.size())
            out.append(groups[group].data() ? groups[group].data() : "", groups[group].size());
        i = braces ? end : end - 1;
    }
}

/// In backquotes where they can hold it.
std::string pattern_in_quotes(const std::string& pattern) {
    const TemplateValue value(pattern);
    return go_printf("%#q", {&value, 1}, limits::template_output_bytes_max);
}

// ── hosts ──

struct HostPort {
    std::string host, port;
    bool split = false;
};

/// Go's net.SplitHostPort; `split` is false where that fails.
HostPort split_host_port(const std::string& text) {
    const HostPort whole{text, "", false};
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return whole;
    if (text[0] == '[') {
        const std::size_t close = text.find(']');
        if (close == std::string::npos || close + 1 != colon) return whole;
        return {text.substr(1, close - 1), text.substr(colon + 1), true};
    }
    if (text.find(':') != colon || text.find_first_of("[]") != std::string::npos) return whole;
    return {text.substr(0, colon), text.substr(colon + 1), true};
}

bool is_address(const std::string& host) {
    if (host.find(':') != std::string::npos)
        return host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string::npos;
    int dots = 0, number = -1;
    for (const char c : host) {
        if (c == '.') {
            if (number < 0) return false;
            ++dots;
            number = -1;
        } else if (c >= '0' && c <= '9') {
            number = std::max(number, 0) * 10 + (c - '0');
            if (number > 255) return false;
        } else {
            return false;
        }
    }
    return dots == 3 && number >= 0;
}

/// `1.5ms`, `20us`: below a second.
std::string parts_of_a_second(double value) {
    std::string_view prefix;
    for (const std::string_view next : {"m", "u", "n", "p", "f", "a", "z", "y"}) {
        if (std::fabs(value) >= 1) break;
        prefix = next;
        value *= 1000;
    }
    return format_go_float(value, 'g', 4) + std::string(prefix) + "s";
}

}  // namespace

std::size_t rune_bytes(std::string_view text) {
    std::size_t length = 1;
    while (length < std::min<std::size_t>(text.size(), 4) && (text[length] & 0xc0) == 0x80)
        ++length;
    while (length > 1 && !is_utf8(text.substr(0, length))) --length;
    return length;
}

std::string to_upper(std::string_view text) {
    return map_runes(text, [](char32_t rune) { return other_case(rune, true); });
}

std::string to_lower(std::string_view text) {
    return map_runes(text, [](char32_t rune) { return other_case(rune, false); });
}

std::string title(std::string_view text, TitleRest rest) {
    bool inside = false, after_middle = false;  // inside: behind the first letter of a word
    return map_runes(text, [&](char32_t rune) {
        const bool cased = is_cased(rune), first = cased && !inside, middle = is_middle(rune);
        inside = cased || (inside && !ends_word(rune) && !(middle && after_middle));
        after_middle = middle;
        return first || (cased && rest == TitleRest::Lower) ? other_case(rune, first) : rune;
    });
}

TemplateValue text_of_type(const char* type, std::string_view text) {
    TemplateObject out;
    out.type = type;
    out.self = TemplateValue(text);
    return out;
}

std::string trim_space(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\n\v\f\r");
    if (begin == std::string_view::npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(" \t\n\v\f\r") - begin + 1));
}

Answer re_replace_all(TemplateArguments args) {
    const std::string &pattern_text = args[0].string(), &replacement = args[1].string(),
                      &text = args[2].string();
    const auto pattern = compile(pattern_text);
    if (!pattern->ok())
        return wrong(fmt::format("regexp: Compile({}): {}", pattern_in_quotes(pattern_text),
                                 pattern_error(*pattern)));
    std::vector<re2::StringPiece> groups(
        static_cast<std::size_t>(pattern->NumberOfCapturingGroups()) + 1);
    std::string out;
    std::size_t at = 0;
    bool after_match = false;
    while (at <= text.size() && out.size() <= limits::template_output_bytes_max) {
        if (!pattern->Match(text, at, text.size(), RE2::UNANCHORED, groups.data(),
                            static_cast<int>(groups.size())))
            break;
        const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
        const std::size_t length = groups[0].size();
        out.append(text, at, begin - at);
        // Go takes no empty match right behind another match.
        if (length > 0 || !(after_match && begin == at))
            expand_groups(out, replacement, *pattern, groups);
        at = begin + length;
        after_match = length > 0;
        if (length == 0) {
            if (at < text.size()) out += text[at];
            ++at;
            while (at < text.size() && (text[at] & 0xc0) == 0x80) out += text[at++];
            after_match = false;
        }
    }
    if (at < text.size()) out.append(text, at);
    return out;
}

Answer match(TemplateArguments args) {
    const auto pattern = compile(args[0].string());
    if (!pattern->ok()) return wrong(pattern_error(*pattern));
    return RE2::PartialMatch(args[1].string(), *pattern);
}

std::string strip_port(std::string_view text) {
    const HostPort parts = split_host_port(std::string(text));
    return parts.split ? parts.host : std::string(text);
}

std::string strip_domain(std::string_view text) {
    const HostPort parts = split_host_port(std::string(text));
    if (is_address(parts.host)) return std::string(text);
    const std::string host = parts.host.substr(0, parts.host.find('.'));
    return parts.port.empty() ? host : host + ":" + parts.port;
}

TemplateFunction of_number(std::function<Result<TemplateValue>(double)> call) {
    return {"a", [call = std::move(call)](TemplateArguments args) -> Answer {
                const auto number = to_number(args[0]);
                if (!number) return fail(number.error());
                return call(*number);
            }};
}

TemplateFunction of_string(std::string (*call)(std::string_view)) {
    return {"s", [call](TemplateArguments args) -> Answer { return call(args[0].string()); }};
}

std::string humanize_seconds(double value) {
    if (!std::isfinite(value)) return format_go_float(value, 'g', 4);
    if (value == 0) return format_go_float(value, 'g', 4) + "s";
    if (std::fabs(value) < 1) return parts_of_a_second(value);
    const std::string sign = value < 0 ? "-" : "";
    value = std::fabs(value);
    // Go cuts a float that does not fit to the smallest integer; nobody waits that long.
    const auto whole = value < 9.2e18 ? static_cast<std::int64_t>(value) : INT64_MAX;
    const std::int64_t seconds = whole % 60, minutes = whole / 60 % 60, hours = whole / 3600 % 24,
                       days = whole / 86400;
    if (days != 0) return sign + fmt::format("{}d {}h {}m {}s", days, hours, minutes, seconds);
    if (hours != 0) return sign + fmt::format("{}h {}m {}s", hours, minutes, seconds);
    if (minutes != 0) return sign + fmt::format("{}m {}s", minutes, seconds);
    return sign + format_go_float(value, 'g', 4) + "s";
}

TemplateFunctions common_functions() {
    return {
        {"toUpper", of_string(to_upper)},
        {"toLower", of_string(to_lower)},
        {"safeHtml",
         {"s",
          [](TemplateArguments args) -> Answer {
              return text_of_type("template.HTML", args[0].string());
          }}},
        {"match", {"ss", match}},
        {"reReplaceAll", {"sss", re_replace_all}},
        {"humanizeDuration", of_number([](double v) -> Answer { return humanize_seconds(v); })},
    };
}

}  // namespace vedette::template_text
