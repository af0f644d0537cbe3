#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

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

// ── remote write out ──
inline constexpr std::size_t remote_write_queues_max = 16;
inline constexpr std::size_t remote_write_read_bytes = std::size_t{256} << 10;  // of the log at once
inline constexpr std::uint64_t remote_write_held_bytes_max = std::uint64_t{2} << 30;  // of the log
inline constexpr std::size_t remote_write_series_known_max = 200'000;  // relabelled once
inline constexpr auto remote_write_position_interval = 1s;  // how much is sent again after a kill
inline constexpr auto remote_write_look_interval = 250ms;   // at the end of the log
inline constexpr auto remote_write_retry_after_max = 5min;  // what a receiver may ask for

static_assert(remote_write_held_bytes_max > 4 * std::uint64_t{wal_segment_bytes});
static_assert(remote_read_frame_bytes <= remote_read_bytes_max);
static_assert(remote_reads_in_flight_max < http_workers, "a worker is left for everybody else");

}  // namespace vedette::limits
