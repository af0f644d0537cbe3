#include "store/log/recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"
#include "store/blocks/deletions.h"
#include "store/log/records.h"

namespace vedette::store {
namespace {

/// Puts records back one by one. What the log holds was judged when it was written, so here only
/// three things are asked: is the series known, is the sample not in a block, and is it new (a
/// checkpoint is written while batches go on, and may hold samples that the segment after it holds
/// too).
class Replayer {
public:
    Replayer(Timestamp from, Index& index, Head& head, decltype(Memory::metadata)& metadata,
             ExemplarRing& exemplars, Recovery& recovery)
        : from_(from),
          index_(index),
          head_(head),
          metadata_(metadata),
          exemplars_(exemplars),
          recovery_(recovery) {}

    void begin_file(std::string path) {
        path_ = std::move(path);
        unknown_ = 0;
    }

    void take(const RecordReader::Record& record) {
        at_ = record.at;
        ++recovery_.records;
        Result<void> taken;
        switch (record.type) {
            case RecordType::Series:
                taken = series(record.payload);
                break;
            case RecordType::Samples:
                taken = samples(record.payload);
                break;
            case RecordType::LateSamples:
                taken = late_samples(record.payload);
                break;
            case RecordType::Deleted:
                taken = deleted(record.payload);
                break;
            case RecordType::Metadata:
                taken = metadata(record.payload);
                break;
            case RecordType::Dropped:
                taken = dropped(record.payload);
                break;
            case RecordType::Cut:
                taken = cut(record.payload);
                break;
            case RecordType::Chunks:
                taken = chunks(record.payload);
                break;
            case RecordType::Exemplars:
                taken = exemplars(record.payload);
                break;
            case RecordType::CheckpointBegin:
                break;
            case RecordType::CheckpointEnd:
                complete_ = true;
                break;
        }
        if (!taken) lose(record.payload.size(), taken.error().message);
    }

    void end_file() {
        if (unknown_ > 0)
            recovery_.lose(
                {path_, unknown_at_, 0,
                 fmt::format("{} samples of series that are not known were left out", unknown_)});
    }

    bool complete() const { return complete_; }

private:
    void lose(std::uint64_t bytes, std::string what) {
        recovery_.lose({path_, at_, bytes, std::move(what)});
    }

    Result<void> series(std::string_view payload) {
        auto record = read_series(payload);
        if (!record) return fail(record.error());
        const SeriesId id = record->id;
        if (id.slot >= limits::series_slots_max)
            return fail(Fault::Corrupt, "a series record names a slot that cannot be");
        if (!index_.restore(id.slot, id.epoch, record->labels))
            return fail(Fault::Corrupt, "two series claim one place: " + to_string(record->labels));
        head_.grow(index_.slot_end());
        return {};
    }

    bool is_known(SeriesId id) {
        if (index_.holds(id.slot, id.epoch)) return true;
        if (unknown_++ == 0) unknown_at_ = at_;
        return false;
    }

    void count(const Sample& sample) {
        ++(std::holds_alternative<double>(sample.value) ? recovery_.floats : recovery_.histograms);
    }

    void sample(SeriesId id, const Sample& sample) {
        if (!is_known(id)) return;
        if (head_.at(id.slot).claim(sample, {from_, {}}) != Verdict::Store) return;
        head_.append(id.slot, sample);
        count(sample);
    }

    Result<void> samples(std::string_view payload) {
        return read_samples(payload, [&](SeriesId id, const Sample& each) { sample(id, each); });
    }

    // Those that are in a block already go into one again, which changes nothing: of two samples at
    // one time the first one holds.
    Result<void> late_samples(std::string_view payload) {
        return read_late_samples(
            payload, [&](SeriesId id, const Sample& each) { sample(id, each); },
            [&](SeriesId id, const Sample& each) {
                if (is_known(id) && head_.late().add(id.slot, each)) count(each);
            });
    }

    Result<void> metadata(std::string_view payload) {
        auto record = read_metadata(payload);
        if (!record) return fail(record.error());
        metadata_[record->metric] = {record->type, record->help, record->unit};
        return {};
    }

