#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "core/mutex.h"

namespace vedette::store {

/// What a record of the log says; a number on disk. docs/formats/wal.md draws each.
enum class RecordType : std::uint8_t {
    Series = 1,
    Samples = 2,
    Metadata = 3,
    Dropped = 4,
    CheckpointBegin = 5,
    Chunks = 6,
    CheckpointEnd = 7,
    Cut = 8,
    LateSamples = 9,
    Deleted = 10,
    Exemplars = 11,
};

inline constexpr std::string_view segment_magic = "vdtwal1\n";
inline constexpr std::string_view checkpoint_magic = "vdtckp1\n";
inline constexpr std::size_t magic_bytes = 8;

// A record:  │ mark 0xb7 │ type u8 │ length u32 │ crc32c u32 │ payload … │
inline constexpr std::size_t record_head_bytes = 10;

/// Begins a record at the end of `out`; the payload is appended after it, then `end_record` is told
/// what this returned.
std::size_t begin_record(std::string& out, RecordType type);
void end_record(std::string& out, std::size_t begin);

/// Walks over the records of a segment or a checkpoint. What cannot be read is skipped up to the
/// next record that can, and noted as a gap. The bytes are borrowed.
class RecordReader {
public:
    struct Record {
        RecordType type{};
        std::string_view payload;
        std::uint64_t at = 0;  ///< where its mark stands in the file
    };
    struct Gap {
        std::uint64_t at = 0, bytes = 0;
        bool tail = false;  ///< nothing readable came after it
    };

    explicit RecordReader(std::string_view file, std::size_t from = magic_bytes);
    bool next(Record& out);
    const std::vector<Gap>& gaps() const { return gaps_; }

private:
    bool read_at(std::size_t at, Record& out, std::size_t& end) const;

    std::string_view file_;
    std::size_t at_;
    std::vector<Gap> gaps_;
};

/// The files of a log's folder, by number.
struct WalFolder {
    std::vector<std::uint64_t> segments;  // ascending
    std::vector<std::uint64_t>
        checkpoints;                     // ascending; each replaces the segments up to its number
    std::vector<std::string> leftovers;  // temporary files of a checkpoint that was not finished

    static Result<WalFolder> list(Files& files, const std::string& folder);
};

std::string segment_path(const std::string& folder, std::uint64_t number);
std::string checkpoint_path(const std::string& folder, std::uint64_t number);

/// Writes segments. One thread appends; `sync` may be called from another at the same time: it
/// holds the newest segment open a second time, because fdatasync on either handle brings the
/// file's bytes to the disk and a `File` is not shared.
class Wal {
public:
    /// Goes on in segment `number` when it is there, else creates it.
    static Result<std::unique_ptr<Wal>> open(Files& files, std::string folder,
                                             std::uint64_t number);

    /// Whole records. After an error nothing of them is in the log: what was written of them is cut
    /// off, and where even that fails the next append goes to a new segment.
    Result<void> append(std::string_view records);
    /// Ends the segment, synced, and begins the next. Returns the number of the one that ended.
    Result<std::uint64_t> rotate();
    Result<void> sync();
    /// False when all that was appended has been synced.
    bool dirty() const { return dirty_; }
    std::uint64_t number() const { return number_; }

private:
    Wal(Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}
    Result<void> begin_segment(std::uint64_t number);

    Files& files_;
    const std::string folder_;
    std::unique_ptr<File> file_;  // only the appending thread
    std::atomic<std::uint64_t> number_ = 0;
    std::uint64_t good_bytes_ = 0;
    bool spoiled_ = false;  // the end of the segment holds bytes of a failed append
    std::atomic<bool> dirty_ = false;
    Mutex sync_mutex_;
    std::unique_ptr<File> sync_file_ VEDETTE_GUARDED_BY(sync_mutex_);
};

}  // namespace vedette::store
