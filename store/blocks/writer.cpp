#include "store/blocks/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "core/histogram.h"
#include "store/bytes.h"
#include "store/crc32c.h"
#include "store/packed/packed.h"

namespace vedette::store {
namespace {

constexpr std::size_t write_bytes = 1 << 20;  // gathered before each write

/// Builds a section of rows and pieces. Fails when the pieces are too long for their numbers.
class TableWriter {
public:
    void row(std::uint32_t number) { put_fixed(rows_, number); }
    std::string& pieces() { return pieces_; }
    void end_piece() {
        too_long_ = too_long_ || pieces_.size() > 0xffffffff;
        put_fixed(rows_, static_cast<std::uint32_t>(pieces_.size()));
        ++count_;
    }
    Result<std::string> section(std::string_view name) const {
        if (too_long_)
            return fail(Fault::Limit,
                        fmt::format("the section `{}` of a block takes more than 4 GiB", name));
        std::string out;
        put_fixed(out, count_);
        return out + rows_ + pieces_;
    }

private:
    std::string rows_, pieces_;
    std::uint32_t count_ = 0;
    bool too_long_ = false;
};

using SymbolNumbers = std::unordered_map<std::string_view, std::uint32_t>;

Result<std::string> symbols_section(SymbolNumbers& numbers) {
    std::vector<std::string_view> sorted;
    sorted.reserve(numbers.size());
    for (const auto& [text, number] : numbers) sorted.push_back(text);
    std::sort(sorted.begin(), sorted.end());
    TableWriter table;
    for (std::uint32_t i = 0; i < sorted.size(); ++i) {
        numbers[sorted[i]] = i;
        table.pieces().append(sorted[i]);
        table.end_piece();
    }
    return table.section("symbols");
}

/// A label of a series; sorted they are the postings.
using Posting = std::tuple<std::uint32_t, std::uint32_t, SeriesNumber>;

Result<std::string> postings_section(std::vector<Posting>& postings) {
    std::sort(postings.begin(), postings.end());
    TableWriter table;
    for (auto at = postings.begin(); at != postings.end();) {
        const auto [name, value, first] = *at;
        const auto end = std::find_if(at, postings.end(), [&](const Posting& each) {
            return std::get<0>(each) != name || std::get<1>(each) != value;
        });
        put_varint(table.pieces(), static_cast<std::uint64_t>(end - at));
        SeriesNumber before = 0;
        for (; at != end; ++at) {
            put_varint(table.pieces(), std::get<2>(*at) - before);
            before = std::get<2>(*at);
        }
        table.row(name);
        table.row(value);
        table.end_piece();
    }
    return table.section("postings");
}

}  // namespace

// ── chunks ──

void CodedChunks::clear() {
    chunks_.clear();
    lengths_.clear();
    columns_.clear();
    bytes_.clear();
}

void CodedChunks::add(const ChunkView& chunk) {
    chunks_.push_back(chunk);
    lengths_.push_back(chunk.bytes.size());
    bytes_.append(chunk.bytes);
}

std::span<const ChunkView> CodedChunks::views() {
    std::string_view rest = bytes_;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
        chunks_[i].bytes = rest.substr(0, lengths_[i]);
        rest.remove_prefix(lengths_[i]);
    }
    return chunks_;
}

void CodedChunks::add_floats(std::span<const Timestamp> times, std::span<const double> values) {
    OpenChunk open;
    for (std::size_t i = 0; i < times.size(); ++i) open.append(times[i], values[i]);
    ChunkView smallest = open.view();
    std::string packed;
    if (pack(times, values, packed) && packed.size() < smallest.bytes.size()) {
        smallest.kind = ChunkKind::Packed;
        smallest.bytes = packed;
    }
    add(smallest);
}

void CodedChunks::add_histograms(std::span<const Timestamp> times,
                                 std::span<const HistogramRef> values) {
    OpenChunk open;
    const Histogram* before = nullptr;
    for (std::size_t i = 0; i < times.size(); ++i) {
        open.append(times[i], *values[i], before);
        before = values[i].get();
    }
    add(open.view());
}

void CodedChunks::add(const Column& samples, std::uint8_t column) {
    const std::size_t size = samples.times.size();
    const auto is_histogram = [&](std::size_t i) {
        return i < samples.histograms.size() && samples.histograms[i] != nullptr;
    };
    for (std::size_t begin = 0, end = 0; begin < size; begin = end) {
        const bool histograms = is_histogram(begin);
        const std::size_t most = histograms ? limits::chunk_samples_max : block_chunk_samples_max;
        for (end = begin + 1; end < size && end - begin < most; ++end)
            if (is_histogram(end) != histograms) break;
        if (histograms)
            add_histograms(samples.times.subspan(begin, end - begin),
                           samples.histograms.subspan(begin, end - begin));
        else
            add_floats(samples.times.subspan(begin, end - begin),
                       samples.floats.subspan(begin, end - begin));
    }
    columns_.resize(chunks_.size(), column);
}

// ── the file ──

BlockWriter::BlockWriter(Files& files, std::string folder, BlockAbout about)
    : files_(files),
      folder_(std::move(folder)),
      path_(fmt::format("{}/{:08}{}", folder_, about.number, block_temporary_suffix)),
      about_(std::move(about)) {}

BlockWriter::~BlockWriter() {
    if (finished_) return;
    file_.reset();
    (void)files_.remove(path_);
}

