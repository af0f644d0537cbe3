#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/exemplar.h"
#include "core/labels.h"
#include "core/sample.h"
#include "core/series.h"
#include "store/bytes.h"
#include "store/chunks/chunk.h"
#include "store/chunks/histogram_bytes.h"
#include "store/log/wal.h"

namespace vedette::store {

// What the records of the log say, written and read back. docs/formats/wal.md draws them; the names
// of the fields are the same there and here. A `write_` function appends one whole record to `out`;
// a `read_` function gets a payload and says Corrupt when it does not hold what its type promises.

/// A series as the log and everybody outside know it: a slot and the epoch in which it was given.
struct SeriesId {
    std::uint32_t slot = 0, epoch = 0;

    static SeriesId of(SeriesRef ref) {
        return {static_cast<std::uint32_t>(ref.id), static_cast<std::uint32_t>(ref.id >> 32)};
    }
    SeriesRef ref() const { return {(std::uint64_t{epoch} << 32) | slot}; }
    bool operator==(const SeriesId&) const = default;
};

struct SeriesRecord {
    SeriesId id;
    Labels labels;
};
void write_series(std::string& out, const SeriesRecord& record);
Result<SeriesRecord> read_series(std::string_view payload);

/// Bytes that a row can take at most in a Samples record.
std::size_t row_bytes_max(const Sample& sample);
/// `chosen` are indexes into `rows`; null means all of them.
void write_samples(std::string& out, std::span<const Batch::Row> rows,
                   const std::vector<std::uint32_t>* chosen);
/// The same, with rows that came late: one record, so that a batch is whole or not there.
void write_late_samples(std::string& out, std::span<const Batch::Row> rows,
                        const std::vector<std::uint32_t>& chosen,
                        const std::vector<std::uint32_t>& late);
/// Calls `each(SeriesId, Sample)` in the order in which they were accepted, floats before
/// histograms. A payload that goes wrong half-way has told of the rows before.
template <typename Each>
Result<void> read_samples(std::string_view payload, Each each);
/// The same for a record with late rows: `late(SeriesId, Sample)` is called for these.
template <typename Each, typename Late>
Result<void> read_late_samples(std::string_view payload, Each each, Late late);

struct MetadataRecord {
    std::string metric, type, help, unit;
};
void write_metadata(std::string& out, std::string_view metric, std::string_view type,
                    std::string_view help, std::string_view unit);
Result<MetadataRecord> read_metadata(std::string_view payload);

void write_dropped(std::string& out, std::span<const SeriesId> ids);
Result<std::vector<SeriesId>> read_dropped(std::string_view payload);

/// Every sample after `newest` is gone, of every series: the clock was set back.
void write_cut(std::string& out, Timestamp newest);
Result<Timestamp> read_cut(std::string_view payload);

/// One exemplar with the labels of its series: it may outlive the series' number.
struct ExemplarRecord {
    Labels series;
    Exemplar exemplar;
};
/// In as many records as their size asks for; none when there are none.
void write_exemplars(std::string& out, std::span<const ExemplarRecord> exemplars);
Result<std::vector<ExemplarRecord>> read_exemplars(std::string_view payload);

struct CheckpointBegin {
    std::uint64_t replaces_to = 0;  ///< the last segment that it stands for
};
void write_checkpoint_begin(std::string& out, const CheckpointBegin& record);
Result<CheckpointBegin> read_checkpoint_begin(std::string_view payload);

struct CheckpointEnd {
    std::uint64_t series_count = 0, chunk_count = 0;
};
void write_checkpoint_end(std::string& out, const CheckpointEnd& record);
Result<CheckpointEnd> read_checkpoint_end(std::string_view payload);

/// A chunk of a checkpoint; the last of a series may be open, and then has a tail.
struct ChunkRecord {
    ChunkView chunk;
    bool open = false;
    OpenChunk::Tail tail;
};
void write_chunks(std::string& out, SeriesId id, std::span<const ChunkRecord> chunks);
/// Chunks borrow from the payload.
Result<std::pair<SeriesId, std::vector<ChunkRecord>>> read_chunks(std::string_view payload);

// ── inside ──

namespace row {
inline constexpr std::uint8_t count_mask = 0x0f;  // so many bytes of the value follow
inline constexpr std::uint8_t next_id = 0x10;     // the id is the one before and one
inline constexpr std::uint8_t same_time = 0x20;   // the time of the row before
inline constexpr std::uint8_t flags_all = count_mask | next_id | same_time;
}  // namespace row

tl::unexpected<Error> bad_payload(std::string_view what);

/// Floats, then histograms.
template <typename Each>
Result<void> read_rows(ByteReader& in, Each each) {
    std::uint64_t id = ~std::uint64_t{0};
    std::int64_t ms = 0;
    const auto place = [&](std::uint8_t flags) {
        if ((flags & ~row::flags_all) != 0) in.refuse();
        id += (flags & row::next_id) != 0 ? 1 : static_cast<std::uint64_t>(in.signed_varint());
        if ((flags & row::same_time) == 0) ms = wrapping_add(ms, in.signed_varint());
    };
    for (std::size_t left = in.count(); left > 0; --left) {
        const std::uint8_t flags = in.u8();
        place(flags);
        const std::uint64_t bits = in.real_bits(flags & row::count_mask);
        if (!in.ok()) return bad_payload("samples record");
        each(SeriesId::of({id}), Sample{{ms}, std::bit_cast<double>(bits)});
    }
    for (std::size_t left = in.count(); left > 0; --left) {
        place(in.u8());
        HistogramRef histogram = read_histogram(in);
        if (!in.ok() || !histogram) return bad_payload("samples record");
        each(SeriesId::of({id}), Sample{{ms}, std::move(histogram)});
    }
    if (!in.ok()) return bad_payload("samples record");
    return {};
}

template <typename Each>
Result<void> read_samples(std::string_view payload, Each each) {
    ByteReader in(payload);
    if (auto read = read_rows(in, each); !read) return read;
    if (in.left() > 0) return bad_payload("samples record");
    return {};
}

template <typename Each, typename Late>
Result<void> read_late_samples(std::string_view payload, Each each, Late late) {
    ByteReader in(payload);
    if (auto read = read_rows(in, each); !read) return read;
    if (auto read = read_rows(in, late); !read) return read;
    if (in.left() > 0) return bad_payload("samples record");
    return {};
}

}  // namespace vedette::store
