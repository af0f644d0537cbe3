#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vedette::promql {

// Doubles two at a time, as every 64-bit processor can; the compiler does not find this out by
// itself for loops whose length it does not know. A comparison gives −1 where it holds, else 0.
using Pair = double __attribute__((vector_size(16)));
using PairBits = std::int64_t __attribute__((vector_size(16)));

/// So many doubles are looked at before anybody asks what was seen.
inline constexpr std::size_t strip_length = 16;

inline Pair pair_at(const double* at) {
    Pair pair;
    std::memcpy(&pair, at, sizeof(pair));
    return pair;
}

/// Whether one of sixteen is less than the one before it; `at[-1]` is there too.
inline bool any_falls(const double* at) {
    PairBits any{};
    for (std::size_t i = 0; i < strip_length; i += 2) any |= pair_at(at + i) < pair_at(at + i - 1);
    return (any[0] | any[1]) != 0;
}

/// Whether one of sixteen is a NaN.
inline bool any_nan(const double* at) {
    PairBits any{};
    for (std::size_t i = 0; i < strip_length; i += 2) any |= pair_at(at + i) != pair_at(at + i);
    return (any[0] | any[1]) != 0;
}

}  // namespace vedette::promql
