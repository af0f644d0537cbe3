#include "core/sample.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/labels.h"

namespace vedette {

bool is_stale(const Value& value) {
    if (const double* number = std::get_if<double>(&value)) return is_stale(*number);
    const HistogramRef& histogram = std::get<HistogramRef>(value);
    return histogram != nullptr && is_stale(histogram->sum);
}

namespace {

/// Decimal exponent of the shortest digits in scientific form (`1.5e-07` has -7).
int exponent_of(const char* begin, const char* end) {
    const char* e = std::find(begin, end, 'e');
    int exponent = 0;
    std::from_chars(e[1] == '+' ? e + 2 : e + 1, end, exponent);
    return exponent;
}

/// Writes the shortest digits `d.ddde±xx` without exponent, as Go's 'f' does: zeros behind the last
/// digit, where std::chars_format::fixed would print the double's exact value.
void append_plain(std::string& out, std::string_view scientific, int exponent) {
    if (scientific.front() == '-') {
        out += '-';
        scientific.remove_prefix(1);
    }
    std::string_view digits = scientific.substr(0, scientific.find('e'));
    const auto digit = [&](std::size_t index) { return digits[index == 0 ? 0 : index + 1]; };
    const std::size_t count = digits.size() == 1 ? 1 : digits.size() - 1;
    if (exponent < 0) {
        out += "0.";
        out.append(static_cast<std::size_t>(-exponent - 1), '0');
        for (std::size_t i = 0; i < count; ++i) out += digit(i);
        return;
    }
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    for (std::size_t i = 0; i < std::max(whole, count); ++i) {
        if (i == whole) out += '.';
        out += i < count ? digit(i) : '0';
    }
}

void append_finite(std::string& out, double value, ValueStyle style) {
    char text[40];
    // Most of what is printed are small whole numbers.
    if (std::fabs(value) < 1e6 && value == std::trunc(value) &&
        (value != 0 || !std::signbit(value))) {
        out.append(text, std::to_chars(text, text + sizeof text, static_cast<int>(value)).ptr);
        return;
    }
    const char* end =
        std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
    const std::string_view scientific(text, static_cast<std::size_t>(end - text));
    const int exponent = exponent_of(text, end);
    const int lowest = style == ValueStyle::Json ? -6 : -4;
    const int highest = style == ValueStyle::Exposition ? 6 : 21;
    if (value != 0 && (exponent < lowest || exponent >= highest))
        out += scientific;
    else
        append_plain(out, scientific, exponent);
}

}  // namespace

void append_value(std::string& out, double value, ValueStyle style) {
    if (std::isnan(value))
        out += "NaN";
    else if (std::isinf(value))
        out += value > 0 ? "+Inf" : "-Inf";
    else
        append_finite(out, value, style);
}

std::string format_value(double value, ValueStyle style) {
    std::string out;
    append_value(out, value, style);
    return out;
}

namespace {

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
    if (text.size() != lower.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
    }
    return true;
}

/// Digits of an ordinary or hexadecimal number; nothing else (no inf, no nan, no spaces).
Result<double> parse_digits(std::string_view digits, std::string_view whole) {
    const auto wrong = [&] { return fail(Fault::BadInput, "not a number: " + quote(whole)); };
    auto form = std::chars_format::general;
    if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        // Go asks for an exponent on hexadecimal floats.
        if (digits.find_first_of("pP") == std::string_view::npos) return wrong();
        digits.remove_prefix(2);
        form = std::chars_format::hex;
    }
    if (digits.empty() ||
        !(std::isxdigit(static_cast<unsigned char>(digits[0])) || digits[0] == '.'))
        return wrong();
    if (form == std::chars_format::general &&
        !(std::isdigit(static_cast<unsigned char>(digits[0])) || digits[0] == '.'))
        return wrong();
    double value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, form);
    if (end != digits.data() + digits.size()) return wrong();
    if (error == std::errc::result_out_of_range) {
        // from_chars leaves the value alone: ask strtod whether it was too large or too small.
        const std::string copy = (form == std::chars_format::hex ? "0x" : "") + std::string(digits);
        value = std::strtod(copy.c_str(), nullptr);
        if (std::isinf(value)) return fail(Fault::BadInput, "out of range: " + quote(whole));
        return value;
    }
    if (error != std::errc()) return wrong();
    return value;
}

}  // namespace

Result<double> parse_value(std::string_view text) {
    std::string_view rest = text;
    bool negative = false;
    if (!rest.empty() && (rest.front() == '+' || rest.front() == '-')) {
        negative = rest.front() == '-';
        rest.remove_prefix(1);
    }
    if (equals_ignoring_case(rest, "inf") || equals_ignoring_case(rest, "infinity")) {
        const double infinity = std::numeric_limits<double>::infinity();
        return negative ? -infinity : infinity;
    }
    if (equals_ignoring_case(rest, "nan") && rest.size() == text.size())
        return std::bit_cast<double>(
            std::uint64_t{0x7ff8000000000001});  // Prometheus's ordinary NaN
    const Result<double> value = parse_digits(rest, text);
    if (!value) return value;
    return negative ? -*value : *value;
}

}  // namespace vedette
