#include "store/chunks/chunk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "core/histogram.h"
#include "core/limits.h"
#include "store/bytes.h"
#include "store/chunks/histogram_bytes.h"
#include "store/packed/packed.h"

namespace vedette::store {
namespace {

constexpr std::uint32_t first_capacity = 40;  // 32 bytes and the eight of C2
constexpr std::uint32_t slack_bytes = 8;
constexpr unsigned leading_max = 31;          // five bits hold it
constexpr std::uint32_t marked_samples = 32;  // from one mark to the next

// How a delta of deltas is written: a prefix, then the difference in so many bits, in two's
// complement.
//   0            the same distance as before
//   10     7     a few milliseconds of jitter
//   110   12     seconds
//   1110  20     minutes
//   1111  64     anything
struct DeltaClass {
    std::uint64_t prefix;
    unsigned prefix_bits, bits;
};
constexpr DeltaClass delta_classes[] = {{0b10, 2, 7}, {0b110, 3, 12}, {0b1110, 4, 20}};

bool fits(std::int64_t value, unsigned bits) {
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    return -half <= value && value < half;
}

std::int64_t sign_extend(std::uint64_t value, unsigned bits) {
    return static_cast<std::int64_t>(value << (64 - bits)) >> (64 - bits);
}

// Reads past the end as zeros; `ok` says whether that happened.
class BitReader {
public:
    explicit BitReader(std::string_view bytes, std::size_t at = 0)
        : bytes_(bytes), at_(at), end_(bytes.size() * 8) {}

    bool ok() const { return at_ <= end_; }

    static constexpr unsigned peeked_bits = 57;
    // At least so many of the next bits, from the top down.
    std::uint64_t peek() const {
        std::uint64_t word = 0;
        const std::size_t byte = at_ / 8;
        // A copy of a fixed size is one instruction; only the last seven bytes need the other.
        if (byte + 8 <= bytes_.size()) [[likely]]
            std::memcpy(&word, bytes_.data() + byte, 8);
        else if (byte < bytes_.size())
            std::memcpy(&word, bytes_.data() + byte, bytes_.size() - byte);
        return __builtin_bswap64(word) << (at_ % 8);
    }
    void skip(unsigned count) { at_ += count; }

    std::uint64_t take(unsigned count) {
        if (count == 0) return 0;
        if (count > peeked_bits) {
            const std::uint64_t high = take(count - 32);
            return (high << 32) | take(32);
        }
        const std::uint64_t word = peek();
        skip(count);
        return word >> (64 - count);
    }

