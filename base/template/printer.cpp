#include "base/template/printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/template/text.h"
#include "core/labels.h"

namespace vedette::template_text {

namespace {

using Kind = TemplateValue::Kind;

constexpr int depth_max = 100;

std::size_t runes(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
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

std::uint32_t rune_of(std::string_view bytes) {
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
    };
    std::uint32_t rune = bytes.size() == 1   ? byte(0)
                         : bytes.size() == 2 ? byte(0) & 0x1f
                         : bytes.size() == 3 ? byte(0) & 0x0f
                                             : byte(0) & 0x07;
    for (std::size_t i = 1; i < bytes.size(); ++i) rune = (rune << 6) | (byte(i) & 0x3f);
    return rune;
}

/// Quoted text in ASCII only.
std::string to_ascii(std::string_view quoted) {
    std::string out;
    while (!quoted.empty()) {
        const std::size_t length = rune_bytes(quoted);
        const std::uint32_t rune = rune_of(quoted.substr(0, length));
        if (rune < 0x80)
            out += quoted.front();
        else
            out += rune < 0x10000 ? fmt::format("\\u{:04x}", rune) : fmt::format("\\U{:08x}", rune);
        quoted.remove_prefix(length);
    }
    return out;
}

std::string quoted_rune(std::uint64_t rune) {
    const std::string text = rune_text(rune);
    if (text == "'") return "'\\''";
    if (text == "\"") return "'\"'";
    const std::string quoted = quote(text);
    return "'" + quoted.substr(1, quoted.size() - 2) + "'";
}

bool fits_backquotes(std::string_view text) {
    return is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
               return c == '`' || (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
           });
}

/// Go's 'x' and 'b' of floats; `precision` -1 is the shortest. 'x' with a precision rounds as C
/// does, which is the same.
std::string odd_float(double value, char verb, int precision) {
    if (!std::isfinite(value)) return format_go_float(value, 'g', -1);
    const std::string sign = std::signbit(value) ? "-" : "";
    value = std::fabs(value);
    if (verb == 'b') {
        const auto bits = std::bit_cast<std::uint64_t>(value);
        const auto raw = static_cast<int>(bits >> 52);
        const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
        const std::uint64_t mantissa = raw == 0 ? fraction : fraction | (std::uint64_t{1} << 52);
        return sign + fmt::format("{}p{:+d}", mantissa, (raw == 0 ? 1 : raw) - 1075);
    }
    char buffer[1200];
    const auto end =
        precision < 0 ? std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::hex)
                      : std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::hex,
                                      std::min(precision, 1000));
    std::string text(buffer, end.ptr);
    const std::size_t p = text.find('p');
    if (p != std::string::npos && text.size() - p == 3) text.insert(p + 2, "0");
    return sign + "0x" + text;
}

}  // namespace

void Printer::one(const TemplateValue& argument, std::string_view verb, int depth) {
    if (out_.size() > bytes_max_ || depth > depth_max) return;
    const char letter = verb.size() == 1 ? verb[0] : '\0';
    if (argument.is_missing()) return nothing(verb, depth);
    if (letter == 'T' && depth == 0) return string(argument.type_name(), 's', verb, argument);
    if (letter == 'p') return wrong(verb, argument);
    if (const auto text = own_text(argument, letter)) return string(*text, letter, verb, argument);
    const TemplateValue& value = argument.plain();
    switch (value.kind()) {
        case Kind::Bool:
            if (letter != 't' && letter != 'v') return wrong(verb, argument);
            return pad(value.boolean() ? "true" : "false");
        case Kind::Int:
            return integer(value.integer(), letter, verb, argument);
        case Kind::Float:
            return real(value.number(), letter, verb, argument);
        case Kind::String:
            return string(value.string(), letter, verb, argument);
        case Kind::Duration:
            if (!flags.sharp_v && std::string_view("vsxXq").find(letter) != std::string::npos)
                return string(to_string(value), letter, verb, argument);
            return integer(value.duration().count(), letter, verb, argument);
        case Kind::Time:
            return string(to_string(value), letter, verb, argument);
        case Kind::List:
            return list(argument, value.list(), verb, depth);
        case Kind::Map:
            return map(argument, value.map(), verb, depth);
        case Kind::Object:
            return object(value.object(), verb, depth);
        case Kind::Missing:
            return;
    }
}

