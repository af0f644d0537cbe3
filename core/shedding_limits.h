#pragma once

#include <chrono>
#include <cstddef>

#include "core/limits.h"

/// Limits of what is given up when memory, places for series or the disk run short, in the manner
/// of limits.h; in a file of their own, since few need them. In percent of a budget that is used.
namespace vedette::limits {

using namespace std::chrono_literals;

inline constexpr std::size_t shed_greedy_percent = 80;    // new series of the greediest jobs
inline constexpr std::size_t shed_extras_percent = 90;    // exemplars, what is said about metrics
inline constexpr std::size_t shed_queries_percent = 95;   // of pages and other programs
inline constexpr std::size_t shed_ordinary_percent = 100;  // what senders keep, and greedy jobs
inline constexpr std::size_t shed_readings_percent = 110;  // every scraped page
inline constexpr std::size_t shed_vital_percent = 125;    // the wall, for rules and `up` too
inline constexpr std::size_t vital_series_min = 1'000;    // room for those beyond a small budget

inline constexpr std::size_t refusals_known_max = 1'000;  // jobs and limits; the rest is `other`
inline constexpr std::size_t refused_name_bytes_max = 200;  // of a job or a metric, remembered
inline constexpr auto refusal_log_interval = 1min;        // of one job and limit
inline constexpr std::size_t jobs_counted_max = 10'000;   // whose new series are counted
inline constexpr auto churn_window = 30min;               // two of them make an hour
inline constexpr auto disk_look_interval = 10s;

static_assert(shed_greedy_percent < shed_extras_percent &&
                  shed_extras_percent < shed_queries_percent &&
                  shed_queries_percent < shed_ordinary_percent &&
                  shed_ordinary_percent < shed_readings_percent &&
                  shed_readings_percent < shed_vital_percent,
              "alerting comes last");

}  // namespace vedette::limits
