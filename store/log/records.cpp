#include "store/log/records.h"

#include <algorithm>

#include "core/limits.h"

namespace vedette::store {
namespace {

constexpr std::uint8_t open_flag = 0x80;         // beside the kind of a chunk
constexpr std::size_t exemplars_a_record = 512;  // of the largest labels, half of what one may hold
static_assert(exemplars_a_record * limits::labels_bytes_max <= limits::wal_record_bytes_max / 2);

void put_id(std::string& out, SeriesId id) {
    put_varint(out, id.slot);
    put_varint(out, id.epoch);
}

SeriesId take_id(ByteReader& in) {
    const std::uint64_t slot = in.varint(), epoch = in.varint();
    if (slot > 0xffffffff || epoch > 0xffffffff) in.refuse();
    return {static_cast<std::uint32_t>(slot), static_cast<std::uint32_t>(epoch)};
}

void put_labels(std::string& out, const Labels& labels) {
    put_varint(out, labels.size());
    for (const Label label : labels) {
        put_text(out, label.name);
        put_text(out, label.value);
    }
}

Labels take_labels(ByteReader& in) {
    std::vector<Label> labels(in.count(2));
    for (Label& label : labels) {
        label.name = in.text();
        label.value = in.text();
    }
    return Labels(std::move(labels));
}

bool read_whole(const ByteReader& in) {
    return in.ok() && in.left() == 0;
}

// Writes rows one after the other, each as far as it differs from the one before.
class RowWriter {
public:
    explicit RowWriter(std::string& out) : out_(out) {}

