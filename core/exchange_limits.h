#pragma once

#include <chrono>
#include <cstddef>

#include "core/limits.h"

/// Limits of what other programs read from us and get from us, in the manner of limits.h; in a file
/// of their own, since few need them.
namespace vedette::limits {

using namespace std::chrono_literals;

inline constexpr std::size_t head_costs_max = 10'000;  // entries of each list of status/tsdb

// ── remote read and federation ──
inline constexpr std::size_t remote_read_request_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t remote_read_queries_max = 1'000;  // of one request
inline constexpr std::size_t remote_read_matchers_max = 1'000;  // of one query
inline constexpr std::size_t remote_read_samples_max = 50'000'000;  // of one answer
inline constexpr std::size_t remote_read_bytes_max = std::size_t{256} << 20;  // of one answer
inline constexpr std::size_t remote_read_frame_bytes = std::size_t{1} << 20;
inline constexpr std::size_t remote_reads_in_flight_max = 2;
inline constexpr std::size_t federate_bytes_max = std::size_t{256} << 20;  // of one page

static_assert(remote_read_frame_bytes <= remote_read_bytes_max);
static_assert(remote_reads_in_flight_max < http_workers, "a worker is left for everybody else");

}  // namespace vedette::limits
