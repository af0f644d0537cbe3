#include "store/log/follow.h"

#include <algorithm>
#include <utility>

namespace vedette::store {

namespace {

struct IdRow {
    SeriesId id;
    Sample sample;
};

/// Bytes of one segment from some offset on.
struct Part {
    std::string bytes;
    bool to_the_end = false;
};

Result<Part> read_part(Files& files, const std::string& path, std::uint64_t offset,
                       std::size_t bytes_max) {
    auto file = files.open(path, Files::Open::Read);
    if (!file) return fail(file.error());
    Part part;
    part.bytes.resize(bytes_max);
    std::size_t filled = 0;
    while (filled < bytes_max) {
        auto read =
            (*file)->read_at(offset + filled, {part.bytes.data() + filled, bytes_max - filled});
        if (!read) return fail(read.error());
        if (*read == 0) break;
        filled += *read;
    }
    part.to_the_end = filled < bytes_max;
    part.bytes.resize(filled);
    return part;
}

/// Rows of the whole records of `bytes`; returns where the last of them ends. What cannot be read
/// between them is counted.
std::size_t take_rows(std::string_view bytes, std::vector<IdRow>& rows, std::size_t& damaged) {
    RecordReader reader(bytes, 0);
    RecordReader::Record record;
    std::size_t end = 0;
    while (reader.next(record)) {
        end = static_cast<std::size_t>(record.at) + record_head_bytes + record.payload.size();
        const auto take = [&](SeriesId id, const Sample& sample) { rows.push_back({id, sample}); };
        if (record.type == RecordType::Samples && !read_samples(record.payload, take)) ++damaged;
        if (record.type == RecordType::LateSamples &&
            !read_late_samples(record.payload, take, take))
            ++damaged;
    }
    for (const RecordReader::Gap& gap : reader.gaps())
        if (!gap.tail) ++damaged;
    return end;
}

void name_series(std::vector<IdRow> rows, Memory& memory, LogBite& out) {
    out.rows.reserve(rows.size());
    const Lock lock(memory.index_mutex);
    for (IdRow& row : rows) {
        if (memory.index.holds(row.id.slot, row.id.epoch))
            out.rows.push_back({memory.index.labels(row.id.slot), std::move(row.sample)});
        else
            ++out.unknown;
    }
}

/// The first segment from `number` on that is there; 0 when none is.
Result<std::uint64_t> segment_from(Files& files, const std::string& folder, std::uint64_t number) {
    auto found = WalFolder::list(files, folder);
    if (!found) return fail(found.error());
    const auto at = std::lower_bound(found->segments.begin(), found->segments.end(), number);
    return at == found->segments.end() ? 0 : *at;
}

}  // namespace

Result<LogBite> read_log(Files& files, const std::string& folder, LogPlace from,
                         std::uint64_t newest, std::size_t bytes_max, Memory& memory) {
    LogBite bite;
    bite.next = from;
    const auto there = segment_from(files, folder, from.segment);
    if (!there) return fail(there.error());
    if (*there == 0) {
        bite.at_end = true;
        return bite;
    }
    if (*there != from.segment) {
        bite.unreadable += from.segment == 0 ? 0 : 1;
        bite.next = {*there, 0};
    }
    bite.next.offset = std::max<std::uint64_t>(bite.next.offset, magic_bytes);
    for (std::size_t bytes = bytes_max;; bytes *= 2) {
        auto part =
            read_part(files, segment_path(folder, bite.next.segment), bite.next.offset, bytes);
        if (!part) return fail(part.error());
        std::vector<IdRow> rows;
        std::size_t damaged = 0;
        const std::size_t end = take_rows(part->bytes, rows, damaged);
        // A record that is longer than what was read is read again, with more.
        if (end == 0 && !part->to_the_end) continue;
        bite.unreadable += damaged;
        bite.next.offset += end;
        name_series(std::move(rows), memory, bite);
        const bool finished = part->to_the_end && bite.next.segment < newest;
        if (finished && end < part->bytes.size()) ++bite.unreadable;
        if (finished) bite.next = {bite.next.segment + 1, magic_bytes};
        bite.at_end = part->to_the_end && !finished;
        return bite;
    }
}

}  // namespace vedette::store
