#pragma once

#include <string>

#include "base/files.h"

namespace vedette::store {

/// What this program writes into `<data>/format`, and the oldest it still opens: itself and the one
/// before, and the one before that. 2: checkpoints may hold packed chunks, the log may hold cuts. 3:
/// samples may be in blocks, and then are no longer in the log. 4: the log may hold late samples
/// and deletions, which may stand beside blocks too, and exemplars.
inline constexpr int format_number = 4;
inline constexpr int format_oldest = 1;

/// Reads `<folder>/format`, or writes it into a folder that has none. A folder of an older format
/// is raised to this one, because what is written from now on may need it. Refused when a newer
/// program wrote the folder, Corrupt when the file holds no number.
Result<void> check_format(Files& files, const std::string& folder);

}  // namespace vedette::store
