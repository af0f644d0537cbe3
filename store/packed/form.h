#pragma once

#include <array>
#include <cstdint>

namespace vedette::store::form {

// The first byte of a packed chunk, taken apart; docs/formats/chunk.md says what each means.
inline constexpr std::uint8_t times_mask = 0x03;
inline constexpr std::uint8_t times_regular = 0, times_deltas = 1, times_grid = 2;
inline constexpr std::uint8_t values_mask = 0x0c;
inline constexpr std::uint8_t values_constant = 0x00, values_levels = 0x04, values_deltas = 0x08,
                              values_second = 0x0c;
inline constexpr std::uint8_t shift_flag = 0x10, specials_flag = 0x20;
inline constexpr std::uint8_t all = times_mask | values_mask | shift_flag | specials_flag;

/// Doubles divided by these are what they look like; 10^22 is the last that is exact, and 16 digits
/// after the point leave no room for any before it.
inline constexpr std::array<double, 16> powers_of_ten{1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                      1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

}  // namespace vedette::store::form
