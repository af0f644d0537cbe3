// Go's ways of writing things: Sprintf, durations, times.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/template_value.h"
#include "core/labels.h"

namespace vedette {
namespace {

using Kind = TemplateValue::Kind;

struct Verb {
    bool minus = false, plus = false, sharp = false, space = false, zero = false;
    std::optional<int> width, precision;
    char letter = 0;
};

/// Go's own ceiling of widths and precisions.
constexpr int width_max = 1'000'000;

std::optional<int> read_int(std::string_view format, std::size_t& at) {
    std::optional<int> number;
    while (at < format.size() && format[at] >= '0' && format[at] <= '9' &&
           number.value_or(0) < width_max)
        number = number.value_or(0) * 10 + (format[at++] - '0');
    return number;
}

Verb read_verb(std::string_view format, std::size_t& at) {
    Verb verb;
    for (; at < format.size(); ++at) {
        const char c = format[at];
        if (c == '-')
            verb.minus = true;
        else if (c == '+')
            verb.plus = true;
        else if (c == '#')
            verb.sharp = true;
        else if (c == ' ')
            verb.space = true;
        else if (c == '0')
            verb.zero = true;
        else
            break;
    }
    verb.width = read_int(format, at);
    if (at < format.size() && format[at] == '.') {
        ++at;
        verb.precision = read_int(format, at).value_or(0);
    }
    if (at < format.size()) verb.letter = format[at++];
    return verb;
}

std::size_t runes(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

void pad(std::string& out, const Verb& verb, std::string text, bool is_number,
         std::size_t bytes_max) {
    const std::size_t width =
        std::min<std::size_t>(static_cast<std::size_t>(verb.width.value_or(0)), bytes_max);
    const std::size_t length = runes(text);
    const std::size_t missing = width > length ? width - length : 0;
    if (verb.minus) {
        out += text + std::string(missing, ' ');
    } else if (verb.zero && is_number) {
        const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
        out += text.substr(0, sign) + std::string(missing, '0') + text.substr(sign);
    } else {
        out += std::string(missing, verb.zero ? '0' : ' ') + text;
    }
}

std::string with_sign(const Verb& verb, std::string digits) {
    if (digits.starts_with('-') || digits.starts_with('+')) {
        if (!verb.plus && digits.starts_with('+') && !verb.space && digits != "+Inf")
            digits.erase(0, 1);
        return digits;
    }
    if (verb.plus) return "+" + digits;
    if (verb.space) return " " + digits;
    return digits;
}

std::string hex(std::string_view bytes, bool upper) {
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
    }
    return out;
}

/// One character as UTF-8; the replacement character for what is none.
std::string rune_text(std::uint64_t rune) {
    if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000)) rune = 0xfffd;
    const auto rest = [&](int shift) { return static_cast<char>(0x80 | ((rune >> shift) & 0x3f)); };
    if (rune < 0x80) return {static_cast<char>(rune)};
    if (rune < 0x800) return {static_cast<char>(0xc0 | (rune >> 6)), rest(0)};
    if (rune < 0x10000) return {static_cast<char>(0xe0 | (rune >> 12)), rest(6), rest(0)};
    return {static_cast<char>(0xf0 | (rune >> 18)), rest(12), rest(6), rest(0)};
}

std::optional<std::string> integer_verb(const Verb& verb, std::int64_t value) {
    const std::string sign = value < 0 ? "-" : "";
    const std::uint64_t size =
        value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    switch (verb.letter) {
        case 'd':
        case 'v':
            return with_sign(verb, sign + fmt::format("{}", size));
        case 'x':
            return with_sign(verb, sign + (verb.sharp ? "0x" : "") + fmt::format("{:x}", size));
        case 'X':
            return with_sign(verb, sign + (verb.sharp ? "0X" : "") + fmt::format("{:X}", size));
        case 'o':
            return with_sign(verb, sign + (verb.sharp ? "0" : "") + fmt::format("{:o}", size));
        case 'b':
            return with_sign(verb, sign + fmt::format("{:b}", size));
        case 'U':
            return fmt::format("U+{:04X}", size);
        case 'c':
            return rune_text(size);
        default:
            return std::nullopt;
    }
}

std::string upper_e(std::string number) {
    std::replace(number.begin(), number.end(), 'e', 'E');
    return number;
}

std::optional<std::string> float_verb(const Verb& verb, double value) {
    switch (verb.letter) {
        case 'v':
        case 'g':
            return with_sign(verb, format_go_float(value, 'g', verb.precision.value_or(-1)));
        case 'G':
            return with_sign(verb,
                             upper_e(format_go_float(value, 'g', verb.precision.value_or(-1))));
        case 'f':
        case 'F':
            return with_sign(verb, format_go_float(value, 'f', verb.precision.value_or(6)));
        case 'e':
            return with_sign(verb, format_go_float(value, 'e', verb.precision.value_or(6)));
        case 'E':
            return with_sign(verb,
                             upper_e(format_go_float(value, 'e', verb.precision.value_or(6))));
        default:
            return std::nullopt;
    }
}

