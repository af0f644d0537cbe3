#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "core/labels.h"
#include "core/sample.h"
#include "store/head/memory.h"
#include "store/log/records.h"

namespace vedette::store {

/// A place in the log between two records.
struct LogPlace {
    std::uint64_t segment = 0, offset = 0;

    auto operator<=>(const LogPlace&) const = default;
};

/// Samples that stand in the log from some place on, in the order in which they were taken.
struct LogBite {
    struct Row {
        Labels labels;
        Sample sample;
    };
    std::vector<Row> rows;
    LogPlace next;               ///< where to go on
    bool at_end = false;         ///< nothing more stands there yet
    std::size_t unknown = 0;     ///< samples of series that nobody knows any more
    std::size_t unreadable = 0;  ///< places that were damaged or whose segment is gone
};

/// Reads the log of `folder` from `from`, while it is written: about `bytes_max` of it, whole
/// records. `newest` is the segment that is being written. Series are known by `memory`; what it
/// has forgotten since is counted. Fails only when the disk does. Any thread.
Result<LogBite> read_log(Files& files, const std::string& folder, LogPlace from,
                         std::uint64_t newest, std::size_t bytes_max, Memory& memory);

}  // namespace vedette::store
