// The functions of Alertmanager's templates.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/template/functions.h"
#include "base/template/text.h"
#include "base/time_zone.h"
#include "core/labels.h"
#include "core/limits.h"

namespace vedette {
namespace {

using Kind = TemplateValue::Kind;
using Answer = Result<TemplateValue>;
using namespace template_text;

tl::unexpected<Error> wrong(std::string message) {
    return fail(Fault::BadInput, std::move(message));
}

Answer join(TemplateArguments args) {
    std::string out;
    for (const auto& item : args[1].list()) {
        if (&item != &args[1].list().front()) out += args[0].string();
        print_template_value(out, item, limits::template_output_bytes_max);
        if (out.size() > limits::template_output_bytes_max) break;
    }
    return out;
}

TemplateValue anything(TemplateList items) {
    return {std::move(items), "[]interface {}"};
}

Answer append(TemplateArguments args) {
    TemplateList out = args[0].list();
    out.insert(out.end(), args.begin() + 1, args.end());
    return anything(std::move(out));
}

/// (zone, time): the same moment on clocks elsewhere.
Answer tz(TemplateArguments args) {
    auto zone = find_time_zone(args[0].string());
    if (!zone) return fail(Fault::BadInput, zone.error().message);
    return TemplateValue(args[1].time(), *std::move(zone));
}

/// A map from names and values in turn.
Answer dict(TemplateArguments args) {
    if (args.size() % 2 != 0) return wrong("dict requires an even number of arguments");
    TemplateMap out;
    for (std::size_t i = 0; i < args.size(); i += 2) {
        if (args[i].plain().kind() != Kind::String) return wrong("dict keys must be strings");
        out[args[i].plain().string()] = args[i + 1];
    }
    return TemplateValue(std::move(out), "map[string]interface {}");
}

void json_text(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const std::string_view rune = text.substr(0, rune_bytes(text));
        text.remove_prefix(rune.size());
        const char c = rune.front();
        const auto byte = static_cast<unsigned char>(c);
        const std::size_t short_form = std::string_view("\b\f\n\r\t\"\\").find(c);
        if (!is_utf8(rune))
            out += "\ufffd";
        else if (rune == "\u2028" || rune == "\u2029")
            out += rune == "\u2028" ? "\\u2028" : "\\u2029";
        else if (short_form != std::string_view::npos)
            (out += '\\') += "bfnrt\"\\"[short_form];
        else if (byte < 0x20 || c == '<' || c == '>' || c == '&')
            out += fmt::format("\\u{:04x}", byte);
        else
            out += rune;
    }
    out += '"';
}

/// As Go's encoding/json: plain digits between 1e-6 and 1e21, an exponent without zeros beyond.
Result<void> json_number(std::string& out, double value) {
    if (!std::isfinite(value))
        return wrong("json: unsupported value: " + format_go_float(value, 'g', -1));
    const double size = std::fabs(value);
    if (size == 0 || (size >= 1e-6 && size < 1e21)) {
        out += format_go_float(value, 'f', -1);
        return {};
    }
    std::string text = format_go_float(value, 'e', -1);
    if (text.size() > 4 && text[text.size() - 4] == 'e' && text.substr(text.size() - 3, 2) == "-0")
        text.erase(text.size() - 2, 1);
    out += text;
    return {};
}

Result<void> json(std::string& out, const TemplateValue& argument);

template <typename Members>
Result<void> json_members(std::string& out, const Members& members) {
    out += '{';
    const char* gap = "";
    for (const auto& [name, value] : members) {
        json_text(out += std::exchange(gap, ","), name);
        if (auto ok = json(out += ':', value); !ok) return ok;
    }
    out += '}';
    return {};
}

Result<void> json(std::string& out, const TemplateValue& argument) {
    const TemplateValue& value = argument.plain();
    if (out.size() > limits::template_output_bytes_max) return {};
    const char* gap = "";
    std::vector<std::pair<std::string_view, TemplateValue>> members;
    switch (value.kind()) {
        case Kind::Missing:
            out += "null";
            break;
        case Kind::Bool:
        case Kind::Int:
            out += to_string(value);
            break;
        case Kind::Float:
            return json_number(out, value.number());
        case Kind::String:
            json_text(out, value.string());
            break;
        case Kind::Time:
            json_text(out, format_go_time(value.time(), "2006-01-02T15:04:05.999999999Z07:00",
                                          value.zone().get()));
            break;
        case Kind::Duration:
            out += fmt::format("{}", value.duration().count());
            break;
        case Kind::List:
            out += '[';
            for (const auto& item : value.list())
                if (auto ok = json(out += std::exchange(gap, ","), item); !ok) return ok;
            out += ']';
            break;
        case Kind::Map:
            return json_members(out, value.map());
        case Kind::Object:
            for (const auto& [name, field, json_name] : value.object().fields)
                members.emplace_back(json_name.empty() ? name : json_name, field);
            return json_members(out, members);
    }
    return {};
}

Answer unescape_url(TemplateArguments args) {
    const std::string_view text = args[0].string();
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'                 ? c - '0'
               : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                    : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i] == '+' ? ' ' : text[i];
            continue;
        }
        if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0)
            return wrong("invalid URL escape " + quote(text.substr(i, 3)));
        out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
        i += 2;
    }
    return out;
}

}  // namespace

TemplateFunctions alertmanager_functions(std::function<Timestamp()> now) {
    TemplateFunctions out = common_functions();
    out["title"] = of_string([](std::string_view text) { return title(text, TitleRest::Lower); });
    out["trimSpace"] = of_string(trim_space);
    out["safeUrl"] = {"s", [](TemplateArguments args) -> Answer {
                          return text_of_type("template.URL", args[0].string());
                      }};
    out["urlUnescape"] = {"s", unescape_url};
    out["join"] = {"sl", join};
    out["list"] = {"a*", [](TemplateArguments args) -> Answer {
                       return anything({args.begin(), args.end()});
                   }};
    out["append"] = {"La*", append};
    out["dict"] = {"a*", dict};
    out["now"] = {"", [now](TemplateArguments) -> Answer { return now(); }};
    out["stringSlice"] = {"s*", [](TemplateArguments args) -> Answer {
                              return TemplateList(args.begin(), args.end());
                          }};
    out["date"] = {"st", [](TemplateArguments args) -> Answer {
                       return format_go_time(args[1].time(), args[0].string(),
                                             args[1].zone().get());
                   }};
    out["tz"] = {"st", tz};
    out["since"] = {"t", [now = std::move(now)](TemplateArguments args) -> Answer {
                        return std::chrono::nanoseconds(now() - args[0].time());
                    }};
    out["toJson"] = {"a", [](TemplateArguments args) -> Answer {
                         std::string text;
                         if (auto ok = json(text, args[0]); !ok) return fail(ok.error());
                         return text;
                     }};
    return out;
}

}  // namespace vedette