std::optional<std::string> string_verb(const Verb& verb, std::string text) {
    if (verb.precision && verb.letter != 'x' && verb.letter != 'X') {
        std::size_t left = static_cast<std::size_t>(*verb.precision), end = 0;
        while (end < text.size() && ((text[end] & 0xc0) == 0x80 || left-- > 0)) ++end;
        text.resize(end);
    }
    switch (verb.letter) {
        case 's':
        case 'v':
            return verb.sharp && verb.letter == 'v' ? quote(text) : text;
        case 'q':
            return quote(text);
        case 'x':
        case 'X':
            return hex(text, verb.letter == 'X');
        default:
            return std::nullopt;
    }
}

/// The text of one verb; nothing when the verb does not fit the value.
std::optional<std::string> one_verb(const Verb& verb, const TemplateValue& value) {
    switch (value.kind()) {
        case Kind::Int:
            return integer_verb(verb, value.integer());
        case Kind::Float:
            return float_verb(verb, value.number());
        case Kind::String:
            return string_verb(verb, value.string());
        case Kind::Bool:
            if (verb.letter == 't' || verb.letter == 'v') return value.boolean() ? "true" : "false";
            return std::nullopt;
        case Kind::Missing:
            return verb.letter == 'v' ? std::optional<std::string>("<nil>") : std::nullopt;
        case Kind::Duration:
            if (verb.letter == 'd') return integer_verb(verb, value.duration().count());
            return string_verb(verb, to_string(value));
        default:
            if (verb.letter == 's' || verb.letter == 'v') return to_string(value);
            return std::nullopt;
    }
}

std::string misfit(char letter, const TemplateValue& value) {
    if (value.is_missing()) return fmt::format("%!{}(<nil>)", letter);
    return fmt::format("%!{}({}={})", letter, value.type_name(), to_string(value));
}

}  // namespace

std::string go_printf(std::string_view format, TemplateArguments arguments, std::size_t bytes_max) {
    std::string out;
    std::size_t next = 0;
    for (std::size_t at = 0; at < format.size() && out.size() <= bytes_max;) {
        if (format[at] != '%') {
            out += format[at++];
            continue;
        }
        const Verb verb = read_verb(format, ++at);
        if (verb.letter == 0) {
            out += "%!(NOVERB)";
        } else if (verb.letter == '%') {
            out += '%';
        } else if (next >= arguments.size()) {
            out += fmt::format("%!{}(MISSING)", verb.letter);
        } else {
            const TemplateValue& value = arguments[next++].plain();
            if (verb.letter == 'T') {
                pad(out, verb, value.type_name(), false, bytes_max);
            } else if (auto text = one_verb(verb, value)) {
                const bool is_number = value.kind() == Kind::Int || value.kind() == Kind::Float;
                pad(out, verb, *std::move(text), is_number, bytes_max);
            } else {
                out += misfit(verb.letter, value);
            }
        }
    }
    if (next < arguments.size()) {
        out += "%!(EXTRA ";
        for (std::size_t i = next; i < arguments.size(); ++i) {
            if (i > next) out += ", ";
            out += arguments[i].type_name() + "=";
            print_template_value(out, arguments[i], bytes_max);
        }
        out += ")";
    }
    return out;
}

