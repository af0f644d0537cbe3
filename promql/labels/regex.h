#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/series.h"

namespace re2 {
class RE2;
}

namespace vedette::promql {

/// Compiles a pattern as Prometheus's matchers do: the whole value must match, dots match newlines.
/// Of two spellings of a named group, RE2 here knows only `(?P<n>…)`; the other is rewritten.
std::unique_ptr<re2::RE2> compile_regex(std::string_view pattern);

/// Whether `value` is what the matcher asks for; its pattern compiles.
bool matches(const Matcher& matcher, std::string_view value);

/// Why `pattern` is refused, in the words of Go's regexp, or nothing when it is good.
std::optional<std::string> regex_problem(std::string_view pattern);

/// Expands `$1`, `${name}` and `$$` in `replacement` as Go's regexp does.
std::string expand_template(const re2::RE2& regex, std::string_view replacement,
                            const std::string_view* groups, int count);

}  // namespace vedette::promql
