#pragma once

#include <ostream>
#include <string>

#include "core/error.h"

namespace vedette::app {

/// What an SQLite file of the data folder holds, for a person: whether it is sound, how many rows
/// each table has; of `alerts.db` the alerts that are open, what became of messages, and the
/// silences.
///
///     data/alerts.db: SQLite database, 69632 bytes, sound
///         notify schema 3
///         alerts 12 rows, attempts 40 rows, …
///       firing since 2026-11-20T15:30:00.000Z {alertname="Down", job="shop"}
///
/// Fails when it cannot be opened. A daemon may use it meanwhile.
Result<void> dump_database(const std::string& path, std::ostream& out);

}  // namespace vedette::app
