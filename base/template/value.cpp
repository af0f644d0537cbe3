#include "base/template/value.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/labels.h"

namespace vedette {
namespace {

using Kind = TemplateValue::Kind;

int deepest(int a, const TemplateValue& b) {
    return std::max(a, b.depth());
}

/// Digits and the place of the point: value = 0.d1d2d3… × 10^point.
struct Decimal {
    std::string digits;
    int point = 0;
};

Decimal shortest(double value) {
    char buffer[64];
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    Decimal out;
    const char* at = buffer;
    for (; at != end && *at != 'e'; ++at) {
        if (*at != '.') out.digits += *at;
    }
    int exponent = 0;
    if (at != end) {
        at += at[1] == '+' ? 2 : 1;
        std::from_chars(at, end, exponent);
    }
    while (out.digits.size() > 1 && out.digits.back() == '0') out.digits.pop_back();
    out.point = value == 0 ? 1 : exponent + 1;
    return out;
}

std::string scientific(const Decimal& decimal) {
    std::string out = decimal.digits.substr(0, 1);
    if (decimal.digits.size() > 1) out += "." + decimal.digits.substr(1);
    const int exponent = decimal.point - 1;
    return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
}

std::string positional(const Decimal& decimal) {
    const auto count = static_cast<int>(decimal.digits.size());
    if (decimal.point <= 0)
        return "0." + std::string(static_cast<std::size_t>(-decimal.point), '0') + decimal.digits;
    if (decimal.point >= count)
        return decimal.digits + std::string(static_cast<std::size_t>(decimal.point - count), '0');
    const auto point = static_cast<std::size_t>(decimal.point);
    return decimal.digits.substr(0, point) + "." + decimal.digits.substr(point);
}

std::string format_shortest(double value, char verb) {
    const Decimal decimal = shortest(value);
    if (verb == 'e') return scientific(decimal);
    if (verb == 'f') return positional(decimal);
    const int exponent = decimal.point - 1;
    // As strconv: shortest digits count as precision 6 for this choice.
    constexpr int precision = 6;
    return exponent < -4 || exponent >= precision ? scientific(decimal) : positional(decimal);
}

/// What is missing in a list or a map is nil.
void print_inside(std::string& out, const TemplateValue& value, std::size_t bytes_max) {
    if (value.is_missing())
        out += "<nil>";
    else
        print_template_value(out, value, bytes_max);
}

void print_items(std::string& out, const TemplateValue& value, std::size_t bytes_max) {
    bool first = true;
    const auto gap = [&] {
        if (!std::exchange(first, false)) out += ' ';
    };
    if (value.kind() == Kind::List) {
        out += '[';
        for (const auto& item : value.list()) {
            if (out.size() > bytes_max) return;
            gap();
            print_inside(out, item, bytes_max);
        }
        out += ']';
    } else if (value.kind() == Kind::Map) {
        out += "map[";
        for (const auto& [key, item] : value.map()) {
            if (out.size() > bytes_max) return;
            gap();
            out += key + ":";
            print_inside(out, item, bytes_max);
        }
        out += ']';
    } else {
        out += '{';
        for (const auto& field : value.object().fields) {
            if (out.size() > bytes_max) return;
            gap();
            print_inside(out, field.value, bytes_max);
        }
        out += '}';
    }
}

}  // namespace

TemplateValue::TemplateValue(TemplateList value, std::string_view type) {
    for (const auto& item : value) depth_ = deepest(depth_, item);
    ++depth_;
    value_ = Shared<TemplateList>{std::make_shared<const TemplateList>(std::move(value)), type};
}

TemplateValue::TemplateValue(TemplateMap value, std::string_view type) {
    for (const auto& entry : value) depth_ = deepest(depth_, entry.second);
    ++depth_;
    value_ = Shared<TemplateMap>{std::make_shared<const TemplateMap>(std::move(value)), type};
}

TemplateValue::TemplateValue(TemplateObject value) {
    for (const auto& field : value.fields) depth_ = deepest(depth_, field.value);
    depth_ = deepest(depth_, value.self) + 1;
    value_ = std::make_shared<const TemplateObject>(std::move(value));
}

const TemplateValue& TemplateValue::plain() const {
    if (kind() != Kind::Object || object().self.is_missing()) return *this;
    return object().self.plain();
}

std::string TemplateValue::type_name() const {
    switch (kind()) {
        case Kind::Missing:
            return "<nil>";
        case Kind::Bool:
            return "bool";
        case Kind::Int:
            return "int";
        case Kind::Float:
            return "float64";
        case Kind::String:
            return "string";
        case Kind::Time:
            return "time.Time";
        case Kind::Duration:
            return "time.Duration";
        case Kind::List:
            return std::string(std::get<Shared<TemplateList>>(value_).type);
        case Kind::Map:
            return std::string(std::get<Shared<TemplateMap>>(value_).type);
        case Kind::Object:
            return object().type;
    }
    return "<nil>";
}

bool TemplateValue::is_true() const {
    switch (kind()) {
        case Kind::Missing:
            return false;
        case Kind::Bool:
            return boolean();
        case Kind::Int:
            return integer() != 0;
        case Kind::Float:
            return number() != 0;
        case Kind::String:
            return !string().empty();
        case Kind::Time:
            return true;
        case Kind::Duration:
            return duration().count() != 0;
        case Kind::List:
            return !list().empty();
        case Kind::Map:
            return !map().empty();
        case Kind::Object:
            return object().self.is_missing() || object().self.is_true();
    }
    return false;
}

void print_template_value(std::string& out, const TemplateValue& value, std::size_t bytes_max) {
    switch (value.kind()) {
        case Kind::Missing:
            out += "<no value>";
            break;
        case Kind::Bool:
            out += value.boolean() ? "true" : "false";
            break;
        case Kind::Int:
            out += fmt::format("{}", value.integer());
            break;
        case Kind::Float:
            out += format_go_float(value.number(), 'g', -1);
            break;
        case Kind::String:
            out += value.string();
            break;
        case Kind::Time:
            out += format_go_time(value.time(), "2006-01-02 15:04:05.999999999 -0700 MST",
                                  value.zone().get());
            break;
        case Kind::Duration:
            out += format_go_duration(value.duration());
            break;
        case Kind::List:
        case Kind::Map:
            print_items(out, value, bytes_max);
            break;
        case Kind::Object:
            if (const auto method = value.object().methods.find("String");
                method != value.object().methods.end()) {
                if (const auto text = method->second.call({})) out += to_string(*text);
            } else if (value.object().self.is_missing())
                print_items(out, value, bytes_max);
            else
                print_template_value(out, value.object().self, bytes_max);
            break;
    }
}

std::string to_string(const TemplateValue& value) {
    std::string out;
    print_template_value(out, value, std::size_t{1} << 20);
    return out;
}

std::string format_go_float(double value, char verb, int precision) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    const std::string sign = std::signbit(value) ? "-" : "";
    value = std::fabs(value);
    if (precision < 0) return sign + format_shortest(value, verb);
    if (verb == 'e') return sign + fmt::format("{:.{}e}", value, precision);
    if (verb == 'f') return sign + fmt::format("{:.{}f}", value, precision);
    return sign + fmt::format("{:.{}g}", value, precision);
}

}  // namespace vedette
