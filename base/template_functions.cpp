#include "base/template_functions.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/template_builtins.h"
#include "core/labels.h"
#include "core/limits.h"
#include "core/sample.h"

namespace vedette {
namespace {

using Kind = TemplateValue::Kind;
using Answer = Result<TemplateValue>;

tl::unexpected<Error> wrong(std::string message) {
    return fail(Fault::BadInput, std::move(message));
}

Result<double> to_number(const TemplateValue& argument) {
    const TemplateValue& value = argument.plain();
    switch (value.kind()) {
        case Kind::Float:
            return value.number();
        case Kind::Int:
            return static_cast<double>(value.integer());
        case Kind::Duration:
            return static_cast<double>(value.duration().count()) / 1e9;
        case Kind::String: {
            auto number = parse_value(value.string());
            if (number) return *number;
            return wrong(fmt::format("strconv.ParseFloat: parsing {}: invalid syntax",
                                     quote(value.string())));
        }
        default:
            return wrong(fmt::format("can't convert {} to float", argument.type_name()));
    }
}

std::string four_digits(double value) {
    return format_go_float(value, 'g', 4);
}

constexpr std::array<std::string_view, 8> small = {"m", "u", "n", "p", "f", "a", "z", "y"};
constexpr std::array<std::string_view, 8> large = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
constexpr std::array<std::string_view, 8> binary = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};

std::string with_prefix(double value, const std::array<std::string_view, 8>& prefixes,
                        double factor) {
    std::string_view prefix;
    for (const auto next : prefixes) {
        if (factor > 1 ? std::fabs(value) < factor : std::fabs(value) >= 1) break;
        prefix = next;
        value = factor > 1 ? value / factor : value * 1000;
    }
    return four_digits(value) + std::string(prefix);
}

std::string humanize(double value) {
    if (value == 0 || !std::isfinite(value)) return four_digits(value);
    return std::fabs(value) >= 1 ? with_prefix(value, large, 1000) : with_prefix(value, small, 0);
}

std::string humanize_1024(double value) {
    if (std::fabs(value) <= 1 || !std::isfinite(value)) return four_digits(value);
    return with_prefix(value, binary, 1024);
}

std::string humanize_seconds(double value) {
    if (!std::isfinite(value)) return four_digits(value);
    if (value == 0) return four_digits(value) + "s";
    if (std::fabs(value) < 1) return with_prefix(value, small, 0) + "s";
    const std::string sign = value < 0 ? "-" : "";
    value = std::fabs(value);
    // Go cuts a float that does not fit to the smallest integer; nobody waits that long.
    const auto whole = value < 9.2e18 ? static_cast<std::int64_t>(value) : INT64_MAX;
    const std::int64_t seconds = whole % 60, minutes = whole / 60 % 60, hours = whole / 3600 % 24,
                       days = whole / 86400;
    if (days != 0) return sign + fmt::format("{}d {}h {}m {}s", days, hours, minutes, seconds);
    if (hours != 0) return sign + fmt::format("{}h {}m {}s", hours, minutes, seconds);
    if (minutes != 0) return sign + fmt::format("{}m {}s", minutes, seconds);
    return sign + four_digits(value) + "s";
}

Result<Timestamp> to_timestamp(double seconds) {
    if (!std::isfinite(seconds)) return wrong("value is NaN or Inf");
    const double nanoseconds = seconds * 1e9;
    if (nanoseconds > 9223372036854775807.0 || nanoseconds < -9223372036854775808.0)
        return wrong(fmt::format(
            "{} cannot be represented as a nanoseconds timestamp since it overflows int64",
            format_go_float(seconds, 'g', -1)));
    return Timestamp{static_cast<std::int64_t>(nanoseconds) / 1'000'000};
}

TemplateFunction of_number(std::function<Answer(double)> call) {
    return {"a", [call = std::move(call)](TemplateArguments args) -> Answer {
                const auto number = to_number(args[0]);
                if (!number) return fail(number.error());
                return call(*number);
            }};
}

TemplateFunction of_string(std::string (*call)(std::string_view)) {
    return {"s", [call](TemplateArguments args) -> Answer { return call(args[0].string()); }};
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

bool is_letter(char32_t rune) {
    if (rune < 0x80) return (rune | 32) >= 'a' && (rune | 32) <= 'z';
    return rune >= 0xc0 && rune != 0xd7 && rune != 0xf7 && !(rune >= 0x2000 && rune <= 0x2bff);
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
            if (byte >= 0xc0) change(0x4e00);
            out += text[i];
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

std::string to_upper(std::string_view text) {
    return map_runes(text, [](char32_t rune) { return other_case(rune, true); });
}
std::string to_lower(std::string_view text) {
    return map_runes(text, [](char32_t rune) { return other_case(rune, false); });
}
/// Letters, digits and `_` make a word, and an apostrophe inside does not end it.
bool in_word(char32_t rune, bool was_inside) {
    return is_letter(rune) || (rune >= '0' && rune <= '9') || rune == '_' ||
           (was_inside && rune == '\'');
}

/// First letters of words go up, the others stay.
std::string title(std::string_view text) {
    bool inside = false;
    return map_runes(text, [&](char32_t rune) {
        const bool was_inside = inside;
        inside = in_word(rune, was_inside);
        return was_inside ? rune : other_case(rune, true);
    });
}
/// As Alertmanager's: the other letters go down.
std::string title_lower(std::string_view text) {
    bool inside = false;
    return map_runes(text, [&](char32_t rune) {
        const bool was_inside = inside;
        inside = in_word(rune, was_inside);
        return other_case(rune, !was_inside);
    });
}

std::string same(std::string_view text) {
    return std::string(text);
}
std::string trim_space(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\n\v\f\r");
    if (begin == std::string_view::npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(" \t\n\v\f\r") - begin + 1));
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

Answer re_replace_all(TemplateArguments args) {
    const std::string &pattern_text = args[0].string(), &replacement = args[1].string(),
                      &text = args[2].string();
    const auto pattern = compile(pattern_text);
    if (!pattern->ok())
        return wrong(
            fmt::format("regexp: Compile({}): {}", quote(pattern_text), pattern_error(*pattern)));
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

// ── samples ──

Answer sample_field(const TemplateValue& sample, std::string_view field) {
    if (sample.kind() == Kind::Object) {
        for (const auto& [name, value] : sample.object().fields) {
            if (name == field) return value;
        }
    }
    return wrong(
        fmt::format("wrong type for value; expected *template.sample; got {}", sample.type_name()));
}

std::string sample_label(const TemplateValue& sample, const std::string& label) {
    const auto labels = sample_field(sample, "Labels");
    if (!labels || labels->kind() != Kind::Map) return {};
    const auto found = labels->map().find(label);
    return found == labels->map().end() ? std::string() : to_string(found->second);
}

Answer first(TemplateArguments args) {
    if (args[0].list().empty()) return wrong("first() called on vector with no elements");
    return args[0].list().front();
}

Answer sort_by_label(TemplateArguments args) {
    TemplateList sorted = args[1].list();
    std::stable_sort(
        sorted.begin(), sorted.end(), [&](const TemplateValue& a, const TemplateValue& b) {
            return sample_label(a, args[0].string()) < sample_label(b, args[0].string());
        });
    return sorted;
}

Answer numbered_args(TemplateArguments args) {
    TemplateMap map;
    for (std::size_t i = 0; i < args.size(); ++i) map[fmt::format("arg{}", i)] = args[i];
    return map;
}

Answer parse_go_duration(TemplateArguments args) {
    const auto duration = parse_duration(args[0].string());
    if (!duration) return fail(duration.error());
    return static_cast<double>(duration->count()) / 1000.0;
}

// ── Alertmanager's ──

Answer join(TemplateArguments args) {
    std::string out;
    for (const auto& item : args[1].list()) {
        if (&item != &args[1].list().front()) out += args[0].string();
        print_template_value(out, item, limits::template_output_bytes_max);
        if (out.size() > limits::template_output_bytes_max) break;
    }
    return out;
}

void json_text(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else if (byte < 0x20 || c == '<' || c == '>' || c == '&')
            out += fmt::format("\\u{:04x}", byte);
        else
            out += c;
    }
    out += '"';
}

void json(std::string& out, const TemplateValue& argument) {
    const TemplateValue& value = argument.plain();
    if (out.size() > limits::template_output_bytes_max) return;
    const char* gap = "";
    switch (value.kind()) {
        case Kind::Missing:
            out += "null";
            break;
        case Kind::Bool:
        case Kind::Int:
            out += to_string(value);
            break;
        case Kind::Float:
            out += std::isfinite(value.number()) ? fmt::format("{}", value.number()) : "null";
            break;
        case Kind::String:
            json_text(out, value.string());
            break;
        case Kind::Time:
            json_text(out, format_go_time(value.time(), "2006-01-02T15:04:05.999999999Z07:00"));
            break;
        case Kind::Duration:
            out += fmt::format("{}", value.duration().count());
            break;
        case Kind::List:
            out += '[';
            for (const auto& item : value.list()) {
                out += std::exchange(gap, ",");
                json(out, item);
            }
            out += ']';
            break;
        case Kind::Map:
            out += '{';
            for (const auto& [key, item] : value.map()) {
                json_text(out += std::exchange(gap, ","), key);
                json(out += ':', item);
            }
            out += '}';
            break;
        case Kind::Object:
            out += '{';
            for (const auto& [key, item] : value.object().fields) {
                json_text(out += std::exchange(gap, ","), key);
                json(out += ':', item);
            }
            out += '}';
            break;
    }
}

std::string unescape_url(std::string_view text) {
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'                 ? c - '0'
               : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                    : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
            digit(text[i + 2]) >= 0) {
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string path_of(const std::string& url) {
    const std::size_t scheme = url.find("://");
    const std::size_t slash = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
    return slash == std::string::npos ? ""
                                      : url.substr(slash, url.find_first_of("?#", slash) - slash);
}

/// What both programs offer.
TemplateFunctions common_functions() {
    return {
        {"toUpper", of_string(to_upper)},
        {"toLower", of_string(to_lower)},
        {"safeHtml", of_string(same)},
        {"match", {"ss", match}},
        {"reReplaceAll", {"sss", re_replace_all}},
        {"humanizeDuration", of_number([](double v) -> Answer { return humanize_seconds(v); })},
    };
}

}  // namespace

TemplateFunctions prometheus_functions(const PrometheusFunctionSettings& settings) {
    TemplateFunctions out = common_functions();
    out["title"] = of_string(title);
    out["humanize"] = of_number([](double v) -> Answer { return humanize(v); });
    out["humanize1024"] = of_number([](double v) -> Answer { return humanize_1024(v); });
    out["humanizePercentage"] =
        of_number([](double v) -> Answer { return four_digits(v * 100) + "%"; });
    out["humanizeTimestamp"] = of_number([](double v) -> Answer {
        if (!std::isfinite(v)) return four_digits(v);
        const auto at = to_timestamp(v);
        if (!at) return fail(at.error());
        return to_string(TemplateValue(*at));
    });
    out["toTime"] = of_number([](double v) -> Answer {
        const auto at = to_timestamp(v);
        if (!at) return fail(at.error());
        return *at;
    });
    out["query"] = {"s", [query = settings.query](TemplateArguments args) -> Answer {
                        if (!query) return wrong("queries are not possible here");
                        return query(args[0].string());
                    }};
    out["first"] = {"l", first};
    out["value"] = {"a", [](TemplateArguments args) { return sample_field(args[0], "Value"); }};
    out["label"] = {"sa", [](TemplateArguments args) -> Answer {
                        return sample_label(args[1], args[0].string());
                    }};
    out["strvalue"] = {
        "a", [](TemplateArguments args) -> Answer { return sample_label(args[0], "__value__"); }};
    out["sortByLabel"] = {"sl", sort_by_label};
    out["args"] = {"a*", numbered_args};
    out["stripPort"] = of_string(strip_port);
    out["stripDomain"] = of_string(strip_domain);
    out["parseDuration"] = {"s", parse_go_duration};
    out["graphLink"] = of_string([](std::string_view expression) {
        return "/graph?g0.expr=" + template_builtins::escape_query(expression) + "&g0.tab=0";
    });
    out["tableLink"] = of_string(table_link);
    out["externalURL"] = {
        "", [url = settings.external_url](TemplateArguments) -> Answer { return url; }};
    out["pathPrefix"] = {
        "", [path = path_of(settings.external_url)](TemplateArguments) -> Answer { return path; }};
    return out;
}

TemplateFunctions alertmanager_functions(std::function<Timestamp()> now) {
    TemplateFunctions out = common_functions();
    out["title"] = of_string(title_lower);
    out["trimSpace"] = of_string(trim_space);
    out["safeUrl"] = of_string(same);
    out["urlUnescape"] = of_string(unescape_url);
    out["join"] = {"sl", join};
    out["stringSlice"] = {"s*", [](TemplateArguments args) -> Answer {
                              return TemplateList(args.begin(), args.end());
                          }};
    out["date"] = {"st", [](TemplateArguments args) -> Answer {
                       return format_go_time(args[1].time(), args[0].string());
                   }};
    out["since"] = {"t", [now = std::move(now)](TemplateArguments args) -> Answer {
                        return std::chrono::nanoseconds(now() - args[0].time());
                    }};
    out["toJson"] = {"a", [](TemplateArguments args) -> Answer {
                         std::string text;
                         json(text, args[0]);
                         return text;
                     }};
    return out;
}

std::string table_link(std::string_view expression) {
    return "/graph?g0.expr=" + template_builtins::escape_query(expression) + "&g0.tab=1";
}

TemplateValue template_sample(TemplateMap labels, double value) {
    TemplateObject object;
    object.type = "*template.sample";
    object.fields = {{"Labels", std::move(labels)}, {"Value", value}};
    return object;
}

}  // namespace vedette
