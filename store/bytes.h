#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace vedette::store {

static_assert(std::endian::native == std::endian::little, "our formats are little-endian");

// How numbers become bytes in every format of this room: fixed ones little-endian; `varint` seven
// bits a byte, least first, the high bit says "more"; `signed` is zigzag and then varint; `text` is
// a varint length and the bytes; `real` keeps the top bytes of a double, as many as are not zero,
// after their count.

inline void put_u8(std::string& out, std::uint8_t value) {
    out.push_back(static_cast<char>(value));
}

template <typename T>
void put_fixed(std::string& out, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
}

inline void put_varint(std::string& out, std::uint64_t value) {
    char bytes[10];
    std::size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = static_cast<char>(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = static_cast<char>(value);
    out.append(bytes, size);
}

inline std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

inline std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

/// The difference and the sum of two times without overflow: both wrap, so one undoes the other.
inline std::int64_t wrapping_sub(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
inline std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

inline void put_signed(std::string& out, std::int64_t value) {
    put_varint(out, zigzag(value));
}

inline void put_text(std::string& out, std::string_view text) {
    put_varint(out, text.size());
    out.append(text);
}

/// How many of the top bytes of `bits` are needed to write it: 0 for zero, 2 for small whole
/// doubles.
inline unsigned real_bytes(std::uint64_t bits) {
    return bits == 0 ? 0 : 8 - static_cast<unsigned>(std::countr_zero(bits)) / 8;
}

/// The top `count` bytes of `bits`, without the count.
inline void put_real_bytes(std::string& out, std::uint64_t bits, unsigned count) {
    if (count == 0) return;
    const std::uint64_t top = bits >> (64 - 8 * count);
    out.append(reinterpret_cast<const char*>(&top), count);
}

inline void put_real_bits(std::string& out, std::uint64_t bits) {
    const unsigned count = real_bytes(bits);
    put_u8(out, static_cast<std::uint8_t>(count));
    put_real_bytes(out, bits, count);
}

inline void put_real(std::string& out, double value) {
    put_real_bits(out, std::bit_cast<std::uint64_t>(value));
}

/// Reads what the functions above write. After the first thing that does not fit, `ok()` is false
/// and everything read is zero or empty; so a caller may read a whole record and ask once.
class ByteReader {
public:
    explicit ByteReader(std::string_view bytes)
        : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    bool ok() const { return ok_; }
    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
    /// Marks the bytes as nonsense for a reason the reader cannot see.
    void refuse() {
        ok_ = false;
        at_ = end_;
    }

    std::string_view bytes(std::size_t count) {
        if (count > left()) {
            refuse();
            return {};
        }
        const std::string_view taken(at_, count);
        at_ += count;
        return taken;
    }

    template <typename T>
    T fixed() {
        T value{};
        const std::string_view taken = bytes(sizeof(T));
        if (!taken.empty()) std::memcpy(&value, taken.data(), sizeof(T));
        return value;
    }

    std::uint8_t u8() { return fixed<std::uint8_t>(); }

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (at_ == end_) break;
            const auto byte = static_cast<std::uint8_t>(*at_++);
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        refuse();
        return 0;
    }

    std::int64_t signed_varint() { return unzigzag(varint()); }
    std::string_view text() { return bytes(varint()); }

    /// A count of things that take at least `bytes_each`; refused when they cannot be there, so
    /// that nobody reserves memory for a lie.
    std::size_t count(std::size_t bytes_each = 1) {
        const std::uint64_t value = varint();
        if (value > left() / bytes_each) {
            refuse();
            return 0;
        }
        return static_cast<std::size_t>(value);
    }

    std::uint64_t real_bits(unsigned count) {
        if (count > 8) {
            refuse();
            return 0;
        }
        const std::string_view taken = bytes(count);
        if (taken.empty()) return 0;
        std::uint64_t top = 0;
        std::memcpy(&top, taken.data(), count);
        return top << (64 - 8 * count);
    }
    std::uint64_t real_bits() { return real_bits(u8()); }
    double real() { return std::bit_cast<double>(real_bits()); }

private:
    const char* begin_;
    const char* at_;
    const char* end_;
    bool ok_ = true;
};

}  // namespace vedette::store
