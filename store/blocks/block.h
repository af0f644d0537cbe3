#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/files.h"
#include "core/labels.h"
#include "store/blocks/layout.h"
#include "store/matching.h"

namespace vedette::store {

/// Of some series of a block, the stretches of time that are deleted: ascending, apart.
using DeletedSeries = std::unordered_map<SeriesNumber, std::vector<Window>>;

/// What a block says of one series: its labels' text and its chunks' bytes are the block's.
struct StoredEntry {
    std::vector<Label> labels;  ///< names ascend, no value is empty
    std::vector<StoredChunk> chunks;
    /// Of the times of these chunks, of roll-ups of those at which buckets begin; the block's.
    std::span<const Window> deleted;

    /// Holds a sample in the window, or may: gaps between chunks are not looked into.
    bool overlaps(Window window) const;
};

/// The same with labels of its own.
struct StoredSeries {
    Labels labels;
    std::vector<StoredChunk> chunks;
    std::span<const Window> deleted;

    bool overlaps(Window window) const;
};

/// Appends the chunk's samples inside the window to `out`. Corrupt, and nothing appended, when its
/// bytes do not match their checksum.
Result<void> decode(const StoredChunk& chunk, Window window, Samples& out);
/// The same, without what is deleted.
Result<void> decode(const StoredChunk& chunk, Window window, std::span<const Window> deleted,
                    Samples& out);

/// A file of samples that never changes, read where it lies; docs/formats/block.md draws it.
///
///   find:  matchers ─► symbols (text → number, by halving) ─► postings (numbers of series)
///   read:  number of a series ─► labels (numbers of symbols), chunks (places in the file)
///
/// Opening looks at the checksums of all but the chunks, which are checked when they are read.
/// Whatever the bytes are, nothing outside them is read. Safe to share between threads.
class Block {
public:
    /// Fails when the disk does, and with Corrupt, saying which part cannot be read.
    static Result<std::unique_ptr<const Block>> open(Files& files, const std::string& path);

    const std::string& path() const { return path_; }
    const BlockAbout& about() const { return about_; }
    std::uint64_t bytes() const { return file_->bytes().size(); }
    SeriesNumber series_count() const { return series_.count; }

    /// The same file, but what is deleted is not read. Null: nothing is.
    std::shared_ptr<const Block> without(std::shared_ptr<const DeletedSeries> deleted) const;
    const DeletedSeries* deleted() const { return deleted_.get(); }

    /// Without chunks all of which are deleted, and without any when that is so of all of them.
    /// Corrupt when the entry makes no sense. Keeps the memory of `out`.
    Result<void> read(SeriesNumber number, StoredEntry& out) const;
    Result<void> read(SeriesNumber number, StoredSeries& out) const;
    /// The series that satisfy all matchers, ascending. Returns early, with part of them, when stop
    /// is requested.
    std::vector<SeriesNumber> matching(std::span<const ReadyMatcher> matchers,
                                       std::stop_token stop) const;
    /// Every label name that occurs, sorted.
    std::vector<std::string> names() const;
    /// Every value of the label that occurs, sorted.
    std::vector<std::string> values(std::string_view name) const;

private:
    /// A section: rows of so many bytes and the pieces they point at.
    struct Table {
        std::string_view rows, pieces;
        std::size_t row_bytes = block_row_bytes;
        std::uint32_t count = 0;

        static std::optional<Table> of(std::string_view section, std::size_t row_bytes);
        std::uint32_t number(std::size_t row, std::size_t column) const;
        std::string_view piece(std::size_t row) const;
    };
    /// Rows of one name, from `begin` to before `end`.
    struct Rows {
        std::uint32_t begin = 0, end = 0;
    };

    Block(std::string path, std::unique_ptr<MappedFile> file)
        : path_(std::move(path)), file_(std::move(file)) {}
    void leave_out_deleted(SeriesNumber number, StoredEntry& out) const;
    Result<void> load();
    Result<void> load_about(std::string_view section, bool rolled);
    tl::unexpected<Error> corrupt(std::string_view what) const;

    std::string_view symbol(std::uint32_t number) const { return symbols_.piece(number); }
    std::optional<std::uint32_t> find_symbol(std::string_view text) const;
    Rows rows_of(std::string_view name) const;
    std::optional<std::uint32_t> find_row(Rows rows, std::string_view value) const;
    void take_row(std::uint32_t row, std::vector<SeriesNumber>& out) const;
    std::vector<SeriesNumber> union_of(const ReadyMatcher& matcher, std::stop_token stop) const;
    std::vector<SeriesNumber> first_candidates(std::span<const ReadyMatcher> matchers,
                                               std::vector<const ReadyMatcher*>& rest,
                                               std::stop_token stop) const;
    std::vector<SeriesNumber> everything() const;
    void filter(std::vector<SeriesNumber>& numbers, const ReadyMatcher& matcher,
                std::stop_token stop) const;
    std::optional<std::uint32_t> value_of(SeriesNumber number, std::uint32_t name) const;

    const std::string path_;
    const std::shared_ptr<const MappedFile> file_;
    std::shared_ptr<const DeletedSeries> deleted_;
    BlockAbout about_;
    std::string_view chunks_;
    Table symbols_, series_, postings_;
};

}  // namespace vedette::store
