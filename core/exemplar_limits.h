#pragma once

#include <cstddef>

/// Limits of exemplars, in the manner of limits.h; in a file of their own, since few need them.
namespace vedette::limits {

inline constexpr std::size_t exemplars_max_default = 100'000;  // when they are kept at all
inline constexpr std::size_t exemplars_max_max = std::size_t{1} << 24;
inline constexpr std::size_t exemplar_labels_characters_max = 128;  // as OpenMetrics has it

static_assert(exemplars_max_default <= exemplars_max_max);

}  // namespace vedette::limits
