#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/limits.h"
#include "core/sample.h"
#include "core/time.h"

namespace vedette::store {

/// What a chunk's bytes hold; a number on disk. 0 is "no chunk".
enum class ChunkKind : std::uint8_t {
    None = 0,
    Float = 1,  ///< bits changed from sample to sample: can be added to
    Histogram = 2,
    Packed = 3,  ///< floats as decimal differences: smaller and quicker, never changed
};

/// A packed chunk may hold twice as many samples as one that is being written.
inline constexpr std::size_t packed_samples_max = 2 * limits::chunk_samples_max;

/// Samples of one series in time order, compressed: up to limits::chunk_samples_max, of packed ones
/// up to packed_samples_max; bytes borrowed. docs/formats/chunk.md draws the bytes.
struct ChunkView {
    ChunkKind kind = ChunkKind::None;
    std::uint16_t count = 0;
    std::int64_t first_ms = 0, last_ms = 0;
    std::string_view bytes;
};

/// Where reading of a float chunk may begin in the middle: after so many samples, of which this is
/// known. After none, at the beginning.
struct ChunkMark {
    std::uint64_t value_bits = 0;      ///< of the last of them
    std::uint32_t bit = 0;             ///< of the chunk's bytes, where the next one begins
    std::uint32_t ms_after_first = 0;  ///< time of the last
    std::uint32_t delta_ms = 0;        ///< from the one before it
    std::uint16_t count = 0;
    std::uint8_t leading = 0, significant = 0;
};

/// Samples as columns; `histograms` is empty, or as long as `times` with null where the float
/// counts.
struct Samples {
    std::vector<Timestamp> times;
    std::vector<double> floats;
    std::vector<HistogramRef> histograms;

    void clear();
    void add(Timestamp at, double value);
    void add(Timestamp at, HistogramRef value);
    bool empty() const { return times.empty(); }
};

/// Appends the chunk's samples inside `window` to `out`. Corrupt when the bytes say something else
/// than count, first and last time: with the number of the sample that cannot be read, those before
/// it given; of a packed chunk nothing is given then. What is before `from` is not looked at.
Result<void> decode(const ChunkView& chunk, Window window, Samples& out,
                    const ChunkMark& from = {});

/// A chunk that no longer changes, in exactly as many bytes as it needs.
class SealedChunk {
public:
    SealedChunk() = default;
    explicit SealedChunk(const ChunkView& view);

    ChunkView view() const {
        return {kind_, count_, first_ms_, last_ms_, std::string_view(bytes_.get(), size_)};
    }
    std::int64_t last_ms() const { return last_ms_; }
    std::size_t heap_bytes() const { return size_; }

    /// Takes in the chunk that follows, when both are packed and together they are few enough and
    /// smaller than apart. False, and nothing changed, otherwise.
    bool take_in(const SealedChunk& next);

private:
    std::unique_ptr<char[]> bytes_;
    std::int64_t first_ms_ = 0, last_ms_ = 0;
    std::uint32_t size_ = 0;
    std::uint16_t count_ = 0;
    ChunkKind kind_ = ChunkKind::None;
};

/// The chunk that a series is writing. Begins small and grows by half, because most series of a
/// small platform hold a handful of bytes. Not safe to share between threads.
///
/// Whoever asks for the last minutes need not read all of it: of every 32nd sample it keeps a mark.
///
///   bytes_  │ samples: bit_count_ bits │ zeros, eight bytes at least │ marks: third, second, first
///   │
///                                                             capacity_ bytes from the beginning ┘
///
/// Invariants: (C1) times strictly ascend: the caller has looked; (C2) bytes after `bit_count_` are
/// zero, and there are eight of them, so that bits can be or-ed in a word at a time.
class OpenChunk {
public:
    /// What is needed to go on writing after a restart; `ChunkView` holds the rest.
    struct Tail {
        std::uint32_t bit_count = 0;
        std::uint64_t value_bits = 0;
        std::int64_t delta_ms = 0;
        std::uint8_t leading = 0, significant = 0;
    };

    bool empty() const { return count_ == 0; }
    /// No more samples, or no more of this kind: seal it first.
    bool full_for(ChunkKind kind) const;
    void append(Timestamp at, double value);
    /// `before` is the histogram appended last, or null when this is the chunk's first.
    void append(Timestamp at, const Histogram& value, const Histogram* before);

    ChunkView view() const;
    /// The last mark of a sample that is not after `from`.
    ChunkMark mark_before(Timestamp from) const;
    Tail tail() const { return {bit_count_, value_bits_, delta_ms_, leading_, significant_}; }
    /// Takes up a float chunk where it was left. Corrupt when view and tail cannot belong together.
    static Result<OpenChunk> resume(const ChunkView& view, const Tail& tail);
    /// Packed where that is smaller. Begins anew.
    SealedChunk seal();

    ChunkKind kind() const { return kind_; }
    std::int64_t last_ms() const { return last_ms_; }
    double last_value() const { return std::bit_cast<double>(value_bits_); }
    std::size_t heap_bytes() const { return capacity_; }

private:
    void put_bits(std::uint64_t value, unsigned count);
    void put_delta_of_delta(std::int64_t value);
    void put_value(std::uint64_t bits);
    void put_bytes(std::string_view bytes);
    void put_mark();
    ChunkMark mark(std::size_t index) const;
    void reserve(std::uint32_t more_bytes);

    std::unique_ptr<char[]> bytes_;
    std::uint32_t bit_count_ = 0;
    std::uint32_t capacity_ = 0;
    std::int64_t first_ms_ = 0, last_ms_ = 0;
    std::int64_t delta_ms_ = 0;
    std::uint64_t value_bits_ = 0;
    std::uint16_t count_ = 0;
    std::uint8_t leading_ = 0, significant_ = 0;  // the window of bits the last value changed
    ChunkKind kind_ = ChunkKind::None;
    std::uint8_t marks_ = 0;
};

}  // namespace vedette::store
