#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace vedette {

/// Writes the protobuf wire format to the end of a string, field by field (see wire.h, which reads
/// it). A message inside another is written to a string of its own first.
class WireWriter {
public:
    explicit WireWriter(std::string& out) : out_(out) {}

    /// Zero is written too; who wants it left out does not call.
    void varint_field(std::uint32_t number, std::uint64_t value) {
        key(number, 0);
        varint(value);
    }
    void signed_field(std::uint32_t number, std::int64_t value) {
        varint_field(number, static_cast<std::uint64_t>(value));
    }
    void zigzag_field(std::uint32_t number, std::int64_t value) {
        varint_field(number, zigzag(value));
    }
    void double_field(std::uint32_t number, double value) {
        key(number, 1);
        fixed64(value);
    }
    void bytes_field(std::uint32_t number, std::string_view bytes) {
        key(number, 2);
        varint(bytes.size());
        out_ += bytes;
    }
    /// The head of a field of so many bytes, which the caller appends.
    void bytes_head(std::uint32_t number, std::size_t size) {
        key(number, 2);
        varint(size);
    }

    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
        out_ += static_cast<char>(value);
    }
    void fixed64(double value) {
        char bytes[sizeof value];
        std::memcpy(bytes, &value, sizeof value);
        out_.append(bytes, sizeof value);
    }
    static std::uint64_t zigzag(std::int64_t value) {
        return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
    }
    static std::size_t varint_size(std::uint64_t value) {
        return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
    }

private:
    void key(std::uint32_t number, unsigned type) { varint(std::uint64_t{number} << 3 | type); }

    std::string& out_;
};

static_assert(std::endian::native == std::endian::little, "doubles are written as they lie");

}  // namespace vedette
