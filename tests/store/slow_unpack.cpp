#include "tests/store/slow_unpack.h"

#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace vedette::store {
namespace {

struct Bad : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Bytes {
public:
    explicit Bytes(std::string_view all) : all_(all) {}

    std::uint8_t byte() {
        if (all_.empty()) throw Bad("the bytes end");
        const auto first = static_cast<std::uint8_t>(all_[0]);
        all_.remove_prefix(1);
        return first;
    }

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t next = byte();
            value |= std::uint64_t{next & 0x7fu} << shift;
            if (next < 0x80) return value;
        }
        throw Bad("a varint does not end");
    }

    std::uint64_t signed_varint() {
        const std::uint64_t coded = varint();
        return coded % 2 == 0 ? coded / 2 : ~(coded / 2);
    }

    std::uint64_t real_bits() {
        const unsigned count = byte();
        if (count > 8) throw Bad("a real has eight bytes at most");
        std::uint64_t value = 0;
        for (unsigned i = 0; i < count; ++i)
            value |= std::uint64_t{byte()} << (64 - 8 * count + 8 * i);
        return value;
    }

    bool at_end() const { return all_.empty(); }

private:
    std::string_view all_;
};

// Numbers are 64 bits that wrap, as in two's complement.
std::vector<std::uint64_t> numbers_of(Bytes& in, std::size_t count) {
    std::vector<std::uint64_t> numbers;
    std::uint64_t low = 0;
    while (numbers.size() < count) {
        const std::size_t in_run = std::min<std::size_t>(64, count - numbers.size());
        const unsigned head = in.byte(), width = head % 64;
        if (head & 0x80) low = in.signed_varint();
        if (width > 56) throw Bad("too wide");
        std::vector<bool> bits;
        for (std::size_t bytes = (in_run * width + 7) / 8; bytes > 0; --bytes) {
            const unsigned byte = in.byte();
            for (unsigned bit = 0; bit < 8; ++bit) bits.push_back((byte >> bit & 1) != 0);
        }
        std::vector<std::uint64_t> run(in_run, 0);
        for (std::size_t i = 0; i < in_run; ++i)
            for (unsigned bit = 0; bit < width; ++bit)
                if (bits[i * width + bit]) run[i] += std::uint64_t{1} << bit;
        if (head & 0x40) {
            for (unsigned left = in.byte(); left > 0; --left) {
                const unsigned place = in.byte();
                const std::uint64_t number = in.signed_varint();
                if (place >= in_run) throw Bad("an outlier has no place");
                run[place] = number;
            }
        }
        for (const std::uint64_t number : run) numbers.push_back(number + low);
    }
    return numbers;
}

std::vector<std::int64_t> times_of(Bytes& in, unsigned how, const PackedView& packed) {
    std::vector<std::int64_t> times{packed.first_ms};
    const auto first = static_cast<std::uint64_t>(packed.first_ms);
    if (how == 0) {
        if (packed.count > 1) {
            const std::uint64_t range = static_cast<std::uint64_t>(packed.last_ms) - first;
            if (range % (packed.count - 1) != 0) throw Bad("no regular interval");
            const std::uint64_t interval = range / (packed.count - 1);
            for (std::size_t i = 1; i < packed.count; ++i)
                times.push_back(static_cast<std::int64_t>(first + i * interval));
        }
    } else if (how <= 2) {
        const std::uint64_t interval = how == 2 ? in.signed_varint() : 0;
        std::uint64_t sum = first;
        std::size_t i = 0;
        for (const std::uint64_t number : numbers_of(in, packed.count - 1)) {
            sum += number;
            times.push_back(
                static_cast<std::int64_t>(how == 1 ? sum : first + ++i * interval + number));
        }
    } else {
        throw Bad("no such form of times");
    }
    for (std::size_t i = 1; i < times.size(); ++i)
        if (times[i] <= times[i - 1]) throw Bad("times do not ascend");
    if (times.back() != packed.last_ms) throw Bad("another last time");
    return times;
}

std::vector<std::uint64_t> values_of(Bytes& in, unsigned form, std::size_t count) {
    const unsigned how = form >> 2 & 3;
    if (how == 0) return std::vector<std::uint64_t>(count, in.real_bits());
    const unsigned scale = in.byte();
    const unsigned shift = form & 0x10 ? in.byte() : 0;
    if (scale > 15 || shift > 62) throw Bad("no such scale");
    const std::uint64_t first = in.signed_varint();
    std::vector<std::uint64_t> numbers{first};
    std::uint64_t distance = 0;
    for (std::uint64_t number : numbers_of(in, count - 1)) {
        number <<= shift;
        distance += number;
        numbers.push_back(how == 1   ? first + number
                          : how == 2 ? numbers.back() + number
                                     : numbers.back() + distance);
    }
    std::vector<std::uint64_t> values;
    for (const std::uint64_t number : numbers)
        values.push_back(std::bit_cast<std::uint64_t>(
            static_cast<double>(static_cast<std::int64_t>(number)) / std::pow(10.0, scale)));
    if (form & 0x20) {
        for (std::uint64_t left = in.varint(); left > 0; --left) {
            const std::uint64_t place = in.varint();
            const std::uint64_t bits = in.real_bits();
            if (place >= count) throw Bad("a special value has no place");
            values[place] = bits;
        }
    }
    return values;
}

}  // namespace

std::optional<SlowSamples> slow_unpack(const PackedView& packed) {
    try {
        Bytes in(packed.bytes);
        const unsigned form = in.byte();
        if (form >= 0x40 || packed.count == 0) throw Bad("no such form");
        SlowSamples out;
        out.times = times_of(in, form % 4, packed);
        out.value_bits = values_of(in, form, packed.count);
        if (!in.at_end()) throw Bad("more bytes");
        return out;
    } catch (const Bad&) {
        return std::nullopt;
    }
}

}  // namespace vedette::store
