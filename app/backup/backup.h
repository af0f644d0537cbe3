#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/frozen_folder.h"
#include "core/error.h"

namespace vedette::app {

/// All of a data folder that is worth keeping, as it is at one moment, whether a daemon runs on it
/// or not: not the lock, the reserve, temporary files, snapshots and SQLite's logs. Fails with
/// BadInput for a folder that no vedette wrote.
Result<FrozenFolder> freeze_data(const std::string& data);

struct BackupOptions {
    std::string data;        ///< the data folder
    std::string target;      ///< made; must not be there, or be empty
    bool skip_head = false;  ///< leaves out the newest hours: the log
    bool link = true;        ///< blocks get a second name instead of a copy, where that is possible
};

struct BackupDone {
    std::size_t linked = 0, copied = 0;
    std::uint64_t bytes = 0;  ///< of all files, linked ones too
};

/// Copies a data folder as it is at one moment, and lists it with checksums. Daemons on it are not
/// disturbed: blocks are linked, logs copied, databases copied by SQLite.
///
///     target.unfinished/ … ─► manifest ─► rename ─► target/      so a target is whole, or not
///     there
///
/// What another run left unfinished is removed first.
Result<BackupDone> make_backup(const BackupOptions& options);

struct RestoreOptions {
    std::string backup;
    std::string data;      ///< made; must not be there, or be empty
    bool damaged = false;  ///< restores what is damaged too, as it is
};

struct RestoreDone {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
    std::vector<std::string> notes;  ///< what is not as it should be, a line each
    std::string opened;              ///< what the store found when it was opened
};

/// Looks at each file of a backup, copies all of them, opens the copy as a daemon would, and gives
/// it its name. Fails with Corrupt, naming each file that is damaged or missing and what is in it,
/// and leaves nothing behind.
Result<RestoreDone> restore_backup(const RestoreOptions& options);

}  // namespace vedette::app