std::optional<std::string> Printer::own_text(const TemplateValue& argument, char letter) const {
    if (flags.sharp_v || argument.kind() != Kind::Object || letter == '\0' ||
        std::string_view("vsxXq").find(letter) == std::string_view::npos)
        return std::nullopt;
    const auto& methods = argument.object().methods;
    const auto method = methods.find("String");
    if (method == methods.end()) return std::nullopt;
    const auto text = method->second.call({});
    return text ? std::optional(to_string(*text)) : std::nullopt;
}

void Printer::nothing(std::string_view verb, int depth) {
    if (verb == "v" || (verb == "T" && depth == 0)) return pad("<nil>");
    out_ += "%!" + std::string(verb) + "(<nil>)";
}

void Printer::wrong(std::string_view verb, const TemplateValue& argument) {
    out_ += "%!" + std::string(verb) + "(" + argument.type_name() + "=";
    one(argument, "v");
    out_ += ")";
}

void Printer::padding(std::size_t count) {
    out_.append(std::min(count, bytes_max_), flags.zero && !flags.minus ? '0' : ' ');
}

void Printer::pad(std::string_view text) {
    const auto width = static_cast<std::size_t>(flags.width.value_or(0));
    const std::size_t length = runes(text), missing = width > length ? width - length : 0;
    if (!flags.minus) padding(missing);
    out_ += text;
    if (flags.minus) padding(missing);
}

void Printer::pad_with_spaces(std::string_view text) {
    const bool zero = std::exchange(flags.zero, false);
    pad(text);
    flags.zero = zero;
}

std::string Printer::truncated(std::string_view text) const {
    if (!flags.precision) return std::string(text);
    std::size_t end = 0;
    for (int left = *flags.precision; left > 0 && end < text.size(); --left)
        end += rune_bytes(text.substr(end));
    return std::string(text.substr(0, end));
}

void Printer::string(std::string_view text, char letter, std::string_view verb,
                     const TemplateValue& argument) {
    switch (letter) {
        case 's':
            return pad(truncated(text));
        case 'v':
            return flags.sharp_v ? quoted(text) : pad(truncated(text));
        case 'q':
            return quoted(text);
        case 'x':
        case 'X':
            return hex(text, letter == 'X');
        default:
            return wrong(verb, argument);
    }
}

void Printer::quoted(std::string_view whole) {
    const std::string text = truncated(whole);
    if (flags.sharp && fits_backquotes(text)) return pad("`" + text + "`");
    pad(flags.plus ? to_ascii(quote(text)) : quote(text));
}

void Printer::hex(std::string_view text, bool upper) {
    if (flags.precision) text = text.substr(0, static_cast<std::size_t>(*flags.precision));
    const std::string mark = upper ? "0X" : "0x";
    std::string out = flags.sharp && !text.empty() ? mark : "";
    for (std::size_t i = 0; i < text.size() && out.size() <= bytes_max_; ++i) {
        if (flags.space && i > 0) out += flags.sharp ? " " + mark : " ";
        const auto byte = static_cast<unsigned char>(text[i]);
        out += upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
    }
    pad(out);
}

void Printer::integer(std::int64_t value, char letter, std::string_view verb,
                      const TemplateValue& argument) {
    const std::uint64_t size =
        value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    switch (letter) {
        case 'd':
        case 'v':
            return digits(value < 0, fmt::format("{}", size), "");
        case 'b':
            return digits(value < 0, fmt::format("{:b}", size), flags.sharp ? "0b" : "");
        case 'o':
            return digits(value < 0, fmt::format("{:o}", size), flags.sharp ? "0" : "");
        case 'O':
            return digits(value < 0, fmt::format("{:o}", size), "0o");
        case 'x':
            return digits(value < 0, fmt::format("{:x}", size), flags.sharp ? "0x" : "");
        case 'X':
            return digits(value < 0, fmt::format("{:X}", size), flags.sharp ? "0X" : "");
        case 'c':
            return pad(rune_text(static_cast<std::uint64_t>(value)));
        case 'q':
            return pad(flags.plus ? to_ascii(quoted_rune(static_cast<std::uint64_t>(value)))
                                  : quoted_rune(static_cast<std::uint64_t>(value)));
        case 'U':
            return code_point(static_cast<std::uint64_t>(value));
        default:
            return wrong(verb, argument);
    }
}

