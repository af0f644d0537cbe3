#include "store/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace vedette::store {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // 0x1edc6f41 with its bits reversed

using Table = std::array<std::array<std::uint32_t, 256>, 8>;

// table[k][b]: what byte b does to the sum when k more bytes follow it, so that eight go at once.
constexpr Table make_table() {
    Table table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t sum = byte;
        for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? polynomial : 0);
        table[0][byte] = sum;
    }
    for (std::size_t k = 1; k < 8; ++k)
        for (std::size_t byte = 0; byte < 256; ++byte)
            table[k][byte] = (table[k - 1][byte] >> 8) ^ table[0][table[k - 1][byte] & 0xff];
    return table;
}

constexpr Table table = make_table();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_processor(const char* at, std::size_t size,
                                                             std::uint32_t sum) {
    std::uint64_t wide = sum;
    for (; size >= 8; at += 8, size -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    auto narrow = static_cast<std::uint32_t>(wide);
    for (; size > 0; ++at, --size) narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(*at));
    return narrow;
}
#endif

}  // namespace

std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t before) {
    std::uint32_t sum = ~before;
    const char* at = bytes.data();
    std::size_t size = bytes.size();
    for (; size >= 8; at += 8, size -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        word ^= sum;
        sum = 0;
        for (std::size_t k = 0; k < 8; ++k) sum ^= table[7 - k][(word >> (8 * k)) & 0xff];
    }
    for (; size > 0; ++at, --size)
        sum = (sum >> 8) ^ table[0][(sum ^ static_cast<std::uint8_t>(*at)) & 0xff];
    return ~sum;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~by_processor(bytes.data(), bytes.size(), ~before);
#endif
    return crc32c_by_table(bytes, before);
}

}  // namespace vedette::store
