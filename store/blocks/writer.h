#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "core/labels.h"
#include "core/series.h"
#include "store/blocks/layout.h"
#include "store/chunks/chunk.h"

namespace vedette::store {

/// Chunks with bytes of their own, on their way into a block.
class CodedChunks {
public:
    void clear();
    /// Appends samples, in time order, as chunks of up to `block_chunk_samples_max`; packed where
    /// that is smaller.
    void add(const Column& samples, std::uint8_t column = 0);
    /// Appends a chunk as it is.
    void add(const ChunkView& chunk);
    bool empty() const { return chunks_.empty(); }
    /// Borrowed until the next change.
    std::span<const ChunkView> views();
    /// The column of each of them.
    std::span<const std::uint8_t> columns() const { return columns_; }

private:
    void add_floats(std::span<const Timestamp> times, std::span<const double> values);
    void add_histograms(std::span<const Timestamp> times, std::span<const HistogramRef> values);

    std::vector<ChunkView> chunks_;  // their bytes are set by `views`
    std::vector<std::size_t> lengths_;
    std::vector<std::uint8_t> columns_;
    std::string bytes_;
};

/// Writes one block: a temporary file that takes its name when all of it is on the disk.
///
///   open ─► add, add, … in label order ─► finish      (until then nobody sees it; the destructor
///                                                      removes what was not finished)
///
/// Holds labels and places of chunks in memory until the end, some hundred bytes a series.
class BlockWriter {
public:
    /// The folder must be there. Counts and sections are the writer's to find out.
    static Result<std::unique_ptr<BlockWriter>> open(Files& files, const std::string& folder,
                                                     BlockAbout about);
    ~BlockWriter();

    /// Labels ascend from call to call; chunks ascend in time, inside the block's times. An error
    /// of the disk is for good. `columns` says for each of the chunks of roll-ups which it is of.
    Result<void> add(const Labels& labels, std::span<const ChunkView> chunks,
                     std::span<const std::uint8_t> columns = {});
    /// Nothing was added.
    bool empty() const { return series_.empty(); }
    /// The path it has now. Afterwards the block survives a power cut.
    Result<std::string> finish();

private:
    struct Entry {
        Labels labels;
        std::size_t chunks_end = 0;  // of its part of `chunk_entries_`
        std::uint32_t chunk_count = 0;
    };
    BlockWriter(Files& files, std::string folder, BlockAbout about);
    Result<void> put_out(std::size_t unless_less_than);
    void put_section(BlockSection::Which which, const std::string& bytes);
    Result<void> put_sections();
    std::string about_section() const;

    Files& files_;
    const std::string folder_, path_;
    BlockAbout about_;
    std::unique_ptr<File> file_;
    bool finished_ = false;
    std::string out_;            // waits to be written
    std::uint64_t written_ = 0;  // bytes before `out_`
    std::string footer_;
    std::vector<Entry> series_;
    std::string chunk_entries_;
};

/// What a block is called while it is being written.
inline constexpr std::string_view block_temporary_suffix = ".block.tmp";

}  // namespace vedette::store
