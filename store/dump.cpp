#include "store/dump.h"

#include <fmt/format.h>

#include <limits>

#include "core/labels.h"
#include "store/blocks/deletions.h"
#include "store/dump_sections.h"
#include "store/format.h"
#include "store/log/records.h"
#include "store/rollups/columns.h"
#include "store/rollups/state.h"

namespace vedette::store {
namespace {

std::string print(SeriesId id) {
    return id.epoch == 0 ? fmt::format("#{}", id.slot) : fmt::format("#{}/{}", id.slot, id.epoch);
}

std::string print(const Value& value) {
    if (const auto* number = std::get_if<double>(&value))
        return is_stale(*number) ? "stale" : format_value(*number);
    const Histogram& histogram = *std::get<HistogramRef>(value);
    return fmt::format("histogram schema={} count={} sum={} buckets={}", histogram.schema,
                       format_value(histogram.count), format_value(histogram.sum),
                       histogram.positive_buckets.size() + histogram.negative_buckets.size());
}

constexpr Window always{{std::numeric_limits<std::int64_t>::min()},
                        {std::numeric_limits<std::int64_t>::max()}};

/// A line below the one before it, which said where it stands.
void below(std::ostream& out, std::string_view text) {
    out << fmt::format("{:>8}    {}\n", "", text);
}

std::string print(const ChunkView& chunk) {
    return fmt::format("{} of {} samples in {} bytes",
                       chunk.kind == ChunkKind::Histogram ? "histograms"
                       : chunk.kind == ChunkKind::Packed  ? "packed floats"
                                                          : "floats",
                       chunk.count, chunk.bytes.size());
}

void print_samples(std::ostream& out, const Samples& samples, const Result<void>& fine) {
    for (std::size_t i = 0; i < samples.times.size(); ++i) {
        const bool is_float = samples.histograms.empty() || !samples.histograms[i];
        const Value value = is_float ? Value(samples.floats[i]) : Value(samples.histograms[i]);
        below(out, fmt::format("  {} {}", format_rfc3339(samples.times[i]), print(value)));
    }
    if (!fine) below(out, "  unreadable: " + fine.error().message);
}

class Dumper {
public:
    explicit Dumper(std::ostream& out) : out_(out) {}

    Result<void> print_record(const RecordReader::Record& record) {
        at_ = record.at;
        switch (record.type) {
            case RecordType::Series:
                return series(record.payload);
            case RecordType::Samples:
                return samples(record.payload);
            case RecordType::LateSamples:
                return late_samples(record.payload);
            case RecordType::Deleted:
                return deleted(record.payload);
            case RecordType::Metadata:
                return metadata(record.payload);
            case RecordType::Dropped:
                return dropped(record.payload);
            case RecordType::Cut:
                return cut(record.payload);
            case RecordType::Exemplars:
                return exemplars(record.payload);
            case RecordType::CheckpointBegin:
                return begin(record.payload);
            case RecordType::Chunks:
                return chunks(record.payload);
            case RecordType::CheckpointEnd:
                return end(record.payload);
        }
        return fail(Fault::Corrupt, "a record of unknown type");
    }

    void line(std::uint64_t at, std::string_view text) {
        out_ << fmt::format("{:>8}  {}\n", at, text);
    }

private:
    void line(std::string_view text) { line(at_, text); }
    void below(std::string_view text) { store::below(out_, text); }

    Result<void> series(std::string_view payload) {
        auto record = read_series(payload);
        if (!record) return fail(record.error());
        line(fmt::format("series {} {}", print(record->id), to_string(record->labels)));
        return {};
    }

    Result<void> samples(std::string_view payload) {
        line("samples");
        return read_samples(payload,
                            [&](SeriesId id, const Sample& sample) { row(id, sample, ""); });
    }

    Result<void> late_samples(std::string_view payload) {
        line("samples, some of them late");
        return read_late_samples(
            payload, [&](SeriesId id, const Sample& sample) { row(id, sample, ""); },
            [&](SeriesId id, const Sample& sample) { row(id, sample, " late"); });
    }

    Result<void> deleted(std::string_view payload) {
        auto deletion = Deletion::read(payload);
        if (!deletion) return fail(deletion.error());
        line("deleted " + (*deletion)->text());
        return {};
    }

