#include "store/remote/xor_reader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace vedette::store {

namespace {

/// Bits of bytes, from the top down; past the end they are zeros and `bad` is set.
class Bits {
public:
    explicit Bits(std::string_view bytes) : bytes_(bytes) {}

    std::uint64_t take(unsigned count) {
        std::uint64_t out = 0;
        while (count > 0) {
            if (at_ / 8 >= bytes_.size()) {
                bad_ = true;
                return 0;
            }
            const unsigned left = 8 - static_cast<unsigned>(at_ % 8);
            const unsigned taken = std::min(left, count);
            const auto byte = static_cast<unsigned char>(bytes_[at_ / 8]);
            out = out << taken | (byte >> (left - taken) & ((1U << taken) - 1));
            at_ += taken;
            count -= taken;
        }
        return out;
    }
    std::uint64_t take_varint() {
        std::uint64_t out = 0;
        for (unsigned shift = 0; shift < 64 && !bad_; shift += 7) {
            const std::uint64_t byte = take(8);
            out |= (byte & 0x7f) << shift;
            if (byte < 0x80) return out;
        }
        bad_ = true;
        return 0;
    }
    /// As many of the next bits as are ones, up to `most`; the zero behind them is taken too.
    unsigned take_ones(unsigned most) {
        unsigned ones = 0;
        while (ones < most && take(1) == 1) ++ones;
        return ones;
    }
    void spoil() { bad_ = true; }
    bool bad() const { return bad_; }

private:
    std::string_view bytes_;
    std::size_t at_ = 0;
    bool bad_ = false;
};

/// Whole numbers wrap around, as they do where they are written.
std::uint64_t take_step_change(Bits& bits) {
    constexpr std::array<unsigned, 5> widths{0, 14, 17, 20, 64};
    const unsigned width = widths[bits.take_ones(4)];
    const std::uint64_t raw = bits.take(width);
    if (width == 0 || width == 64) return raw;
    const std::uint64_t half = std::uint64_t{1} << (width - 1);
    return raw > half ? raw - (half << 1) : raw;
}

struct BitWindow {
    unsigned trailing = 0, length = 64;
};

std::uint64_t take_value_change(Bits& bits, BitWindow& window) {
    const unsigned ones = bits.take_ones(2);
    if (ones == 0) return 0;
    if (ones == 2) {
        const auto leading = static_cast<unsigned>(bits.take(5));
        const auto length = static_cast<unsigned>(bits.take(6));
        window.length = length == 0 ? 64 : length;
        if (leading + window.length > 64) {
            bits.spoil();
            return 0;
        }
        window.trailing = 64 - leading - window.length;
    }
    return bits.take(window.length) << window.trailing;
}

}  // namespace

bool read_xor_chunk(std::string_view bytes, std::vector<Timestamp>& times,
                    std::vector<double>& values) {
    Bits bits(bytes);
    const std::uint64_t count = bits.take(16);
    BitWindow window;
    std::uint64_t at = 0, step = 0, value = 0;
    for (std::uint64_t i = 0; i < count && !bits.bad(); ++i) {
        if (i == 0) {
            const std::uint64_t zigzag = bits.take_varint();
            at = zigzag >> 1 ^ (0 - (zigzag & 1));
            value = bits.take(64);
        } else {
            step = i == 1 ? bits.take_varint() : step + take_step_change(bits);
            at += step;
            value ^= take_value_change(bits, window);
        }
        if (bits.bad()) return false;
        times.push_back({static_cast<std::int64_t>(at)});
        values.push_back(std::bit_cast<double>(value));
    }
    return !bits.bad();
}

}  // namespace vedette::store
