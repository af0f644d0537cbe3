#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace vedette {

/// Reads the protobuf wire format field by field, in place: nothing is copied or allocated.
///
///   field:  key varint = number << 3 | type
///   type 0: varint   1: 8 bytes   2: length, bytes   5: 4 bytes
///
/// After `next` returned true, `number` and `type` tell the field and exactly one of the values
/// holds it. After it returned false, `bad()` tells an orderly end from a torn or senseless
/// message.
class WireReader {
public:
    explicit WireReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

    bool next() {
        if (at_ == end_ || bad_) return false;
        std::uint64_t key = 0;
        if (!varint(key) || key >> 3 == 0 || key >> 3 > 0x1fffffff) return fail();
        number_ = static_cast<std::uint32_t>(key >> 3);
        type_ = static_cast<unsigned>(key & 7);
        switch (type_) {
            case 0:
                return varint(varint_) || fail();
            case 1:
                return fixed(8) || fail();
            case 2:
                return length_delimited() || fail();
            case 5:
                return fixed(4) || fail();
            default:
                return fail();
        }
    }

    std::uint32_t number() const { return number_; }
    bool is_varint() const { return type_ == 0; }
    bool is_fixed64() const { return type_ == 1; }
    bool is_bytes() const { return type_ == 2; }
    bool bad() const { return bad_; }

    std::uint64_t as_unsigned() const { return varint_; }
    std::int64_t as_signed() const { return static_cast<std::int64_t>(varint_); }
    std::int64_t as_zigzag() const {
        return static_cast<std::int64_t>(varint_ >> 1) ^ -static_cast<std::int64_t>(varint_ & 1);
    }
    double as_double() const {
        double value = 0;
        std::memcpy(&value, bytes_.data(), sizeof value);
        return value;
    }
    std::string_view bytes() const { return bytes_; }

    /// One bare varint, for packed fields.
    bool varint(std::uint64_t& out) {
        out = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (at_ == end_) return false;
            const auto byte = static_cast<unsigned char>(*at_++);
            if (shift == 63 && byte > 1) return false;
            out |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return true;
        }
        return false;
    }
    bool at_end() const { return at_ == end_; }
    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

private:
    bool fail() {
        bad_ = true;
        return false;
    }
    bool fixed(std::size_t size) {
        if (static_cast<std::size_t>(end_ - at_) < size) return false;
        bytes_ = {at_, size};
        at_ += size;
        return true;
    }
    bool length_delimited() {
        std::uint64_t size = 0;
        if (!varint(size) || size > static_cast<std::uint64_t>(end_ - at_)) return false;
        return fixed(static_cast<std::size_t>(size));
    }

    const char* at_;
    const char* end_;
    std::uint32_t number_ = 0;
    unsigned type_ = 0;
    std::uint64_t varint_ = 0;
    std::string_view bytes_;
    bool bad_ = false;
};

static_assert(std::endian::native == std::endian::little, "fixed64 fields are read as they lie");

}  // namespace vedette
