#include "store/blocks/block.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "store/bytes.h"
#include "store/crc32c.h"

namespace vedette::store {
namespace {

constexpr std::array<std::string_view, BlockSection::Count> section_names{"about", "symbols",
                                                                          "series", "postings"};

/// Reads a chunk's entry; it lies behind the one before it in the file.
StoredChunk read_chunk(ByteReader& in, std::string_view chunks, std::uint64_t& at,
                       std::int64_t& last_ms) {
    StoredChunk chunk;
    const std::uint8_t kind = in.u8();
    chunk.view.kind = static_cast<ChunkKind>(kind & kind_mask);
    chunk.column = kind >> column_shift;
    const std::uint64_t count = in.varint();
    chunk.view.first_ms = wrapping_add(last_ms, in.signed_varint());
    chunk.view.last_ms = wrapping_add(chunk.view.first_ms, in.signed_varint());
    const std::uint64_t length = in.varint();
    chunk.crc = in.fixed<std::uint32_t>();
    if (count > block_chunk_samples_max || at > chunks.size() || length > chunks.size() - at) {
        in.refuse();
        return {};
    }
    chunk.view.count = static_cast<std::uint16_t>(count);
    chunk.view.bytes = chunks.substr(at, length);
    at += length;
    last_ms = chunk.view.last_ms;
    return chunk;
}

}  // namespace

namespace {

bool any_overlaps(const std::vector<StoredChunk>& chunks, Window window) {
    return !chunks.empty() && chunks.front().view.first_ms <= window.to.ms &&
           chunks.back().view.last_ms > window.from.ms;
}

}  // namespace

bool StoredEntry::overlaps(Window window) const {
    return any_overlaps(chunks, window);
}

bool StoredSeries::overlaps(Window window) const {
    return any_overlaps(chunks, window);
}

Result<void> decode(const StoredChunk& chunk, Window window, Samples& out) {
    if (crc32c(chunk.view.bytes) != chunk.crc)
        return fail(Fault::Corrupt,
                    fmt::format("a chunk of {} samples from {} to {} does not match its checksum",
                                chunk.view.count, format_rfc3339({chunk.view.first_ms}),
                                format_rfc3339({chunk.view.last_ms})));
    return decode(chunk.view, window, out);
}

Result<void> decode(const StoredChunk& chunk, Window window, std::span<const Window> deleted,
                    Samples& out) {
    const auto decode_part = [&](Window part) -> Result<void> {
        if (chunk.view.last_ms <= part.from.ms || chunk.view.first_ms > part.to.ms) return {};
        return decode(chunk, part, out);
    };
    for (const Window& gone : deleted) {
        if (gone.to <= window.from) continue;
        if (gone.from >= window.to) break;
        if (window.from < gone.from)
            if (auto decoded = decode_part({window.from, gone.from}); !decoded) return decoded;
        window.from = gone.to;
    }
    return window.from < window.to ? decode_part(window) : Result<void>();
}

std::optional<Block::Table> Block::Table::of(std::string_view section, std::size_t row_bytes) {
    ByteReader in(section);
    Table table;
    table.row_bytes = row_bytes;
    table.count = in.fixed<std::uint32_t>();
    if (!in.ok() || table.count > in.left() / row_bytes) return std::nullopt;
    table.rows = in.bytes(table.count * row_bytes);
    table.pieces = section.substr(in.position());
    return table;
}

std::uint32_t Block::Table::number(std::size_t row, std::size_t column) const {
    std::uint32_t number = 0;
    std::memcpy(&number, rows.data() + row * row_bytes + column * sizeof(number), sizeof(number));
    return number;
}

// Empty when there is no such row, or it points nowhere.
std::string_view Block::Table::piece(std::size_t row) const {
    if (row >= count) return {};
    const std::size_t column = row_bytes / sizeof(std::uint32_t) - 1;
    const std::size_t begin = row == 0 ? 0 : number(row - 1, column);
    const std::size_t end = number(row, column);
    if (begin > end || end > pieces.size()) return {};
    return pieces.substr(begin, end - begin);
}

tl::unexpected<Error> Block::corrupt(std::string_view what) const {
    BlockAbout named;
    std::string lost;
    if (read_block_name(std::string_view(path_).substr(path_.rfind('/') + 1), named))
        lost = fmt::format("; samples from {} to {} are lost", format_rfc3339(named.from),
                           format_rfc3339(named.to));
    return fail(Fault::Corrupt, fmt::format("{}: {}{}", path_, what, lost));
}

Result<std::unique_ptr<const Block>> Block::open(Files& files, const std::string& path) {
    auto mapped = files.map(path);
    if (!mapped) return fail(mapped.error());
    std::unique_ptr<Block> block(new Block(path, std::move(*mapped)));
    if (auto loaded = block->load(); !loaded) return fail(loaded.error());
    return block;
}

Result<void> Block::load() {
    const std::string_view file = file_->bytes();
    if (!file.starts_with(block_magic)) return corrupt("its first bytes are not a block's");
    if (file.size() < block_magic.size() + block_footer_bytes || !file.ends_with(block_end_magic))
        return corrupt(fmt::format("the block ends too early, after {} bytes", file.size()));
    const std::string_view footer =
        file.substr(file.size() - block_footer_bytes, block_footer_bytes - block_end_magic.size());
    ByteReader in(footer);
    const auto version = in.fixed<std::uint32_t>();
    std::array<std::string_view, BlockSection::Count> sections;
    std::array<std::uint32_t, BlockSection::Count> sums{};
    bool fits = true;
    std::size_t chunks_end = file.size() - block_footer_bytes;
    for (std::size_t i = 0; i < BlockSection::Count; ++i) {
        const auto begin = in.fixed<std::uint64_t>(), length = in.fixed<std::uint64_t>();
        sums[i] = in.fixed<std::uint32_t>();
        const std::size_t end = file.size() - block_footer_bytes;
        fits = fits && begin >= block_magic.size() && begin <= end && length <= end - begin;
        if (!fits) break;
        sections[i] = file.substr(begin, length);
        if (i == BlockSection::About) chunks_end = begin;
    }
    const std::string_view summed = footer.substr(0, footer.size() - sizeof(std::uint32_t));
    ByteReader sum(footer.substr(summed.size()));
    if (sum.fixed<std::uint32_t>() != crc32c(summed))
        return corrupt("its footer does not match its checksum");
    if (version != block_version && version != rolled_block_version)
        return corrupt(fmt::format("its version is {}; this vedette reads {} and {}", version,
                                   block_version, rolled_block_version));
    if (!fits) return corrupt("its footer points outside the file");
    for (std::size_t i = 0; i < BlockSection::Count; ++i)
        if (crc32c(sections[i]) != sums[i])
            return corrupt(
                fmt::format("its section `{}` does not match its checksum", section_names[i]));
    chunks_ = file.substr(0, chunks_end);
    const auto symbols = Table::of(sections[BlockSection::Symbols], block_row_bytes);
    const auto series = Table::of(sections[BlockSection::Series], block_row_bytes);
    const auto postings = Table::of(sections[BlockSection::Postings], block_postings_row_bytes);
    if (!symbols || !series || !postings) return corrupt("a table in it is cut short");
    symbols_ = *symbols;
    series_ = *series;
    postings_ = *postings;
    return load_about(sections[BlockSection::About], version == rolled_block_version);
}

Result<void> Block::load_about(std::string_view section, bool rolled) {
    ByteReader in(section);
    about_.number = in.varint();
    about_.level = static_cast<std::uint32_t>(in.varint());
    about_.from.ms = in.signed_varint();
    about_.to.ms = wrapping_add(about_.from.ms, in.signed_varint());
    about_.series = in.varint();
    about_.chunks = in.varint();
    about_.samples = in.varint();
    about_.parents.resize(in.count());
    for (std::uint64_t& parent : about_.parents) parent = in.varint();
    if (rolled) about_.resolution = Milliseconds(in.varint());
    // Times of buckets are calculated with.
    constexpr std::int64_t far = std::int64_t{1} << 60;
    if (rolled && (about_.resolution <= Milliseconds(0) || about_.resolution.count() > far ||
                   about_.from.ms < -far || about_.to.ms > far))
        in.refuse();
    if (!in.ok() || in.left() > 0 || about_.to <= about_.from || about_.series != series_.count)
        return corrupt("what it says of itself makes no sense");
    return {};
}

Result<void> Block::read(SeriesNumber number, StoredEntry& out) const {
    out.chunks.clear();
    ByteReader in(series_.piece(number));
    out.labels.resize(in.count(2));
    std::string_view before;
    for (Label& label : out.labels) {
        label.name = symbol(static_cast<std::uint32_t>(in.varint()));
        label.value = symbol(static_cast<std::uint32_t>(in.varint()));
        if (label.name <= before || label.value.empty()) in.refuse();
        before = label.name;
    }
    const std::size_t chunks = in.count(9);
    std::uint64_t at = in.varint();
    std::int64_t last_ms = about_.from.ms;
    for (std::size_t i = 0; i < chunks; ++i) {
        out.chunks.push_back(read_chunk(in, chunks_, at, last_ms));
        if (out.chunks.back().column != 0 && about_.resolution == Milliseconds(0)) in.refuse();
    }
    out.deleted = {};
    if (in.ok() && in.left() == 0 && !out.labels.empty()) {
        if (deleted_) leave_out_deleted(number, out);
        return {};
    }
    out.labels.clear();
    out.chunks.clear();
    return fail(Fault::Corrupt, fmt::format("{}: its series {} of {} cannot be read", path_, number,
                                            series_.count));
}

std::shared_ptr<const Block> Block::without(std::shared_ptr<const DeletedSeries> deleted) const {
    std::shared_ptr<Block> same(new Block(*this));
    same->deleted_ = std::move(deleted);
    return same;
}

void Block::leave_out_deleted(SeriesNumber number, StoredEntry& out) const {
    const auto found = deleted_->find(number);
    if (found == deleted_->end()) return;
    out.deleted = found->second;
    const Milliseconds resolution = about_.resolution;
    std::erase_if(out.chunks, [&](const StoredChunk& chunk) {
        // In roll-ups histograms have times of their own, and the windows are of buckets' begins.
        if (resolution > Milliseconds(0) && chunk.view.kind == ChunkKind::Histogram) return false;
        return std::ranges::any_of(out.deleted, [&](const Window& each) {
            return each.holds({chunk.view.first_ms}) && each.holds({chunk.view.last_ms});
        });
    });
}

Result<void> Block::read(SeriesNumber number, StoredSeries& out) const {
    StoredEntry entry;
    entry.chunks.swap(out.chunks);
    auto read_it = read(number, entry);
    out.chunks.swap(entry.chunks);
    out.labels = Labels(std::move(entry.labels));
    out.deleted = entry.deleted;
    return read_it;
}

}  // namespace vedette::store
