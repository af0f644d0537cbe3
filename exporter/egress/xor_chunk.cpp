#include "exporter/egress/xor_chunk.h"

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "core/wire_writer.h"

namespace vedette::exporter {

namespace {

class BitWriter {
public:
    explicit BitWriter(std::string& out) : out_(out) {}

    /// The lowest `count` bits of `value`, highest first.
    void put(std::uint64_t value, unsigned count) {
        while (count > 0) {
            if (free_ == 0) {
                out_ += '\0';
                free_ = 8;
            }
            const unsigned taken = std::min(free_, count);
            count -= taken;
            free_ -= taken;
            const std::uint64_t bits = value >> count & ((1U << taken) - 1);
            out_.back() =
                static_cast<char>(static_cast<unsigned char>(out_.back()) | bits << free_);
        }
    }
    /// Bytes of a varint, at whatever bit.
    void put_varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) put(value | 0x80, 8);
        put(value, 8);
    }

private:
    std::string& out_;
    unsigned free_ = 0;  // bits of the last byte
};

/// The window of bits that the values before needed.
struct BitWindow {
    unsigned leading = 0xff, trailing = 0;
};

void put_value(BitWriter& out, std::uint64_t changed, BitWindow& window) {
    if (changed == 0) return out.put(0, 1);
    const unsigned leading = std::min(static_cast<unsigned>(std::countl_zero(changed)), 31U);
    const auto trailing = static_cast<unsigned>(std::countr_zero(changed));
    if (window.leading != 0xff && leading >= window.leading && trailing >= window.trailing) {
        out.put(0b10, 2);
        out.put(changed >> window.trailing, 64 - window.leading - window.trailing);
        return;
    }
    window = {leading, trailing};
    const unsigned length = 64 - leading - trailing;
    out.put(0b11, 2);
    out.put(leading, 5);
    out.put(length & 63, 6);
    out.put(changed >> trailing, length);
}

/// −(2^(bits−1) − 1) … 2^(bits−1), as Prometheus reads them back.
bool fits(std::int64_t value, unsigned bits) {
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    return value > -half && value <= half;
}

void put_step_change(BitWriter& out, std::int64_t change) {
    const auto bits = static_cast<std::uint64_t>(change);
    if (change == 0) return out.put(0, 1);
    if (fits(change, 14)) {
        out.put(0b10, 2);
        out.put(bits, 14);
    } else if (fits(change, 17)) {
        out.put(0b110, 3);
        out.put(bits, 17);
    } else if (fits(change, 20)) {
        out.put(0b1110, 4);
        out.put(bits, 20);
    } else {
        out.put(0b1111, 4);
        out.put(bits, 64);
    }
}

}  // namespace

std::string xor_chunk(std::span<const Timestamp> times, std::span<const double> values) {
    check(times.size() == values.size() && times.size() <= 0xffff, "a chunk has 65535 samples");
    std::string out;
    out += static_cast<char>(times.size() >> 8);
    out += static_cast<char>(times.size() & 0xff);
    BitWriter bits(out);
    BitWindow window;
    std::int64_t step = 0;
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
        const auto value = std::bit_cast<std::uint64_t>(values[i]);
        if (i == 0) {
            bits.put_varint(WireWriter::zigzag(times[0].ms));
            bits.put(value, 64);
        } else {
            const std::int64_t next = (times[i] - times[i - 1]).count();
            if (i == 1)
                bits.put_varint(static_cast<std::uint64_t>(next));
            else
                put_step_change(bits, next - step);
            step = next;
            put_value(bits, value ^ before, window);
        }
        before = value;
    }
    return out;
}

}  // namespace vedette::exporter
