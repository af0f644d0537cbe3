#pragma once

namespace vedette {

/// Whether a code point is shown as itself between Go's quotes; others are escaped there.
bool is_printable(char32_t code_point);

}  // namespace vedette
