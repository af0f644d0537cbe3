#include "store/log/checkpoint.h"

#include <limits>

#include "store/log/records.h"

namespace vedette::store {
namespace {

constexpr Slot slots_a_bite = 256;            // so many series are copied while the head is held
constexpr std::size_t write_bytes = 1 << 20;  // gathered before each write
constexpr std::size_t chunks_a_record = 4096;
constexpr std::size_t late_a_record = 1024;
constexpr Window always{{std::numeric_limits<std::int64_t>::min()},
                        {std::numeric_limits<std::int64_t>::max()}};

class CheckpointWriter {
public:
    CheckpointWriter(File& file, Memory& memory) : file_(file), memory_(memory) {}

    Result<void> write(std::uint64_t replaces_to) {
        out_.assign(checkpoint_magic);
        write_checkpoint_begin(out_, {replaces_to});
        Slot end = 0;
        {
            const Lock lock(memory_.index_mutex);
            end = memory_.index.slot_end();
            for (const auto& [metric, each] : memory_.metadata)
                write_metadata(out_, metric, each.type, each.help, each.unit);
        }
        for (Slot slot = 0; slot < end; slot += slots_a_bite) {
            gather(slot, std::min(end, slot + slots_a_bite));
            if (out_.size() < write_bytes) continue;
            if (auto put = put_out(); !put) return put;
        }
        gather_exemplars();
        write_checkpoint_end(out_, counts_);
        if (auto put = put_out(); !put) return put;
        return file_.sync();
    }
    std::uint64_t bytes() const { return bytes_; }

private:
    void gather(Slot from, Slot to) {
        const Lock index_lock(memory_.index_mutex);
        const Lock head_lock(memory_.head_mutex);
        for (Slot slot = from; slot < to; ++slot) {
            const SeriesId id{slot, memory_.index.epoch(slot)};
            if (!memory_.index.holds(slot, id.epoch)) continue;
            write_series(out_, {id, memory_.index.labels(slot)});
            ++counts_.series_count;
            if (slot >= memory_.head.slot_end()) continue;
            gather_chunks(id, memory_.head.at(slot));
            if (memory_.head.late().holds_any(slot)) gather_late(id, memory_.head.late());
        }
    }

    void gather_late(SeriesId id, const LateSamples& all) {
        std::vector<Sample> samples;
        all.copy(id.slot, always, samples);
        std::vector<Batch::Row> rows;
        std::vector<std::uint32_t> late;
        const auto put = [&] {
            write_late_samples(out_, rows, {}, late);
            rows.clear();
            late.clear();
        };
        for (Sample& sample : samples) {
            late.push_back(static_cast<std::uint32_t>(rows.size()));
            rows.push_back({id.ref(), std::move(sample)});
            if (rows.size() == late_a_record) put();
        }
        if (!rows.empty()) put();
    }

    void gather_chunks(SeriesId id, const SeriesSamples& series) {
        std::vector<ChunkRecord> chunks;
        for (const SealedChunk& chunk : series.sealed()) {
            chunks.push_back({chunk.view(), false, {}});
            if (chunks.size() < chunks_a_record) continue;
            write_chunks(out_, id, chunks);
            counts_.chunk_count += chunks.size();
            chunks.clear();
        }
        if (!series.empty()) chunks.push_back({series.open().view(), true, series.open().tail()});
        if (chunks.empty()) return;
        write_chunks(out_, id, chunks);
        counts_.chunk_count += chunks.size();
    }

    void gather_exemplars() {
        std::vector<ExemplarRecord> exemplars;
        {
            const Lock lock(memory_.exemplar_mutex);
            exemplars.reserve(memory_.exemplars.size());
            memory_.exemplars.each([&](const Labels& series, const Exemplar& exemplar) {
                exemplars.push_back({series, exemplar});
            });
        }
        write_exemplars(out_, exemplars);
    }

    Result<void> put_out() {
        bytes_ += out_.size();
        auto put = file_.append(out_);
        out_.clear();
        return put;
    }

    File& file_;
    Memory& memory_;
    std::string out_;
    std::uint64_t bytes_ = 0;
    CheckpointEnd counts_;
};

}  // namespace

Result<std::uint64_t> write_checkpoint(Files& files, const std::string& folder,
                                       std::uint64_t replaces_to, Memory& memory,
                                       std::uint64_t needed_from) {
    const std::string path = checkpoint_path(folder, replaces_to);
    const std::string temporary = path + ".tmp";
    if (files.exists(temporary))
        if (auto removed = files.remove(temporary); !removed) return fail(removed.error());
    auto file = files.open(temporary, Files::Open::CreateNew);
    if (!file) return fail(file.error());
    CheckpointWriter writer(**file, memory);
    if (auto written = writer.write(replaces_to); !written) {
        (void)files.remove(temporary);
        return fail(written.error());
    }
    if (auto renamed = files.rename(temporary, path); !renamed) return fail(renamed.error());
    if (auto synced = files.sync_folder(folder); !synced) return fail(synced.error());
    auto found = WalFolder::list(files, folder);
    if (!found) return fail(found.error());
    for (const std::uint64_t number : found->segments)
        if (number <= replaces_to && number < needed_from)
            if (auto removed = files.remove(segment_path(folder, number)); !removed)
                return fail(removed.error());
    for (const std::uint64_t number : found->checkpoints)
        if (number < replaces_to)
            if (auto removed = files.remove(checkpoint_path(folder, number)); !removed)
                return fail(removed.error());
    return writer.bytes();
}

}  // namespace vedette::store
