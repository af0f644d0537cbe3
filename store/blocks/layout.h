#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits.h"
#include "core/time.h"
#include "store/chunks/chunk.h"

namespace vedette::store {

inline constexpr std::string_view block_magic = "vdtblk1\n";
inline constexpr std::string_view block_end_magic = "vdtblkE\n";
inline constexpr std::uint32_t block_version = 1;
inline constexpr std::uint32_t rolled_block_version = 2;  // holds roll-ups, not samples

// block   │ "vdtblk1\n" │ chunks … │ about │ symbols │ series │ postings │ footer, 96 bytes │
// footer  │ version u32 │ begin u64, length u64, crc32c u32: for each section │ crc32c u32 │
// "vdtblkE\n" │
struct BlockSection {
    enum Which : std::size_t { About, Symbols, Series, Postings, Count };
};
inline constexpr std::size_t block_section_row_bytes = 20;
inline constexpr std::size_t block_footer_bytes =
    4 + BlockSection::Count * block_section_row_bytes + 4 + block_end_magic.size();

// A section but for the first is a table of rows of fixed size and, behind it, pieces of any size;
// the last number of a row says where its piece ends, counted from the end of the table.
inline constexpr std::size_t block_row_bytes = 4;            // symbols, series: end
inline constexpr std::size_t block_postings_row_bytes = 12;  // name, value, end

/// A block's chunks are longer than the head's: they are never added to, and fewer of them cost
/// less.
inline constexpr std::size_t block_chunk_samples_max = 4 * limits::chunk_samples_max;

/// The upper half of a chunk's kind, as a block has it, is its column.
inline constexpr unsigned column_shift = 4;
inline constexpr std::uint8_t kind_mask = 0x0f;

/// Which of its series; they stand in label order.
using SeriesNumber = std::uint32_t;

/// What a block says of itself.
struct BlockAbout {
    std::uint64_t number = 0;  ///< counts up; a block is newer than those it was made of
    std::uint32_t level = 1;   ///< 1 cut from the head; one more than those it was made of
    Timestamp from, to;        ///< its samples are from <= t < to
    std::uint64_t series = 0, chunks = 0, samples = 0;
    std::vector<std::uint64_t> parents;  ///< the blocks it was made of and stands for
    Milliseconds resolution{0};          ///< of roll-ups; 0 when it holds samples
};

/// A chunk as a block holds it: bytes are in the mapped file.
struct StoredChunk {
    ChunkView view;
    std::uint32_t crc = 0;
    std::uint8_t column = 0;  ///< of roll-ups: a RollupColumn
};

/// `<folder>/00000007_1790000000000_1790007200000.block`: its number and its times, so that a block
/// of which nothing can be read is still known by what it held.
std::string block_path(const std::string& folder, const BlockAbout& about);

/// What a name in the folder says; none of the other fields are set. False when it is not the name
/// of a block.
bool read_block_name(std::string_view name, BlockAbout& out);

}  // namespace vedette::store
