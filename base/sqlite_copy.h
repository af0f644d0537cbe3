#pragma once

#include <string>

#include "core/error.h"

namespace vedette {

/// Copies an SQLite database as it is at one moment into a new file, through SQLite, while other
/// programs use it; nobody who writes to it waits. The copy is one file, checked and synced. Fails
/// with Corrupt when SQLite finds fault with what it copied.
Result<void> copy_database(const std::string& from, const std::string& to);

}  // namespace vedette
