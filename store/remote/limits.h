#pragma once

#include <chrono>
#include <cstddef>

#include "core/limits.h"

/// Limits of what is read from another server, in the manner of core/limits.h.
namespace vedette::limits {

inline constexpr std::size_t datasource_answer_bytes_max = std::size_t{128} << 20;  // as it comes
inline constexpr std::size_t datasource_decoded_bytes_max = std::size_t{256} << 20;
inline constexpr std::size_t datasource_names_bytes_max = std::size_t{32} << 20;  // a list of them
inline constexpr std::size_t datasource_samples_max = 20'000'000;  // of one selector
inline constexpr std::size_t datasource_requests_in_flight_max = 4;
inline constexpr std::size_t datasource_said_bytes_max = 256;  // of an answer that refuses, shown
inline constexpr auto datasource_timeout_default = 10s;
inline constexpr auto datasource_timeout_max = query_timeout_default;
/// After no answer nobody is kept waiting for the next one: so long at least, and at most.
inline constexpr auto datasource_rest_min = 1s;
inline constexpr auto datasource_rest_max = 30s;
/// From here on a window is asked for as chunks: fewer bytes, though they come whole.
inline constexpr auto datasource_chunks_from = 30min;

static_assert(datasource_answer_bytes_max <= datasource_decoded_bytes_max);
static_assert(datasource_samples_max < query_samples_max_default, "the engine would take them");
static_assert(datasource_timeout_default <= datasource_timeout_max);
static_assert(datasource_rest_min <= datasource_rest_max);

}  // namespace vedette::limits
