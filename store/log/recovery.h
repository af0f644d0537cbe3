#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "core/time.h"
#include "store/head/memory.h"

namespace vedette::store {

class Deletion;

/// What was found on the disk when the store opened: what came back, and what did not.
struct Recovery {
    struct Loss {
        std::string file;         ///< its path
        std::uint64_t at = 0;     ///< where in the file
        std::uint64_t bytes = 0;  ///< how many cannot be read; 0 when that is not the point
        std::string what;         ///< one clause for a person

        std::string text() const;  ///< `data/wal/00000001 at byte 812: …`
    };

    std::size_t segments = 0, records = 0, blocks = 0;
    std::size_t series = 0, floats = 0, histograms = 0, chunks = 0;
    std::uint64_t bytes = 0;
    bool checkpoint = false;
    /// That the log holds; blocks are to know of them.
    std::vector<std::shared_ptr<const Deletion>> deletions;
    std::vector<Loss> losses;  ///< at most limits::losses_shown_max
    std::size_t losses_more = 0;
    Milliseconds took{0};

    void lose(Loss loss);
    /// One sentence, and one line for each loss.
    std::string text() const;
};

/// Where the log goes on.
struct LogPosition {
    std::uint64_t segment = 1;
    std::uint64_t checkpoint_bytes = 0;  ///< of the newest checkpoint, 0 without
    std::uint64_t log_bytes = 0;         ///< of the segments after it
};

/// Reads checkpoint and segments of `folder` into an empty `memory`, but for samples before `from`,
/// which are in blocks; cuts a torn tail off the
/// newest segment, and removes files that a newer checkpoint replaced. Bytes that make no sense are
/// skipped and noted; it fails only when the disk does. `keep_replaced`: segments that a checkpoint
/// replaced stay, because somebody may still read them.
Result<LogPosition> replay(Files& files, const std::string& folder, Timestamp from, Memory& memory,
                           Recovery& recovery, bool keep_replaced = false);

}  // namespace vedette::store