    void write(const Batch::Row& row) {
        const auto* value = std::get_if<double>(&row.sample.value);
        const std::uint64_t bits = value != nullptr ? std::bit_cast<std::uint64_t>(*value) : 0;
        const unsigned bytes = real_bytes(bits);
        const std::uint64_t step = row.series.id - id_;
        auto flags = static_cast<std::uint8_t>(bytes);
        if (step == 1) flags |= row::next_id;
        if (row.sample.at.ms == ms_) flags |= row::same_time;
        put_u8(out_, flags);
        if (step != 1) put_signed(out_, static_cast<std::int64_t>(step));
        if (row.sample.at.ms != ms_) put_signed(out_, wrapping_sub(row.sample.at.ms, ms_));
        if (value != nullptr)
            put_real_bytes(out_, bits, bytes);
        else
            put_histogram(out_, *std::get<HistogramRef>(row.sample.value));
        id_ = row.series.id;
        ms_ = row.sample.at.ms;
    }

private:
    std::string& out_;
    std::uint64_t id_ = ~std::uint64_t{0};
    std::int64_t ms_ = 0;
};

}  // namespace

tl::unexpected<Error> bad_payload(std::string_view what) {
    return fail(Fault::Corrupt, "a " + std::string(what) + " does not hold what its length says");
}

void write_series(std::string& out, const SeriesRecord& record) {
    const std::size_t begin = begin_record(out, RecordType::Series);
    put_id(out, record.id);
    put_labels(out, record.labels);
    end_record(out, begin);
}

Result<SeriesRecord> read_series(std::string_view payload) {
    ByteReader in(payload);
    SeriesRecord record;
    record.id = take_id(in);
    record.labels = take_labels(in);
    if (!read_whole(in) || record.labels.empty()) return bad_payload("series record");
    return record;
}

std::size_t row_bytes_max(const Sample& sample) {
    constexpr std::size_t place = 21, number = 9, span = 15;
    const auto* ref = std::get_if<HistogramRef>(&sample.value);
    if (ref == nullptr || !*ref) return place + 8;
    const Histogram& histogram = **ref;
    return place + 60 + number * 4 +
           span * (histogram.positive_spans.size() + histogram.negative_spans.size()) +
           number * (histogram.positive_buckets.size() + histogram.negative_buckets.size() +
                     histogram.custom_bounds.size());
}

namespace {

void put_rows(std::string& out, std::span<const Batch::Row> rows,
              const std::vector<std::uint32_t>* chosen) {
    const std::size_t count = chosen != nullptr ? chosen->size() : rows.size();
    const auto row_at = [&](std::size_t i) -> const Batch::Row& {
        return rows[chosen != nullptr ? (*chosen)[i] : i];
    };
    std::size_t floats = 0;
    for (std::size_t i = 0; i < count; ++i)
        floats += std::holds_alternative<double>(row_at(i).sample.value) ? 1 : 0;
    RowWriter writer(out);
    const auto write_all = [&](bool float_rows, std::size_t how_many) {
        put_varint(out, how_many);
        for (std::size_t i = 0; i < count; ++i)
            if (std::holds_alternative<double>(row_at(i).sample.value) == float_rows)
                writer.write(row_at(i));
    };
    write_all(true, floats);
    write_all(false, count - floats);
}

}  // namespace

void write_samples(std::string& out, std::span<const Batch::Row> rows,
                   const std::vector<std::uint32_t>* chosen) {
    const std::size_t begin = begin_record(out, RecordType::Samples);
    put_rows(out, rows, chosen);
    end_record(out, begin);
}

void write_late_samples(std::string& out, std::span<const Batch::Row> rows,
                        const std::vector<std::uint32_t>& chosen,
                        const std::vector<std::uint32_t>& late) {
    const std::size_t begin = begin_record(out, RecordType::LateSamples);
    put_rows(out, rows, &chosen);
    put_rows(out, rows, &late);
    end_record(out, begin);
}

void write_metadata(std::string& out, std::string_view metric, std::string_view type,
                    std::string_view help, std::string_view unit) {
    const std::size_t begin = begin_record(out, RecordType::Metadata);
    for (const auto text : {metric, type, help, unit}) put_text(out, text);
    end_record(out, begin);
}

Result<MetadataRecord> read_metadata(std::string_view payload) {
    ByteReader in(payload);
    MetadataRecord record;
    for (auto* field : {&record.metric, &record.type, &record.help, &record.unit})
        *field = in.text();
    if (!read_whole(in)) return bad_payload("metadata record");
    return record;
}

void write_dropped(std::string& out, std::span<const SeriesId> ids) {
    const std::size_t begin = begin_record(out, RecordType::Dropped);
    put_varint(out, ids.size());
    for (const SeriesId id : ids) put_id(out, id);
    end_record(out, begin);
}

Result<std::vector<SeriesId>> read_dropped(std::string_view payload) {
    ByteReader in(payload);
    std::vector<SeriesId> ids(in.count(2));
    for (SeriesId& id : ids) id = take_id(in);
    if (!read_whole(in)) return bad_payload("dropped record");
    return ids;
}

void write_cut(std::string& out, Timestamp newest) {
    const std::size_t begin = begin_record(out, RecordType::Cut);
    put_signed(out, newest.ms);
    end_record(out, begin);
}

Result<Timestamp> read_cut(std::string_view payload) {
    ByteReader in(payload);
    const Timestamp newest{in.signed_varint()};
    if (!read_whole(in)) return bad_payload("cut record");
    return newest;
}

void write_exemplars(std::string& out, std::span<const ExemplarRecord> exemplars) {
    while (!exemplars.empty()) {
        const auto some = exemplars.first(std::min(exemplars.size(), exemplars_a_record));
        exemplars = exemplars.subspan(some.size());
        const std::size_t begin = begin_record(out, RecordType::Exemplars);
        put_varint(out, some.size());
        for (const auto& [series, exemplar] : some) {
            put_labels(out, series);
            put_labels(out, exemplar.labels);
            put_signed(out, exemplar.at.ms);
            put_real(out, exemplar.value);
        }
        end_record(out, begin);
    }
}

Result<std::vector<ExemplarRecord>> read_exemplars(std::string_view payload) {
    ByteReader in(payload);
    std::vector<ExemplarRecord> exemplars(in.count(4));
    for (auto& [series, exemplar] : exemplars) {
        series = take_labels(in);
        exemplar.labels = take_labels(in);
        exemplar.at.ms = in.signed_varint();
        if (series.empty()) in.refuse();
        exemplar.value = in.real();
    }
    if (!read_whole(in)) return bad_payload("exemplars record");
    return exemplars;
}

void write_checkpoint_begin(std::string& out, const CheckpointBegin& record) {
    const std::size_t begin = begin_record(out, RecordType::CheckpointBegin);
    put_varint(out, record.replaces_to);
    end_record(out, begin);
}

Result<CheckpointBegin> read_checkpoint_begin(std::string_view payload) {
    ByteReader in(payload);
    const CheckpointBegin record{in.varint()};
    if (!read_whole(in)) return bad_payload("checkpoint begin");
    return record;
}

void write_checkpoint_end(std::string& out, const CheckpointEnd& record) {
    const std::size_t begin = begin_record(out, RecordType::CheckpointEnd);
    put_varint(out, record.series_count);
    put_varint(out, record.chunk_count);
    end_record(out, begin);
}

Result<CheckpointEnd> read_checkpoint_end(std::string_view payload) {
    ByteReader in(payload);
    CheckpointEnd record;
    record.series_count = in.varint();
    record.chunk_count = in.varint();
    if (!read_whole(in)) return bad_payload("checkpoint end");
    return record;
}

void write_chunks(std::string& out, SeriesId id, std::span<const ChunkRecord> chunks) {
    const std::size_t begin = begin_record(out, RecordType::Chunks);
    put_id(out, id);
    put_varint(out, chunks.size());
    for (const ChunkRecord& each : chunks) {
        put_u8(out, static_cast<std::uint8_t>(static_cast<std::uint8_t>(each.chunk.kind) |
                                              (each.open ? open_flag : 0)));
        put_varint(out, each.chunk.count);
        put_signed(out, each.chunk.first_ms);
        put_signed(out, wrapping_sub(each.chunk.last_ms, each.chunk.first_ms));
        if (each.open) {
            put_varint(out, each.tail.bit_count);
            put_real_bits(out, each.tail.value_bits);
            put_signed(out, each.tail.delta_ms);
            put_u8(out, each.tail.leading);
            put_u8(out, each.tail.significant);
        }
        put_text(out, each.chunk.bytes);
    }
    end_record(out, begin);
}

Result<std::pair<SeriesId, std::vector<ChunkRecord>>> read_chunks(std::string_view payload) {
    ByteReader in(payload);
    const SeriesId id = take_id(in);
    std::vector<ChunkRecord> chunks(in.count(5));
    for (ChunkRecord& each : chunks) {
        const std::uint8_t kind = in.u8();
        const std::uint64_t count = in.varint();
        if (count > 0xffff) in.refuse();
        each.chunk.kind = static_cast<ChunkKind>(kind & ~open_flag);
        each.chunk.count = static_cast<std::uint16_t>(count);
        each.chunk.first_ms = in.signed_varint();
        each.chunk.last_ms = wrapping_add(each.chunk.first_ms, in.signed_varint());
        each.open = (kind & open_flag) != 0;
        if (each.open) {
            each.tail.bit_count = static_cast<std::uint32_t>(in.varint());
            each.tail.value_bits = in.real_bits();
            each.tail.delta_ms = in.signed_varint();
            each.tail.leading = in.u8();
            each.tail.significant = in.u8();
        }
        each.chunk.bytes = in.text();
    }
    if (!read_whole(in)) return bad_payload("chunks record");
    return std::pair(id, std::move(chunks));
}

}  // namespace vedette::store
