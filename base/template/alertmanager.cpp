// The functions of Alertmanager's templates.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/template/functions.h"
#include "base/template/text.h"
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

Answer append(TemplateArguments args) {
    const TemplateValue& list = args[0].plain();
    if (list.kind() != Kind::List)
        return wrong("append expects a list, found " + args[0].type_name());
    TemplateList out = list.list();
    out.insert(out.end(), args.begin() + 1, args.end());
    return out;
}

/// A map from names and values in turn.
Answer dict(TemplateArguments args) {
    if (args.size() % 2 != 0) return wrong("dict requires an even number of arguments");
    TemplateMap out;
    for (std::size_t i = 0; i < args.size(); i += 2) {
        if (args[i].plain().kind() != Kind::String) return wrong("dict keys must be strings");
        out[args[i].plain().string()] = args[i + 1];
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
    out["title"] = of_string(title_lower);
    out["trimSpace"] = of_string(trim_space);
    out["safeUrl"] = of_string(same);
    out["urlUnescape"] = {"s", unescape_url};
    out["join"] = {"sl", join};
    out["list"] = {"a*", [](TemplateArguments args) -> Answer {
                       return TemplateList(args.begin(), args.end());
                   }};
    out["append"] = {"aa*", append};
    out["dict"] = {"a*", dict};
    out["now"] = {"", [now](TemplateArguments) -> Answer { return now(); }};
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

}  // namespace vedette