    void row(SeriesId id, const Sample& sample, std::string_view remark) {
        below(fmt::format("{} {} {}{}", print(id), format_rfc3339(sample.at), print(sample.value),
                          remark));
    }

    Result<void> metadata(std::string_view payload) {
        auto record = read_metadata(payload);
        if (!record) return fail(record.error());
        line(fmt::format("metadata {} type={} unit={} help={}", record->metric, record->type,
                         record->unit, quote(record->help)));
        return {};
    }

    Result<void> cut(std::string_view payload) {
        const auto newest = read_cut(payload);
        if (!newest) return fail(newest.error());
        line("cut: no sample after " + format_rfc3339(*newest));
        return {};
    }

    Result<void> dropped(std::string_view payload) {
        auto ids = read_dropped(payload);
        if (!ids) return fail(ids.error());
        std::string text = "dropped";
        for (const SeriesId id : *ids) text += " " + print(id);
        line(text);
        return {};
    }

    Result<void> exemplars(std::string_view payload) {
        auto records = read_exemplars(payload);
        if (!records) return fail(records.error());
        line("exemplars");
        for (const auto& [series, exemplar] : *records)
            below(fmt::format("{} {} {} # {}", to_string(series), format_rfc3339(exemplar.at),
                              format_value(exemplar.value), to_string(exemplar.labels)));
        return {};
    }

    Result<void> begin(std::string_view payload) {
        auto record = read_checkpoint_begin(payload);
        if (!record) return fail(record.error());
        line(fmt::format("checkpoint, replaces segments up to {}", record->replaces_to));
        return {};
    }

    Result<void> end(std::string_view payload) {
        auto record = read_checkpoint_end(payload);
        if (!record) return fail(record.error());
        line(fmt::format("end of checkpoint, {} series, {} chunks", record->series_count,
                         record->chunk_count));
        return {};
    }

    Result<void> chunks(std::string_view payload) {
        auto record = read_chunks(payload);
        if (!record) return fail(record.error());
        const auto& [id, chunks] = *record;
        line(fmt::format("chunks {}", print(id)));
        for (const ChunkRecord& each : chunks) {
            below(print(each.chunk) + (each.open ? ", open" : ""));
            Samples decoded;
            const auto fine = decode(each.chunk, always, decoded);
            print_samples(out_, decoded, fine);
        }
        return {};
    }