    Result<void> dropped(std::string_view payload) {
        auto ids = read_dropped(payload);
        if (!ids) return fail(ids.error());
        std::vector<Slot> slots;
        for (const SeriesId id : *ids)
            if (index_.holds(id.slot, id.epoch)) slots.push_back(id.slot);
        std::sort(slots.begin(), slots.end());
        index_.remove(slots);
        for (const Slot slot : slots) head_.forget(slot);
        return {};
    }

    Result<void> cut(std::string_view payload) {
        const auto newest = read_cut(payload);
        if (!newest) return fail(newest.error());
        head_.drop_after(*newest);
        exemplars_.drop_after(*newest);
        return {};
    }

    Result<void> exemplars(std::string_view payload) {
        auto records = read_exemplars(payload);
        if (!records) return fail(records.error());
        // Those that a checkpoint and the segment after it both hold are recognised by their time.
        for (auto& [series, exemplar] : *records) (void)exemplars_.add(series, std::move(exemplar));
        return {};
    }

    Result<void> deleted(std::string_view payload) {
        auto deletion = Deletion::read(payload);
        if (!deletion) return fail(deletion.error());
        for (const auto& selector : (*deletion)->selectors())
            for (const Slot slot : index_.matching(selector, {}))
                if (slot < head_.slot_end()) head_.erase(slot, (*deletion)->window());
        recovery_.deletions.push_back(std::move(*deletion));
        return {};
    }

    Result<void> chunks(std::string_view payload) {
        auto record = read_chunks(payload);
        if (!record) return fail(record.error());
        const auto& [id, chunks] = *record;
        if (!index_.holds(id.slot, id.epoch))
            return fail(Fault::Corrupt, "chunks of a series that is not known");
        SeriesSamples& series = head_.at(id.slot);
        for (const ChunkRecord& each : chunks) {
            if (each.chunk.last_ms < from_.ms) continue;
            ++recovery_.chunks;
            if (each.open) {
                if (auto restored = series.restore_open(each.chunk, each.tail); !restored)
                    return restored;
            } else if (!series.restore_sealed(each.chunk)) {
                return fail(Fault::Corrupt, "a chunk does not follow the one before");
            }
        }
        return {};
    }

