#pragma once

#include <cstdint>
#include <string_view>

namespace vedette::store {

/// CRC-32C (Castagnoli) of `bytes`, going on from `before`. By the processor where it can.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

/// The same by table, for processors that cannot and for the test that compares the two.
std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t before = 0);

}  // namespace vedette::store
