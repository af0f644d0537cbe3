#pragma once

#include <string>

#include "base/files.h"

namespace vedette::store {

/// What this program writes into `<data>/format`, and the oldest it still opens: itself and the one
/// before, of which there is none yet.
inline constexpr int format_number = 1;
inline constexpr int format_oldest = 1;

/// Reads `<folder>/format`, or writes it into a folder that has none. Refused when a newer program
/// wrote the folder, Corrupt when the file holds no number.
Result<void> check_format(Files& files, const std::string& folder);

}  // namespace vedette::store