    const Timestamp from_;
    Index& index_;
    Head& head_;
    decltype(Memory::metadata)& metadata_;
    ExemplarRing& exemplars_;
    Recovery& recovery_;
    std::string path_;
    std::uint64_t at_ = 0, unknown_at_ = 0;
    std::size_t unknown_ = 0;
    bool complete_ = false;
};

struct FileEnd {
    std::uint64_t bytes = 0;
    std::optional<RecordReader::Gap> tail;
};

// Reads one file to its end; gaps that something readable follows are losses here, a tail is the
// caller's to judge.
Result<FileEnd> read_file(Files& files, const std::string& path, std::string_view magic,
                          Replayer& replayer, Recovery& recovery) {
    auto mapped = files.map(path);
    if (!mapped) return fail(mapped.error());
    const std::string_view bytes = (*mapped)->bytes();
    recovery.bytes += bytes.size();
    FileEnd end{bytes.size(), {}};
    if (bytes.size() < magic_bytes) return end;  // torn before anything was in it
    if (!bytes.starts_with(magic))
        recovery.lose({path, 0, 0, "its first bytes are not those of this kind of file"});
    RecordReader reader(bytes);
    RecordReader::Record record;
    replayer.begin_file(path);
    while (reader.next(record)) replayer.take(record);
    replayer.end_file();
    for (const auto& gap : reader.gaps()) {
        if (gap.tail)
            end.tail = gap;
        else
            recovery.lose(
                {path, gap.at, gap.bytes, "do not match their checksum and were skipped"});
    }
    return end;
}

Result<void> read_checkpoint_file(Files& files, const std::string& path, Replayer& replayer,
                                  Recovery& recovery, LogPosition& position) {
    auto end = read_file(files, path, checkpoint_magic, replayer, recovery);
    if (!end) return fail(end.error());
    position.checkpoint_bytes = end->bytes;
    recovery.checkpoint = true;
    if (end->tail)
        recovery.lose({path, end->tail->at, end->tail->bytes, "at its end cannot be read"});
    else if (!replayer.complete())
        recovery.lose({path, end->bytes, 0, "the checkpoint ends too early"});
    return {};
}

Result<void> read_segment_file(Files& files, const std::string& path, bool newest,
                               Replayer& replayer, Recovery& recovery, LogPosition& position) {
    auto end = read_file(files, path, segment_magic, replayer, recovery);
    if (!end) return fail(end.error());
    ++recovery.segments;
    position.log_bytes += end->bytes;
    if (!end->tail) return {};
    if (!newest) {
        recovery.lose({path, end->tail->at, end->tail->bytes, "at its end cannot be read"});
        return {};
    }
    recovery.lose({path, end->tail->at, end->tail->bytes,
                   "at its end are a record that was not finished, and were cut off"});
    auto file = files.open(path, Files::Open::Append);
    if (!file) return fail(file.error());
    if (auto cut = (*file)->truncate(end->tail->at); !cut) return cut;
    return (*file)->sync();
}

Result<void> remove_replaced(Files& files, const std::string& folder, const WalFolder& found,
                             std::uint64_t checkpoint, bool keep_segments) {
    for (const std::string& name : found.leftovers)
        if (auto removed = files.remove(folder + "/" + name); !removed) return removed;
    for (const std::uint64_t number : found.segments)
        if (number <= checkpoint && !keep_segments)
            if (auto removed = files.remove(segment_path(folder, number)); !removed) return removed;
    for (const std::uint64_t number : found.checkpoints)
        if (number < checkpoint)
            if (auto removed = files.remove(checkpoint_path(folder, number)); !removed)
                return removed;
    return {};
}

}  // namespace

void Recovery::lose(Loss loss) {
    if (losses.size() < limits::losses_shown_max)
        losses.push_back(std::move(loss));
    else
        ++losses_more;
}

std::string Recovery::Loss::text() const {
    if (bytes == 0) return fmt::format("{} at byte {}: {}", file, at, what);
    return fmt::format("{} at byte {}: {} bytes {}", file, at, bytes, what);
}

std::string Recovery::text() const {
    std::string out = fmt::format(
        "{} series, {} float and {} histogram samples and {} chunks came back from {}{} segment{} "
        "({} bytes)",
        series, floats, histograms, chunks, checkpoint ? "a checkpoint and " : "", segments,
        segments == 1 ? "" : "s", bytes);
    if (blocks > 0) out += fmt::format(", beside {} block{}", blocks, blocks == 1 ? "" : "s");
    for (const Loss& loss : losses) out += "\n" + loss.text();
    if (losses_more > 0) out += fmt::format("\n{} more losses", losses_more);
    return out;
}

Result<LogPosition> replay(Files& files, const std::string& folder, Timestamp from, Memory& memory,
                           Recovery& recovery, bool keep_replaced) {
    auto found = WalFolder::list(files, folder);
    if (!found) return fail(found.error());
    const std::uint64_t checkpoint = found->checkpoints.empty() ? 0 : found->checkpoints.back();
    LogPosition position;
    position.segment = checkpoint + 1;
    const Lock index_lock(memory.index_mutex);
    const Lock head_lock(memory.head_mutex);
    const Lock exemplar_lock(memory.exemplar_mutex);
    Replayer replayer(from, memory.index, memory.head, memory.metadata, memory.exemplars, recovery);
    if (checkpoint > 0)
        if (auto read = read_checkpoint_file(files, checkpoint_path(folder, checkpoint), replayer,
                                             recovery, position);
            !read)
            return fail(read.error());
    for (const std::uint64_t number : found->segments) {
        if (number <= checkpoint) continue;
        for (; position.segment < number; ++position.segment)
            recovery.lose({segment_path(folder, position.segment), 0, 0, "the segment is missing"});
        const bool newest = number == found->segments.back();
        if (auto read = read_segment_file(files, segment_path(folder, number), newest, replayer,
                                          recovery, position);
            !read)
            return fail(read.error());
        if (!newest) ++position.segment;
    }
    memory.head.recount();
    memory.index_bytes = memory.index.heap_bytes();
    recovery.series = memory.index.size();
    if (auto removed = remove_replaced(files, folder, *found, checkpoint, keep_replaced); !removed)
        return fail(removed.error());
    return position;
}

}  // namespace vedette::store
