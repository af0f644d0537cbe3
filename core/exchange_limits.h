#pragma once

#include <chrono>
#include <cstddef>

/// Limits of what other programs read from us and get from us, in the manner of limits.h; in a file
/// of their own, since few need them.
namespace vedette::limits {

using namespace std::chrono_literals;

inline constexpr std::size_t head_costs_max = 10'000;  // entries of each list of status/tsdb

}  // namespace vedette::limits
