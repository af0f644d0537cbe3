#pragma once

#include <string>

namespace vedette::rules {

/// A YAML scalar in one line that every reader takes for exactly this text: in single quotes, or in
/// double ones where it has something that cannot be seen. `text` is UTF-8.
std::string quoted_scalar(const std::string& text);

}  // namespace vedette::rules