Result<std::unique_ptr<BlockWriter>> BlockWriter::open(Files& files, const std::string& folder,
                                                       BlockAbout about) {
    about.series = about.chunks = about.samples = 0;
    std::unique_ptr<BlockWriter> writer(new BlockWriter(files, folder, std::move(about)));
    if (files.exists(writer->path_))
        if (auto removed = files.remove(writer->path_); !removed) return fail(removed.error());
    auto file = files.open(writer->path_, Files::Open::CreateNew);
    if (!file) return fail(file.error());
    writer->file_ = std::move(*file);
    writer->out_ = block_magic;
    return writer;
}

Result<void> BlockWriter::put_out(std::size_t unless_less_than) {
    if (out_.size() < unless_less_than || out_.empty()) return {};
    auto put = file_->append(out_);
    written_ += out_.size();
    out_.clear();
    return put;
}

Result<void> BlockWriter::add(const Labels& labels, std::span<const ChunkView> chunks,
                              std::span<const std::uint8_t> columns) {
    if (chunks.empty()) return {};
    check(series_.empty() || series_.back().labels < labels, "a block's series ascend");
    put_varint(chunk_entries_, written_ + out_.size());
    std::int64_t last_ms = about_.from.ms;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        const ChunkView& chunk = chunks[i];
        const unsigned column = i < columns.size() ? columns[i] : 0;
        put_u8(chunk_entries_, static_cast<std::uint8_t>(static_cast<unsigned>(chunk.kind) |
                                                         column << column_shift));
        put_varint(chunk_entries_, chunk.count);
        put_signed(chunk_entries_, wrapping_sub(chunk.first_ms, last_ms));
        put_signed(chunk_entries_, wrapping_sub(chunk.last_ms, chunk.first_ms));
        put_varint(chunk_entries_, chunk.bytes.size());
        put_fixed(chunk_entries_, crc32c(chunk.bytes));
        last_ms = chunk.last_ms;
        out_.append(chunk.bytes);
        about_.samples += chunk.count;
    }
    about_.chunks += chunks.size();
    ++about_.series;
    series_.push_back({labels, chunk_entries_.size(), static_cast<std::uint32_t>(chunks.size())});
    return put_out(write_bytes);
}

std::string BlockWriter::about_section() const {
    std::string out;
    put_varint(out, about_.number);
    put_varint(out, about_.level);
    put_signed(out, about_.from.ms);
    put_signed(out, wrapping_sub(about_.to.ms, about_.from.ms));
    put_varint(out, about_.series);
    put_varint(out, about_.chunks);
    put_varint(out, about_.samples);
    put_varint(out, about_.parents.size());
    for (const std::uint64_t parent : about_.parents) put_varint(out, parent);
    if (about_.resolution > Milliseconds(0))
        put_varint(out, static_cast<std::uint64_t>(about_.resolution.count()));
    return out;
}

void BlockWriter::put_section(BlockSection::Which which, const std::string& bytes) {
    if (which == BlockSection::About)
        put_fixed(footer_,
                  about_.resolution > Milliseconds(0) ? rolled_block_version : block_version);
    put_fixed(footer_, std::uint64_t{written_ + out_.size()});
    put_fixed(footer_, std::uint64_t{bytes.size()});
    put_fixed(footer_, crc32c(bytes));
    out_.append(bytes);
}

Result<void> BlockWriter::put_sections() {
    SymbolNumbers numbers;
    for (const Entry& entry : series_)
        for (const Label label : entry.labels) {
            numbers.try_emplace(label.name, 0);
            numbers.try_emplace(label.value, 0);
        }
    auto symbols = symbols_section(numbers);
    if (!symbols) return fail(symbols.error());
    TableWriter series;
    std::vector<Posting> postings;
    std::size_t begin = 0;
    for (SeriesNumber number = 0; number < series_.size(); ++number) {
        const Entry& entry = series_[number];
        put_varint(series.pieces(), entry.labels.size());
        for (const Label label : entry.labels) {
            const std::uint32_t name = numbers[label.name], value = numbers[label.value];
            put_varint(series.pieces(), name);
            put_varint(series.pieces(), value);
            postings.emplace_back(name, value, number);
        }
        put_varint(series.pieces(), entry.chunk_count);
        series.pieces().append(chunk_entries_, begin, entry.chunks_end - begin);
        series.end_piece();
        begin = entry.chunks_end;
    }
    auto series_bytes = series.section("series");
    if (!series_bytes) return fail(series_bytes.error());
    auto postings_bytes = postings_section(postings);
    if (!postings_bytes) return fail(postings_bytes.error());
    put_section(BlockSection::About, about_section());
    put_section(BlockSection::Symbols, *symbols);
    put_section(BlockSection::Series, *series_bytes);
    put_section(BlockSection::Postings, *postings_bytes);
    put_fixed(footer_, crc32c(footer_));
    out_.append(footer_);
    out_.append(block_end_magic);
    return put_out(0);
}

Result<std::string> BlockWriter::finish() {
    if (auto put = put_sections(); !put) return fail(put.error());
    if (auto synced = file_->sync(); !synced) return fail(synced.error());
    file_.reset();
    const std::string path = block_path(folder_, about_);
    if (auto renamed = files_.rename(path_, path); !renamed) return fail(renamed.error());
    finished_ = true;
    if (auto synced = files_.sync_folder(folder_); !synced) {
        // Without its name on the disk it may be gone after a power cut: as if it had not been.
        (void)files_.remove(path);
        return fail(synced.error());
    }
    return path;
}

}  // namespace vedette::store