void Printer::code_point(std::uint64_t rune) {
    std::string text =
        fmt::format("U+{:0{}X}", rune, std::clamp(flags.precision.value_or(4), 4, 1000));
    if (flags.sharp && rune <= 0x10ffff && rune >= 0x20 && rune != 0x7f)
        text += " '" + rune_text(rune) + "'";
    pad_with_spaces(text);
}

void Printer::digits(bool negative, std::string text, std::string_view prefix) {
    int least = 0;
    if (flags.precision) {
        least = *flags.precision;
        if (least == 0 && text == "0") return pad_with_spaces("");
    } else if (flags.zero && !flags.minus && flags.width) {
        least = *flags.width - (negative || flags.plus || flags.space ? 1 : 0);
    }
    if (static_cast<int>(text.size()) < least)
        text.insert(0, static_cast<std::size_t>(least) - text.size(), '0');
    if (prefix == "0" && text[0] == '0') prefix = "";
    const char* sign = negative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
    pad_with_spaces(sign + std::string(prefix) + text);
}

void Printer::real(double value, char letter, std::string_view verb,
                   const TemplateValue& argument) {
    std::string text;
    switch (letter) {
        case 'v':
        case 'g':
        case 'G':
            text = format_go_float(value, 'g', flags.precision.value_or(-1));
            break;
        case 'e':
        case 'E':
            text = format_go_float(value, 'e', flags.precision.value_or(6));
            break;
        case 'f':
        case 'F':
            text = format_go_float(value, 'f', flags.precision.value_or(6));
            break;
        case 'b':
        case 'x':
        case 'X':
            text = odd_float(value, letter == 'b' ? 'b' : 'x', flags.precision.value_or(-1));
            break;
        default:
            return wrong(verb, argument);
    }
    if (letter == 'G' || letter == 'E' || letter == 'X')
        for (char& c : text)
            if (std::isfinite(value)) c = static_cast<char>(std::toupper(c));
    signed_number(std::move(text), value);
}

void Printer::signed_number(std::string text, double value) {
    std::string sign = "+";
    if (text[0] == '-' || text[0] == '+') {
        sign = text.substr(0, 1);
        text.erase(0, 1);
    }
    if (flags.space && sign == "+" && !flags.plus) sign = " ";
    if (!std::isfinite(value)) {
        const bool bare = std::isnan(value) && !flags.space && !flags.plus;
        return pad_with_spaces(bare ? text : sign + text);
    }
    if (!flags.plus && sign == "+") return pad(text);
    const auto width = static_cast<std::size_t>(flags.width.value_or(0));
    if (flags.zero && !flags.minus && width > text.size() + 1) {
        out_ += sign;
        padding(width - text.size() - 1);
        out_ += text;
    } else {
        pad(sign + text);
    }
}

void Printer::list(const TemplateValue& argument, const TemplateList& items, std::string_view verb,
                   int depth) {
    out_ += flags.sharp_v ? argument.type_name() + "{" : "[";
    for (std::size_t i = 0; i < items.size() && out_.size() <= bytes_max_; ++i) {
        if (i > 0) out_ += flags.sharp_v ? ", " : " ";
        one(items[i], verb, depth + 1);
    }
    out_ += flags.sharp_v ? '}' : ']';
}

void Printer::map(const TemplateValue& argument, const TemplateMap& entries, std::string_view verb,
                  int depth) {
    out_ += flags.sharp_v ? argument.type_name() + "{" : "map[";
    bool first = true;
    for (const auto& [key, value] : entries) {
        if (out_.size() > bytes_max_) break;
        if (!std::exchange(first, false)) out_ += flags.sharp_v ? ", " : " ";
        one(key, verb, depth + 1);
        out_ += ':';
        one(value, verb, depth + 1);
    }
    out_ += flags.sharp_v ? '}' : ']';
}

void Printer::object(const TemplateObject& value, std::string_view verb, int depth) {
    const bool pointer = value.type.starts_with('*');
    if (pointer) out_ += '&';
    if (flags.sharp_v) out_ += value.type.substr(pointer ? 1 : 0);
    out_ += '{';
    bool first = true;
    for (const auto& [name, field, json] : value.fields) {
        if (out_.size() > bytes_max_) break;
        if (!std::exchange(first, false)) out_ += flags.sharp_v ? ", " : " ";
        if (flags.plus_v || flags.sharp_v) out_ += name + ":";
        one(field, verb, depth + 1);
    }
    out_ += '}';
}

}  // namespace vedette::template_text
