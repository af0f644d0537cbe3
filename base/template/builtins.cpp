#include "base/template/builtins.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/limits.h"

namespace vedette::template_builtins {
namespace {

using Kind = TemplateValue::Kind;
using Answer = Result<TemplateValue>;

tl::unexpected<Error> wrong(std::string message) {
    return fail(Fault::BadInput, std::move(message));
}

bool is_basic(const TemplateValue& value) {
    return value.kind() == Kind::Bool || value.kind() == Kind::Int || value.kind() == Kind::Float ||
           value.kind() == Kind::String || value.kind() == Kind::Duration;
}

tl::unexpected<Error> incompatible(const TemplateValue& a, const TemplateValue& b) {
    return wrong(
        fmt::format("incompatible types for comparison: {} and {}", a.type_name(), b.type_name()));
}

/// What Go's reflection calls the kind of a value that is no number, text or truth.
enum class Shape { List, Map, Struct, Pointer };

Shape shape_of(const TemplateValue& value) {
    if (value.kind() == Kind::Object && value.object().type.starts_with('*')) return Shape::Pointer;
    const TemplateValue& plain = value.plain();
    if (plain.kind() == Kind::List) return Shape::List;
    return plain.kind() == Kind::Map ? Shape::Map : Shape::Struct;
}

/// Whether Go's == takes it: a struct of such values, but no list and no map.
bool is_comparable(const TemplateValue& value) {
    const TemplateValue& plain = value.plain();
    if (is_basic(plain) || plain.kind() == Kind::Time || shape_of(value) == Shape::Pointer)
        return true;
    if (plain.kind() != Kind::Object) return false;
    const auto& fields = plain.object().fields;
    return std::all_of(fields.begin(), fields.end(),
                       [](const TemplateField& field) { return is_comparable(field.value); });
}

/// Go's == of two structs, or of two pointers.
bool same(const TemplateValue& left, const TemplateValue& right) {
    const TemplateValue &a = left.plain(), &b = right.plain();
    if (left.type_name() != right.type_name()) return false;
    if (shape_of(left) == Shape::Pointer) return &left.object() == &right.object();
    // Of one zone read twice Go makes two, and so are ours.
    if (a.kind() == Kind::Time) return a.time() == b.time() && a.zone() == b.zone();
    if (a.kind() != Kind::Object) return to_string(a) == to_string(b);
    return std::equal(a.object().fields.begin(), a.object().fields.end(), b.object().fields.begin(),
                      b.object().fields.end(),
                      [](const auto& x, const auto& y) { return same(x.value, y.value); });
}

Result<bool> equal_structures(const TemplateValue& left, const TemplateValue& right) {
    const auto text = [](const TemplateValue& value, char verb = 's') {
        return go_print(value, verb, limits::template_output_bytes_max);
    };
    if (shape_of(left) != shape_of(right))
        return wrong(fmt::format("non-comparable types {}: {}, {}: {}", text(left),
                                 left.type_name(), right.type_name(), text(right, 'v')));
    if (!is_comparable(right))
        return wrong(fmt::format("non-comparable type {}: {}", text(right), right.type_name()));
    return same(left, right);
}

Result<bool> equal(const TemplateValue& left, const TemplateValue& right) {
    const TemplateValue &a = left.plain(), &b = right.plain();
    if (a.is_missing() || b.is_missing()) return a.is_missing() == b.is_missing();
    if (!is_basic(a) && !is_basic(b)) return equal_structures(left, right);
    if (a.kind() != b.kind()) return incompatible(left, right);
    switch (a.kind()) {
        case Kind::Bool:
            return a.boolean() == b.boolean();
        case Kind::Int:
            return a.integer() == b.integer();
        case Kind::Float:
            return a.number() == b.number();
        case Kind::Duration:
            return a.duration() == b.duration();
        default:
            return a.string() == b.string();
    }
}

Result<bool> less(const TemplateValue& left, const TemplateValue& right) {
    const TemplateValue &a = left.plain(), &b = right.plain();
    if (!is_basic(a) || !is_basic(b)) return wrong("invalid type for comparison");
    if (a.kind() != b.kind()) return incompatible(left, right);
    switch (a.kind()) {
        case Kind::Bool:
            return wrong("invalid type for comparison");
        case Kind::Int:
            return a.integer() < b.integer();
        case Kind::Float:
            return a.number() < b.number();
        case Kind::Duration:
            return a.duration() < b.duration();
        default:
            return a.string() < b.string();
    }
}

Answer eq(TemplateArguments args) {
    if (args.size() < 2) return wrong("missing argument for comparison");
    for (const auto& other : args.subspan(1)) {
        const auto same = equal(args[0], other);
        if (!same) return fail(same.error());
        if (*same) return true;
    }
    return false;
}

Answer ne(TemplateArguments args) {
    const auto same = equal(args[0], args[1]);
    if (!same) return fail(same.error());
    return !*same;
}

/// `lt`, or with `or_equal` `le`; with `negated` what is left over: `ge` and `gt`, as Go defines
/// them (so `gt` of NaN is true).
Answer ordered(TemplateArguments args, bool or_equal, bool negated) {
    auto below = less(args[0], args[1]);
    if (!below) return fail(below.error());
    if (!*below && or_equal) below = equal(args[0], args[1]);
    if (!below) return fail(below.error());
    return *below != negated;
}

/// Go's template functions look through pointers.
std::string pointed_to(std::string type) {
    if (type.starts_with('*')) type.erase(0, 1);
    return type;
}

Answer length(TemplateArguments args) {
    const TemplateValue& value = args[0].plain();
    switch (value.kind()) {
        case Kind::String:
            return value.string().size();
        case Kind::List:
            return value.list().size();
        case Kind::Map:
            return value.map().size();
        case Kind::Missing:
            return wrong("reflect: call of reflect.Value.Type on zero Value");
        default:
            return wrong("len of type " + pointed_to(args[0].type_name()));
    }
}

TemplateValue byte_value(unsigned char byte) {
    TemplateObject out;
    out.type = "uint8";
    out.self = TemplateValue(byte);
    return out;
}

Answer index(TemplateArguments args) {
    TemplateValue value = args[0].plain();
    if (value.is_missing()) return wrong("index of untyped nil");
    for (const auto& at : args.subspan(1)) {
        const TemplateValue& key = at.plain();
        if (value.kind() == Kind::Map) {
            if (key.is_missing()) return wrong("value is nil; should be of type string");
            if (key.kind() != Kind::String)
                return wrong(fmt::format("value has type {}; should be string", at.type_name()));
            const auto found = value.map().find(key.string());
            const bool of_anything = value.type_name() == "map[string]interface {}";
            value = found != value.map().end() ? found->second.plain()
                    : of_anything              ? TemplateValue()
                                               : TemplateValue("");
            continue;
        }
        if (value.kind() != Kind::List && value.kind() != Kind::String)
            return wrong("can't index item of type " + value.type_name());
        if (key.kind() != Kind::Int)
            return wrong("cannot index slice/array with type " + at.type_name());
        const std::size_t size =
            value.kind() == Kind::List ? value.list().size() : value.string().size();
        const std::int64_t i = key.integer();
        if (i < 0 || static_cast<std::size_t>(i) > size)
            return wrong(fmt::format("index out of range: {}", i));
        if (static_cast<std::size_t>(i) == size)
            return wrong(fmt::format("reflect: {} index out of range",
                                     value.kind() == Kind::List ? "slice" : "string"));
        const auto place = static_cast<std::size_t>(i);
        value = value.kind() == Kind::List
                    ? TemplateValue(value.list()[place])
                    : byte_value(static_cast<unsigned char>(value.string()[place]));
    }
    return value;
}

Answer slice(TemplateArguments args) {
    const TemplateValue& value = args[0].plain();
    if (value.is_missing()) return wrong("slice of untyped nil");
    if (value.kind() != Kind::List && value.kind() != Kind::String)
        return wrong("can't slice item of type " + value.type_name());
    if (args.size() > 4) return wrong(fmt::format("too many slice indexes: {}", args.size() - 1));
    if (args.size() == 4 && value.kind() == Kind::String)
        return wrong("cannot 3-index slice a string");
    const std::size_t size =
        value.kind() == Kind::List ? value.list().size() : value.string().size();
    std::size_t bounds[2] = {0, size};
    for (std::size_t i = 0; i + 1 < args.size(); ++i) {
        const TemplateValue& key = args[i + 1].plain();
        if (key.kind() != Kind::Int)
            return wrong("cannot index slice/array with type " + args[i + 1].type_name());
        if (key.integer() < 0 || static_cast<std::size_t>(key.integer()) > size)
            return wrong(fmt::format("index out of range: {}", key.integer()));
        if (i < 2) bounds[i] = static_cast<std::size_t>(key.integer());
    }
    if (bounds[0] > bounds[1])
        return wrong(fmt::format("invalid slice index: {} > {}", bounds[0], bounds[1]));
    if (value.kind() == Kind::String)
        return value.string().substr(bounds[0], bounds[1] - bounds[0]);
    const auto begin = value.list().begin();
    TemplateObject part;
    part.type = args[0].type_name();
    part.self = TemplateList(begin + static_cast<std::ptrdiff_t>(bounds[0]),
                             begin + static_cast<std::ptrdiff_t>(bounds[1]));
    return TemplateValue(std::move(part));
}

enum class Pointers { Marked, Followed };  // printed as `&{…}`, or as what they point to

/// Go's Sprint (spaces only where neither side is a string) or, with `line`, Sprintln.
std::string sprint(TemplateArguments args, bool line, Pointers pointers) {
    std::string out;
    for (std::size_t i = 0; i < args.size(); ++i) {
        const bool both_other = i > 0 && args[i].plain().kind() != Kind::String &&
                                args[i - 1].plain().kind() != Kind::String;
        if (i > 0 && (line || both_other)) out += ' ';
        if (pointers == Pointers::Marked || args[i].is_missing())
            out += go_print(args[i], 'v', limits::template_output_bytes_max);
        else
            print_template_value(out, args[i], limits::template_output_bytes_max);
    }
    if (line) out += '\n';
    return out;
}

std::string escape_js(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '\\':
                out += "\\\\";
                break;
            case '\'':
                out += "\\'";
                break;
            case '"':
                out += "\\\"";
                break;
            case '<':
            case '>':
            case '&':
            case '=':
                out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20)
                    out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
                else
                    out += c;
        }
    }
    return out;
}

