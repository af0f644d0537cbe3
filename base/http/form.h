#pragma once

#include <string>
#include <string_view>

namespace vedette {

/// Percent-encodes all but letters, digits and `-_.~`: for a query, a form, or a part of a path.
std::string encode_part(std::string_view text);

/// Appends `name=value` to a form, with `&` before all but the first.
void add_field(std::string& form, std::string_view name, std::string_view value);

}  // namespace vedette
