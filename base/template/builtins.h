#pragma once

#include <optional>
#include <string_view>

#include "base/template/value.h"

/// What Go's own text/template brings; for base/template. Only the escaping serves others too.
namespace vedette::template_builtins {

/// len, index, slice, not, eq … ge, print, printf, println, html, js, urlquery. (`and` and `or` do
/// not evaluate all their arguments and live in the run itself.)
const TemplateFunctions& functions();

/// A method of a time or a duration (`.Format`, `.Unix`, `.Seconds` …).
std::optional<TemplateFunction> time_method(const TemplateValue& receiver, std::string_view name);

/// `"'&<>` as entities, NUL as U+FFFD: for HTML and XML, text and attributes.
std::string escape_html(std::string_view text);
/// Go's url.QueryEscape: letters, digits, `-_.~` stay, a space is `+`.
std::string escape_query(std::string_view text);

}  // namespace vedette::template_builtins
