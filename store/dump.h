#pragma once

#include <ostream>
#include <string>

#include "base/files.h"

namespace vedette::store {

/// Prints a file of ours for a person, a line for each thing in it: a log segment, a checkpoint, a
/// block, the `format` file. What cannot be read is said where it stands and skipped. BadInput,
/// with what it looks like, for a file that is none of these.
Result<void> dump(Files& files, const std::string& path, std::ostream& out);

}  // namespace vedette::store
