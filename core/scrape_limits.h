#pragma once

#include <chrono>
#include <cstddef>

/// Limits of scraping, in the manner of limits.h; in a file of their own, since few need them.
namespace vedette::limits {

using namespace std::chrono_literals;

inline constexpr std::size_t scrape_body_bytes_max = std::size_t{256}
                                                     << 20;  // of one page, decoded
inline constexpr std::size_t scrapes_in_flight_max = 256;
inline constexpr std::size_t scrape_batch_rows_kept = 16'384;      // of room, for the next page
inline constexpr std::size_t scrape_targets_max = 100'000;         // of one job
inline constexpr std::size_t scrape_dropped_targets_max = 10'000;  // of one job, for the API
inline constexpr std::size_t discovery_bytes_max = std::size_t{32} << 20;  // one file or answer
inline constexpr std::size_t board_scraped_targets_max = 1000;  // those that are down first
inline constexpr auto discovery_refresh_min = 1s;
inline constexpr auto discovery_file_look_interval = 1s;  // did somebody write it?
inline constexpr auto discovery_http_deadline = 60s;
inline constexpr auto discovery_dns_deadline = 30s;  // of one name, over all search domains

static_assert(discovery_bytes_max <= scrape_body_bytes_max);
static_assert(discovery_file_look_interval <= discovery_refresh_min, "a file is not seen late");

}  // namespace vedette::limits
