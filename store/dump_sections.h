#pragma once

#include <ostream>
#include <string_view>

namespace vedette::store {

/// Prints where the parts of a block lie and which of them are damaged, as far as its footer can
/// be read: for a block that does not open.
void dump_sections(std::string_view file, std::ostream& out);

}  // namespace vedette::store
