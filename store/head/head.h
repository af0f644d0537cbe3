#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sample.h"
#include "core/time.h"
#include "store/chunks/chunk.h"
#include "store/head/index.h"
#include "store/head/late.h"

namespace vedette::store {

/// What becomes of one sample.
enum class Verdict {
    Store,
    Late,        ///< to be stored too, beside the chunks
    Known,       ///< the newest sample of its series, said again: nothing to do
    OutOfOrder,  ///< older than the newest of its series
    Duplicate,   ///< the time of the newest, another value
    TooOld,      ///< before what the store still takes
};

/// From when on samples are taken.
struct Floor {
    Timestamp in_order;             ///< those later than the newest of their series
    std::optional<Timestamp> late;  ///< all others; none of them without
};

/// Samples of one series: sealed chunks in time order and the one being written.
///
/// A sample is taken in two steps, so that what readers see is always in the log: `claim` when the
/// batch is judged, `append` when it is written; if the log failed, `unclaim`.
///
/// Invariants: (S1) samples ascend in time over all chunks; (S2) claimed is at or after the newest
/// appended; they are equal when no batch is on its way; (S3) a series with samples has an open
/// chunk.
class SeriesSamples {
public:
    Verdict claim(const Sample& sample, const Floor& floor);
    void unclaim();
    void append(const Sample& sample);
    bool empty() const { return open_.empty(); }
    std::int64_t newest_ms() const { return open_.last_ms(); }
    std::int64_t claimed_ms() const { return claimed_ms_; }
    /// Holds a sample in the window, or may: gaps between chunks are not looked into.
    bool overlaps(Window window) const;
    /// About how many samples lie in the window.
    std::size_t samples_about(Window window) const;
    std::optional<Sample> latest() const;
    /// The time of the first sample that is not before `from`.
    std::optional<Timestamp> first_from(Timestamp from) const;

    const std::vector<SealedChunk>& sealed() const { return sealed_; }
    const OpenChunk& open() const { return open_; }

    /// Drops chunks that end before `oldest`, and those only.
    void drop_before(Timestamp oldest);
    /// Drops samples later than `newest`, and returns how many. Nothing may be claimed.
    std::size_t drop_after(Timestamp newest);
    /// Drops samples inside the window, and returns how many. Nothing may be claimed.
    std::size_t erase(Window window);
    /// Puts back what a checkpoint holds. False when it is not later than what is here.
    bool restore_sealed(const ChunkView& chunk);
    Result<void> restore_open(const ChunkView& chunk, const OpenChunk::Tail& tail);

    std::size_t heap_bytes() const;
    /// Of what an append may change: the open chunk, the last sealed one and their table.
    std::size_t last_bytes() const;

private:
    void seal();
    void begin_anew(const Samples& samples);

    // Only a series that ever held a histogram pays for this.
    struct Histograms {
        HistogramRef appended, claimed;  // of the newest sample, when it is one
    };
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();

    OpenChunk open_;
    std::vector<SealedChunk> sealed_;
    std::int64_t claimed_ms_ = never;
    std::uint64_t claimed_bits_ = 0;
    std::unique_ptr<Histograms> histograms_;
    bool any_claimed_ = false;

public:
    // Down here, where it needs no room of its own.
    bool idle = false;  ///< had no samples when retention last passed
};

/// Chunks of some series, copied out of the head so that they are decoded without holding it.
struct CopiedChunks {
    struct Chunk {
        ChunkView view;  // but for its bytes, which are `size` of `bytes` from `offset` on
        std::size_t offset = 0, size = 0;
        ChunkMark from{};  // where reading begins
    };
    struct Series {
        Labels labels;
        std::optional<Sample> latest;    // instead of chunks when only the newest was asked for
        std::size_t first = 0, end = 0;  // its chunks
        std::size_t late_first = 0, late_end = 0;  // its late samples
    };
    std::vector<Series> series;
    std::vector<Chunk> chunks;
    std::vector<Sample> late;
    std::string bytes;

    void clear() {
        series.clear();
        chunks.clear();
        late.clear();
        bytes.clear();
    }
};

/// All samples in memory, by slot, and how much memory they take. Who a series is stands in
/// `Index`. Not safe to share between threads.
class Head {
public:
    /// Makes room for slots before `end`.
    void grow(Slot end);
    Slot slot_end() const { return static_cast<Slot>(series_.size()); }
    SeriesSamples& at(Slot slot) { return series_[slot]; }
    const SeriesSamples& at(Slot slot) const { return series_[slot]; }

    LateSamples& late() { return late_; }
    const LateSamples& late() const { return late_; }

    void append(Slot slot, const Sample& sample);
    void forget(Slot slot);
    /// Drops samples of a series inside the window, and returns how many.
    std::size_t erase(Slot slot, Window window);
    /// Drops chunks that ended before `oldest`, and late samples before `oldest_late`; returns the
    /// series that have had no sample for two passes, ascending.
    std::vector<Slot> drop_before(Timestamp oldest, Timestamp oldest_late);
    /// Drops samples later than `newest`, of every series, and returns how many.
    std::size_t drop_after(Timestamp newest);
    /// Holds a sample in one of the windows, or may.
    bool overlaps(Slot slot, Window window, Window late_window) const;
    /// The newest of all samples of a series.
    std::optional<Sample> latest(Slot slot) const;
    /// Adds the series with what the windows need of it: of its chunks, and of its late samples.
    /// Adds nothing when there is nothing.
    void copy(Slot slot, const Labels& labels, Window window, Window late_window, bool latest_only,
              CopiedChunks& out) const;

    /// The newest and the oldest sample of all, the latter since retention last passed; the
    /// beginning and the end of time when there is none.
    Timestamp newest() const { return newest_; }
    Timestamp oldest() const { return oldest_; }
    /// Counts anew what chunks put back by a restart changed.
    void recount();
    /// Of samples and the table of series.
    std::size_t heap_bytes() const {
        return heap_bytes_ + late_.heap_bytes() + series_.size() * sizeof(SeriesSamples);
    }

private:
    void copy_chunks(const SeriesSamples& series, Window window, bool latest_only,
                     CopiedChunks& out) const;

    std::deque<SeriesSamples> series_;
    LateSamples late_;
    Timestamp newest_{std::numeric_limits<std::int64_t>::min()};
    Timestamp oldest_{std::numeric_limits<std::int64_t>::max()};
    std::size_t heap_bytes_ = 0;
};

}  // namespace vedette::store