    std::ostream& out_;
    std::uint64_t at_ = 0;
};

void dump_records(std::string_view bytes, std::ostream& out, std::size_t from = magic_bytes) {
    Dumper dumper(out);
    RecordReader reader(bytes, from);
    RecordReader::Record record;
    std::size_t gaps = 0;
    const auto print_gaps = [&] {
        for (; gaps < reader.gaps().size(); ++gaps)
            dumper.line(reader.gaps()[gaps].at,
                        fmt::format("unreadable: {} bytes", reader.gaps()[gaps].bytes));
    };
    while (reader.next(record)) {
        print_gaps();
        if (auto printed = dumper.print_record(record); !printed)
            dumper.line(record.at, "unreadable: " + printed.error().message);
    }
    print_gaps();
}

void print_buckets(std::ostream& out, const Folded& rolled) {
    for (const Bucket& bucket : rolled.buckets) {
        std::string text =
            fmt::format("  {} count={}", format_rfc3339(bucket.begin), format_value(bucket.count));
        if (bucket.count > 0)
            text += fmt::format(" min={} max={} sum={} first={} last={}", format_value(bucket.min),
                                format_value(bucket.max), format_value(bucket.sum),
                                format_value(bucket.first), format_value(bucket.last));
        if (bucket.lost != 0) text += fmt::format(" lost={}", format_value(bucket.lost));
        if (bucket.ended) text += " ended";
        below(out, text);
    }
    print_samples(out, rolled.histograms, {});
}

void print_series(std::ostream& out, const Block& block, const StoredSeries& series) {
    if (const Milliseconds resolution = block.about().resolution; resolution > Milliseconds(0)) {
        Folded rolled;
        const RollupReader::OnCorrupt say = [&](const Labels&, const Error& error) {
            below(out, "  unreadable: " + error.message);
        };
        const auto& about = block.about();
        RollupReader(RollupColumns::all(), say)
            .read(series, resolution, {about.from, about.to + resolution}, rolled);
        return print_buckets(out, rolled);
    }
    for (const StoredChunk& chunk : series.chunks) {
        below(out, print(chunk.view));
        Samples decoded;
        const auto fine = decode(chunk, always, decoded);
        print_samples(out, decoded, fine);
    }
}

Result<void> dump_block(Files& files, const std::string& path, std::string_view bytes,
                        std::ostream& out) {
    auto opened = Block::open(files, path);
    if (!opened) {
        out << fmt::format("{}: block, {} bytes, damaged\n", path, bytes.size());
        dump_sections(bytes, out);
        return fail(opened.error());
    }
    const Block& block = **opened;
    const BlockAbout& about = block.about();
    out << fmt::format("{}: block {} of level {}, {} bytes\n", path, about.number, about.level,
                       block.bytes());
    below(out,
          fmt::format("from {} to {}: {} series, {} chunks, {} samples", format_rfc3339(about.from),
                      format_rfc3339(about.to), about.series, about.chunks, about.samples));
    if (about.resolution > Milliseconds(0))
        below(out, "buckets of " + format_duration(about.resolution));
    for (const std::uint64_t parent : about.parents)
        below(out, fmt::format("stands for block {}", parent));
    StoredSeries series;
    for (SeriesNumber number = 0; number < block.series_count(); ++number) {
        if (auto read = block.read(number, series); !read) {
            below(out, "unreadable: " + read.error().message);
            continue;
        }
        out << fmt::format("{:>8}  series {}\n", number, to_string(series.labels));
        print_series(out, block, series);
    }
    return {};
}

Result<void> dump_state(const std::string& path, std::string_view bytes, std::ostream& out) {
    const auto state = read_rollup_state(bytes);
    if (!state) return fail(state.error().fault, path + ": " + state.error().message);
    // A class that lost none has no time.
    constexpr std::int64_t shown_min = -(std::int64_t{1} << 50);
    out << fmt::format("{}: state of roll-ups, {} bytes\n", path, bytes.size());
    for (const auto& [text, whole_from] : state->classes)
        below(out, fmt::format("samples of {} are whole {}",
                               text.empty() ? "no class" : "class " + quote(text),
                               whole_from.ms < shown_min ? "from the beginning"
                                                         : "from " + format_rfc3339(whole_from)));
    for (const auto& [resolution, stretches] : state->due)
        for (const Stretch& each : stretches)
            below(out, fmt::format("{} is due from {} to {}", format_duration(resolution),
                                   format_rfc3339(each.from), format_rfc3339(each.to)));
    return {};
}

}  // namespace

Result<void> dump(Files& files, const std::string& path, std::ostream& out) {
    auto mapped = files.map(path);
    if (!mapped) return fail(mapped.error());
    const std::string_view bytes = (*mapped)->bytes();
    if (bytes.starts_with(segment_magic)) {
        out << fmt::format("{}: log segment, {} bytes\n", path, bytes.size());
        dump_records(bytes, out);
        return {};
    }
    if (bytes.starts_with(checkpoint_magic)) {
        out << fmt::format("{}: checkpoint, {} bytes\n", path, bytes.size());
        dump_records(bytes, out);
        return {};
    }
    if (bytes.starts_with(block_magic)) return dump_block(files, path, bytes, out);
    if (bytes.starts_with(deletions_magic)) {
        out << fmt::format("{}: {} deletions, {} bytes\n", path, read_deletions(bytes).promised,
                           bytes.size());
        dump_records(bytes, out, deletions_magic.size() + sizeof(std::uint32_t));
        return {};
    }
    if (bytes.starts_with(rollup_state_magic)) return dump_state(path, bytes, out);
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    if (name == "format") {
        out << fmt::format("{}: data folder format {}; this vedette reads {} to {}\n", path,
                           bytes.substr(0, bytes.find('\n')), format_oldest, format_number);
        return {};
    }
    if (bytes.starts_with("SQLite format 3"))
        return fail(Fault::BadInput,
                    path + " is an SQLite database; the program `sqlite3` prints it");
    return fail(Fault::BadInput, path + " begins with " + quote(bytes.substr(0, magic_bytes)) +
                                     "; expected a log segment, a checkpoint, a block, deletions, a state of "
                                     "roll-ups or `format`");
}

}  // namespace vedette::store