std::string format_go_duration(std::chrono::nanoseconds duration) {
    const std::int64_t ns = duration.count();
    if (ns == 0) return "0s";
    const std::string sign = ns < 0 ? "-" : "";
    const std::uint64_t size =
        ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
    const auto fraction = [](std::uint64_t value, std::uint64_t unit) {
        std::string text = fmt::format("{}", value / unit);
        std::string rest = fmt::format("{}", unit + value % unit).substr(1);
        while (!rest.empty() && rest.back() == '0') rest.pop_back();
        return rest.empty() ? text : text + "." + rest;
    };
    if (size < 1'000) return sign + fmt::format("{}ns", size);
    if (size < 1'000'000) return sign + fraction(size, 1'000) + "µs";
    if (size < 1'000'000'000) return sign + fraction(size, 1'000'000) + "ms";
    constexpr std::uint64_t minute = 60'000'000'000ULL;
    std::string out = sign;
    if (size >= 60 * minute) out += fmt::format("{}h", size / (60 * minute));
    if (size >= minute) out += fmt::format("{}m", size / minute % 60);
    return out + fraction(size % minute, 1'000'000'000) + "s";
}

namespace {

constexpr std::array<std::string_view, 7> days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                  "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

/// A time cut into what a calendar and a clock on the wall in UTC show.
struct Civil {
    int year, month, day, hour, minute, second, millisecond, weekday;
};

Civil civil(Timestamp at) {
    using namespace std::chrono;
    const sys_time<milliseconds> time{milliseconds(at.ms)};
    const auto day = floor<std::chrono::days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    return {static_cast<int>(date.year()),
            static_cast<int>(static_cast<unsigned>(date.month())),
            static_cast<int>(static_cast<unsigned>(date.day())),
            static_cast<int>(clock.hours().count()),
            static_cast<int>(clock.minutes().count()),
            static_cast<int>(clock.seconds().count()),
            static_cast<int>(clock.subseconds().count()),
            static_cast<int>(weekday(day).c_encoding())};
}

/// `.000` or `.999` (also with a comma): exactly so many digits, or without zeros at the end.
std::string fraction_of(const Civil& t, std::string_view element) {
    std::string digits = fmt::format("{:03}000000", t.millisecond).substr(0, element.size() - 1);
    if (element[1] == '9') {
        while (!digits.empty() && digits.back() == '0') digits.pop_back();
        if (digits.empty()) return {};
    }
    return element[0] + digits;
}

struct LayoutElement {
    std::string_view text;
    std::string (*write)(const Civil&);
};

int hour12(const Civil& t) {
    return t.hour % 12 == 0 ? 12 : t.hour % 12;
}

// Longer spellings stand before those they begin with.
const std::array<LayoutElement, 30> layout_elements = {{
    {"January",
     [](const Civil& t) { return std::string(months[static_cast<std::size_t>(t.month - 1)]); }},
    {"Jan",
     [](const Civil& t) {
         return std::string(months[static_cast<std::size_t>(t.month - 1)].substr(0, 3));
     }},
    {"Monday",
     [](const Civil& t) { return std::string(days[static_cast<std::size_t>(t.weekday)]); }},
    {"Mon",
     [](const Civil& t) {
         return std::string(days[static_cast<std::size_t>(t.weekday)].substr(0, 3));
     }},
    {"MST", [](const Civil&) { return std::string("UTC"); }},
    {"2006", [](const Civil& t) { return fmt::format("{:04}", t.year); }},
    {"-07:00:00", [](const Civil&) { return std::string("+00:00:00"); }},
    {"-07:00", [](const Civil&) { return std::string("+00:00"); }},
    {"-070000", [](const Civil&) { return std::string("+000000"); }},
    {"-0700", [](const Civil&) { return std::string("+0000"); }},
    {"-07", [](const Civil&) { return std::string("+00"); }},
    {"Z07:00", [](const Civil&) { return std::string("Z"); }},
    {"Z0700", [](const Civil&) { return std::string("Z"); }},
    {"Z07", [](const Civil&) { return std::string("Z"); }},
    {"01", [](const Civil& t) { return fmt::format("{:02}", t.month); }},
    {"02", [](const Civil& t) { return fmt::format("{:02}", t.day); }},
    {"03", [](const Civil& t) { return fmt::format("{:02}", hour12(t)); }},
    {"04", [](const Civil& t) { return fmt::format("{:02}", t.minute); }},
    {"05", [](const Civil& t) { return fmt::format("{:02}", t.second); }},
    {"06", [](const Civil& t) { return fmt::format("{:02}", t.year % 100); }},
    {"15", [](const Civil& t) { return fmt::format("{:02}", t.hour); }},
    {"PM", [](const Civil& t) { return std::string(t.hour >= 12 ? "PM" : "AM"); }},
    {"pm", [](const Civil& t) { return std::string(t.hour >= 12 ? "pm" : "am"); }},
    {"_2", [](const Civil& t) { return fmt::format("{:2}", t.day); }},
    {"1", [](const Civil& t) { return fmt::format("{}", t.month); }},
    {"2", [](const Civil& t) { return fmt::format("{}", t.day); }},
    {"3", [](const Civil& t) { return fmt::format("{}", hour12(t)); }},
    {"4", [](const Civil& t) { return fmt::format("{}", t.minute); }},
    {"5", [](const Civil& t) { return fmt::format("{}", t.second); }},
    {"_2006", [](const Civil& t) { return fmt::format("_{:04}", t.year); }},
}};

/// The length of `.000` or `.999` at the beginning, or 0.
std::size_t fraction_length(std::string_view layout) {
    if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',') ||
        (layout[1] != '0' && layout[1] != '9'))
        return 0;
    const std::size_t end = std::min(layout.find_first_not_of(layout[1], 1), layout.size());
    const bool digit_follows = end < layout.size() && layout[end] >= '0' && layout[end] <= '9';
    return digit_follows || end > 10 ? 0 : end;
}

}  // namespace

std::string format_go_time(Timestamp at, std::string_view layout) {
    const Civil t = civil(at);
    std::string out;
    while (!layout.empty()) {
        if (const std::size_t length = fraction_length(layout)) {
            out += fraction_of(t, layout.substr(0, length));
            layout.remove_prefix(length);
            continue;
        }
        const auto found =
            std::find_if(layout_elements.begin(), layout_elements.end(),
                         [&](const auto& element) { return layout.starts_with(element.text); });
        if (found == layout_elements.end()) {
            out += layout.front();
            layout.remove_prefix(1);
        } else {
            out += found->write(t);
            layout.remove_prefix(found->text.size());
        }
    }
    return out;
}

}  // namespace vedette