Answer printf_of(TemplateArguments args) {
    return go_printf(args[0].string(), args.subspan(1), limits::template_output_bytes_max);
}

/// Nothing that a template can hold is a function.
Answer no_function(TemplateArguments args) {
    if (args[0].is_missing()) return wrong("call of nil");
    return wrong(fmt::format("non-function {} of type {}",
                             go_print(args[0], 'v', limits::template_output_bytes_max),
                             args[0].type_name()));
}

TemplateFunction constant(const char* takes, std::function<TemplateValue(TemplateArguments)> call) {
    return {takes,
            [call = std::move(call)](TemplateArguments args) -> Answer { return call(args); }};
}

}  // namespace

std::string escape_html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '"':
                out += "&#34;";
                break;
            case '\'':
                out += "&#39;";
                break;
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '\0':
                out += "\xef\xbf\xbd";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string escape_query(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 &&
            (std::isalnum(byte) || std::string_view("-_.~").find(c) != std::string_view::npos))
            out += c;
        else if (c == ' ')
            out += '+';
        else
            out += fmt::format("%{:02X}", byte);
    }
    return out;
}

const TemplateFunctions& functions() {
    static const TemplateFunctions table = {
        {"call", {"aa*", no_function}},
        {"eq", {"aa*", eq}},
        {"ne", {"aa", ne}},
        {"lt", {"aa", [](TemplateArguments args) { return ordered(args, false, false); }}},
        {"le", {"aa", [](TemplateArguments args) { return ordered(args, true, false); }}},
        {"gt", {"aa", [](TemplateArguments args) { return ordered(args, true, true); }}},
        {"ge", {"aa", [](TemplateArguments args) { return ordered(args, false, true); }}},
        {"len", {"a", length}},
        {"index", {"aa*", index}},
        {"slice", {"aa*", slice}},
        {"not",
         constant("a", [](TemplateArguments args) { return TemplateValue(!args[0].is_true()); })},
        {"print", constant("a*",
                           [](TemplateArguments args) {
                               return TemplateValue(sprint(args, false, Pointers::Marked));
                           })},
        {"println", constant("a*",
                             [](TemplateArguments args) {
                                 return TemplateValue(sprint(args, true, Pointers::Marked));
                             })},
        {"printf", {"sa*", printf_of}},
        {"html", constant("a*",
                          [](TemplateArguments args) {
                              return TemplateValue(
                                  escape_html(sprint(args, false, Pointers::Followed)));
                          })},
        {"js", constant("a*",
                        [](TemplateArguments args) {
                            return TemplateValue(
                                escape_js(sprint(args, false, Pointers::Followed)));
                        })},
        {"urlquery", constant("a*",
                              [](TemplateArguments args) {
                                  return TemplateValue(
                                      escape_query(sprint(args, false, Pointers::Followed)));
                              })},
    };
    return table;
}

}  // namespace vedette::template_builtins