    std::int64_t take_delta_of_delta() {
        if (take(1) == 0) return 0;
        for (const DeltaClass& each : delta_classes)
            if (take(1) == 0) return sign_extend(take(each.bits), each.bits);
        return static_cast<std::int64_t>(take(64));
    }

private:
    std::string_view bytes_;
    std::size_t at_, end_;
};

struct ValueState {
    std::uint64_t bits = 0;
    unsigned leading = 0, significant = 0;
};

// One look is enough for most values: two bits, eleven of a new stretch, and what changed.
bool take_value(BitReader& in, ValueState& state) {
    std::uint64_t word = in.peek();
    if (word >> 63 == 0) {
        in.skip(1);
        return in.ok();
    }
    unsigned used = 2;
    if ((word >> 62 & 1) == 1) {
        state.leading = word >> 57 & 31;
        state.significant = static_cast<unsigned>(word >> 51 & 63) + 1;
        used = 13;
    }
    if (state.significant == 0 || state.leading + state.significant > 64) return false;
    in.skip(used);
    const unsigned significant = state.significant;
    std::uint64_t changed = 0;
    if (used + significant <= BitReader::peeked_bits) {
        changed = word << used >> (64 - significant);
        in.skip(significant);
    } else {
        changed = in.take(significant);
    }
    state.bits ^= changed << (64 - state.leading - significant);
    return in.ok();
}

tl::unexpected<Error> unreadable(const ChunkView& chunk, unsigned index, std::string_view why) {
    return fail(Fault::Corrupt, "sample " + std::to_string(index + 1) + " of " +
                                    std::to_string(chunk.count) + " in a chunk of " +
                                    std::to_string(chunk.bytes.size()) + " bytes " +
                                    std::string(why));
}

/// Writes up to `count` times and values; `read` says how many, before a fault too.
Result<void> decode_floats(const ChunkView& chunk, std::int64_t until_ms, Timestamp* times,
                           double* values, std::size_t& read, const ChunkMark& from = {}) {
    BitReader in(chunk.bytes, from.bit);
    ValueState state{from.value_bits, from.leading, from.significant};
    std::int64_t at = wrapping_add(chunk.first_ms, from.ms_after_first), delta = from.delta_ms;
    for (read = 0; from.count + read < chunk.count; ++read) {
        const auto index = static_cast<unsigned>(from.count + read);
        if (index == 0) {
            state.bits = in.take(64);
        } else {
            if (in.peek() >> 63 == 0)
                in.skip(1);
            else
                delta = wrapping_add(delta, in.take_delta_of_delta());
            const std::int64_t next = wrapping_add(at, delta);
            if (next <= at) return unreadable(chunk, index, "is not later than the one before");
            at = next;
            if (!take_value(in, state)) return unreadable(chunk, index, "is cut short");
        }
        if (!in.ok()) return unreadable(chunk, index, "is cut short");
        if (at > until_ms) return {};
        times[read] = {at};
        values[read] = std::bit_cast<double>(state.bits);
    }
    if (at != chunk.last_ms) return unreadable(chunk, chunk.count - 1u, "is not the last by time");
    return {};
}

Result<void> decode_columns(const ChunkView& chunk, std::int64_t until_ms, Timestamp* times,
                            double* values, std::size_t& read) {
    if (chunk.kind == ChunkKind::Float) return decode_floats(chunk, until_ms, times, values, read);
    auto unpacked =
        unpack({chunk.count, chunk.first_ms, chunk.last_ms, chunk.bytes}, times, values);
    read = unpacked ? chunk.count : 0;
    return unpacked;
}

/// Which of the samples that were read lie in the window.
PackedRange inside(const ChunkView& chunk, Window window, std::span<const Timestamp> times) {
    const auto from = chunk.first_ms > window.from.ms
                          ? times.begin()
                          : std::upper_bound(times.begin(), times.end(), window.from);
    const auto to = chunk.last_ms <= window.to.ms ? times.end()
                                                  : std::upper_bound(from, times.end(), window.to);
    return {static_cast<std::size_t>(from - times.begin()),
            static_cast<std::size_t>(to - times.begin())};
}

/// Straight into the columns, of which then goes what lies outside the window.
Result<void> decode_into(const ChunkView& chunk, Window window, Samples& out,
                         const ChunkMark& mark) {
    const std::size_t begin = out.times.size();
    out.times.resize(begin + unpack_room(chunk.count));
    out.floats.resize(out.times.size());
    Timestamp* const times = out.times.data() + begin;
    double* const floats = out.floats.data() + begin;
    Result<void> decoded;
    PackedRange kept;
    if (chunk.kind == ChunkKind::Packed) {
        auto unpacked = unpack_window({chunk.count, chunk.first_ms, chunk.last_ms, chunk.bytes},
                                      window, times, floats);
        if (unpacked)
            kept = *unpacked;
        else
            decoded = fail(unpacked.error());
    } else {
        std::size_t read = 0;
        decoded = decode_floats(chunk, window.to.ms, times, floats, read, mark);
        kept = inside(chunk, window, {times, read});
    }
    if (kept.first > 0) {
        std::copy(times + kept.first, times + kept.end, times);
        std::copy(floats + kept.first, floats + kept.end, floats);
    }
    out.times.resize(begin + (kept.end - kept.first));
    out.floats.resize(out.times.size());
    if (!out.histograms.empty()) out.histograms.resize(out.times.size());
    return decoded;
}

bool pack_chunk(const ChunkView& chunk, std::string& out) {
    std::array<Timestamp, limits::chunk_samples_max> times;
    std::array<double, limits::chunk_samples_max> values;
    std::size_t read = 0;
    if (chunk.count > times.size() ||
        !decode_floats(chunk, chunk.last_ms, times.data(), values.data(), read))
        return false;
    return pack({times.data(), read}, {values.data(), read}, out);
}

Result<void> decode_histograms(const ChunkView& chunk, Window window, Samples& out) {
    ByteReader in(chunk.bytes);
    HistogramRef value;
    std::int64_t at = chunk.first_ms;
    for (unsigned index = 0; index < chunk.count; ++index) {
        const std::int64_t delta = in.signed_varint();
        const std::int64_t next = wrapping_add(at, delta);
        if (index == 0 ? delta != 0 : next <= at)
            return unreadable(chunk, index, "is not later than the one before");
        at = next;
        value = read_histogram(in, value.get());
        if (!value) return unreadable(chunk, index, "is cut short");
        if (at > window.to.ms) return {};
        if (at > window.from.ms) out.add({at}, value);
    }
    if (at != chunk.last_ms) return unreadable(chunk, chunk.count - 1u, "is not the last by time");
    return {};
}

}  // namespace

void Samples::clear() {
    times.clear();
    floats.clear();
    histograms.clear();
}

void Samples::add(Timestamp at, double value) {
    times.push_back(at);
    floats.push_back(value);
    if (!histograms.empty()) histograms.emplace_back();
}

void Samples::add(Timestamp at, HistogramRef value) {
    histograms.resize(times.size());
    times.push_back(at);
    floats.push_back(0);
    histograms.push_back(std::move(value));
}

Result<void> decode(const ChunkView& chunk, Window window, Samples& out, const ChunkMark& from) {
    if (chunk.count == 0) return {};
    switch (chunk.kind) {
        case ChunkKind::Float:
        case ChunkKind::Packed:
            return decode_into(chunk, window, out, from);
        case ChunkKind::Histogram:
            return decode_histograms(chunk, window, out);
        case ChunkKind::None:
            break;
    }
    return fail(Fault::Corrupt,
                "chunk kind " + std::to_string(static_cast<int>(chunk.kind)) + " is not known");
}

SealedChunk::SealedChunk(const ChunkView& view)
    : bytes_(std::make_unique_for_overwrite<char[]>(view.bytes.size())),
      first_ms_(view.first_ms),
      last_ms_(view.last_ms),
      size_(static_cast<std::uint32_t>(view.bytes.size())),
      count_(view.count),
      kind_(view.kind) {
    std::memcpy(bytes_.get(), view.bytes.data(), view.bytes.size());
}

bool SealedChunk::take_in(const SealedChunk& next) {
    const std::size_t count = std::size_t{count_} + next.count_;
    if (kind_ != ChunkKind::Packed || next.kind_ != ChunkKind::Packed || count > packed_samples_max)
        return false;
    std::array<Timestamp, unpack_room(packed_samples_max)> times;
    std::array<double, unpack_room(packed_samples_max)> values;
    std::size_t read = 0;
    for (const SealedChunk* each : {static_cast<const SealedChunk*>(this), &next}) {
        std::size_t more = 0;
        if (!decode_columns(each->view(), each->last_ms_, times.data() + read, values.data() + read,
                            more))
            return false;
        read += more;
    }
    std::string bytes;
    if (!pack({times.data(), read}, {values.data(), read}, bytes) ||
        bytes.size() >= std::size_t{size_} + next.size_)
        return false;
    *this = SealedChunk(
        {ChunkKind::Packed, static_cast<std::uint16_t>(count), first_ms_, next.last_ms_, bytes});
    return true;
}

bool OpenChunk::full_for(ChunkKind kind) const {
    return count_ >= limits::chunk_samples_max || (count_ > 0 && kind != kind_);
}

void OpenChunk::reserve(std::uint32_t more_bytes) {
    const std::uint32_t used = (bit_count_ + 7) / 8;
    const auto marks = static_cast<std::uint32_t>(marks_ * sizeof(ChunkMark));
    const std::uint32_t need = used + more_bytes + slack_bytes + marks;
    if (need <= capacity_) return;
    // Half as much again, in the allocator's steps of sixteen, of which it keeps eight itself.
    const std::uint32_t wanted = std::max({first_capacity, capacity_ / 2 * 3, need});
    const std::uint32_t grown = (wanted + 7) / 16 * 16 + 8;
    auto bytes = std::make_unique_for_overwrite<char[]>(grown);
    if (used > 0) std::memcpy(bytes.get(), bytes_.get(), used);
    std::memset(bytes.get() + used, 0, grown - marks - used);
    if (marks > 0)
        std::memcpy(bytes.get() + grown - marks, bytes_.get() + capacity_ - marks, marks);
    bytes_ = std::move(bytes);
    capacity_ = grown;
}

void OpenChunk::put_bits(std::uint64_t value, unsigned count) {
    if (count > 56) {
        put_bits(value >> 32, count - 32);
        value &= 0xffffffff;
        count = 32;
    }
    char* at = bytes_.get() + bit_count_ / 8;
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    word = __builtin_bswap64(word) | (value << (64 - bit_count_ % 8 - count));
    word = __builtin_bswap64(word);
    std::memcpy(at, &word, 8);
    bit_count_ += count;
}

void OpenChunk::put_delta_of_delta(std::int64_t value) {
    if (value == 0) return put_bits(0, 1);
    for (const DeltaClass& each : delta_classes) {
        if (!fits(value, each.bits)) continue;
        const std::uint64_t mask = (std::uint64_t{1} << each.bits) - 1;
        return put_bits((each.prefix << each.bits) | (static_cast<std::uint64_t>(value) & mask),
                        each.prefix_bits + each.bits);
    }
    put_bits(0b1111, 4);
    put_bits(static_cast<std::uint64_t>(value), 64);
}

void OpenChunk::put_value(std::uint64_t bits) {
    const std::uint64_t changed = bits ^ value_bits_;
    value_bits_ = bits;
    if (changed == 0) return put_bits(0, 1);
    const unsigned leading =
        std::min(static_cast<unsigned>(std::countl_zero(changed)), leading_max);
    const auto trailing = static_cast<unsigned>(std::countr_zero(changed));
    const unsigned window_trailing = 64u - leading_ - significant_;
    if (significant_ > 0 && leading >= leading_ && trailing >= window_trailing) {
        put_bits(0b10, 2);
        return put_bits(changed >> window_trailing, significant_);
    }
    leading_ = static_cast<std::uint8_t>(leading);
    significant_ = static_cast<std::uint8_t>(64 - leading - trailing);
    put_bits((std::uint64_t{0b11} << 11) | (std::uint64_t{leading} << 6) | (significant_ - 1u), 13);
    put_bits(changed >> trailing, significant_);
}

void OpenChunk::append(Timestamp at, double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    reserve(20);  // 68 bits of time and 77 of value at most
    if (count_ == 0) {
        kind_ = ChunkKind::Float;
        first_ms_ = at.ms;
        value_bits_ = bits;
        put_bits(bits, 64);
    } else {
        const std::int64_t delta = wrapping_sub(at.ms, last_ms_);
        put_delta_of_delta(wrapping_sub(delta, delta_ms_));
        delta_ms_ = delta;
        put_value(bits);
    }
    last_ms_ = at.ms;
    if (++count_ % marked_samples == 0) put_mark();
}

void OpenChunk::put_mark() {
    const std::uint64_t after_first =
        static_cast<std::uint64_t>(last_ms_) - static_cast<std::uint64_t>(first_ms_);
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    if (after_first > most || static_cast<std::uint64_t>(delta_ms_) > most) return;
    const ChunkMark mark{value_bits_,
                         bit_count_,
                         static_cast<std::uint32_t>(after_first),
                         static_cast<std::uint32_t>(delta_ms_),
                         count_,
                         leading_,
                         significant_};
    reserve(sizeof mark);
    ++marks_;
    std::memcpy(bytes_.get() + capacity_ - marks_ * sizeof mark, &mark, sizeof mark);
}

ChunkMark OpenChunk::mark(std::size_t index) const {
    ChunkMark mark;
    std::memcpy(&mark, bytes_.get() + capacity_ - (index + 1) * sizeof mark, sizeof mark);
    return mark;
}

ChunkMark OpenChunk::mark_before(Timestamp from) const {
    if (from.ms < first_ms_) return {};
    const std::uint64_t after_first =
        static_cast<std::uint64_t>(from.ms) - static_cast<std::uint64_t>(first_ms_);
    for (std::size_t i = marks_; i-- > 0;)
        if (const ChunkMark each = mark(i); each.ms_after_first <= after_first) return each;
    return {};
}

void OpenChunk::put_bytes(std::string_view bytes) {
    reserve(static_cast<std::uint32_t>(bytes.size()));
    std::memcpy(bytes_.get() + bit_count_ / 8, bytes.data(), bytes.size());
    bit_count_ += static_cast<std::uint32_t>(bytes.size()) * 8;
}

void OpenChunk::append(Timestamp at, const Histogram& value, const Histogram* before) {
    std::string bytes;
    if (count_ == 0) {
        kind_ = ChunkKind::Histogram;
        first_ms_ = last_ms_ = at.ms;
        before = nullptr;
    }
    put_signed(bytes, wrapping_sub(at.ms, last_ms_));
    put_histogram(bytes, value, before);
    put_bytes(bytes);
    last_ms_ = at.ms;
    ++count_;
}

ChunkView OpenChunk::view() const {
    return {kind_, count_, first_ms_, last_ms_,
            std::string_view(bytes_.get(), (bit_count_ + 7) / 8)};
}

Result<OpenChunk> OpenChunk::resume(const ChunkView& view, const Tail& tail) {
    const bool window_fits = tail.significant == 0 ||
                             (tail.leading <= leading_max && tail.leading + tail.significant <= 64);
    if (view.kind != ChunkKind::Float || view.count == 0 ||
        view.count > limits::chunk_samples_max ||
        (std::uint64_t{tail.bit_count} + 7) / 8 != view.bytes.size() || !window_fits)
        return fail(Fault::Corrupt, "an open chunk's tail does not belong to its bytes");
    OpenChunk chunk;
    chunk.put_bytes(view.bytes);
    chunk.bit_count_ = tail.bit_count;
    chunk.first_ms_ = view.first_ms;
    chunk.last_ms_ = view.last_ms;
    chunk.delta_ms_ = tail.delta_ms;
    chunk.value_bits_ = tail.value_bits;
    chunk.leading_ = tail.leading;
    chunk.significant_ = tail.significant;
    chunk.count_ = view.count;
    chunk.kind_ = view.kind;
    return chunk;
}

SealedChunk OpenChunk::seal() {
    const ChunkView plain = view();
    std::string packed;
    ChunkView smallest = plain;
    if (kind_ == ChunkKind::Float && pack_chunk(plain, packed) &&
        packed.size() < plain.bytes.size()) {
        smallest.kind = ChunkKind::Packed;
        smallest.bytes = packed;
    }
    SealedChunk sealed(smallest);
    *this = OpenChunk();
    return sealed;
}

}  // namespace vedette::store
