#pragma once

#include <cstddef>
#include <string_view>

#include "core/limits.h"

namespace vedette::store {

/// How much depends on what somebody writes.
enum class Rank {
    Ordinary,  ///< the sender keeps it until there is room: remote write, OTLP, imports
    Reading,   ///< nobody sends it twice: scraped pages
    Vital,     ///< alerting stands on it: rules, ALERTS, `up`, probes
};

/// What is given up, first things first; each includes those before it. Decided by how much is used
/// of `storage.head_bytes_max`, the first also by `storage.series_max`:
///
///     80 %        90 %     95 %       100 %            110 %             125 %
///      ├───────────┼────────┼───────────┼────────────────┼─────────────────┤
///      new series   exemplars, queries   ordinary samples, every scraped    the wall
///      of greedy    new        of pages  all new series,   page
///      jobs         metadata             pages of greedy jobs
///
/// A job is greedy when it has more than an even share of the series that would fill the budget,
/// one share being kept for a job that is yet to come: so a job alone fills four fifths.
enum class Pressure { None, GreedyJobs, Extras, Queries, Ordinary, Readings };

/// `none`, `greedy_jobs`, `extras`, `queries`, `ordinary`, `readings`
std::string_view to_string(Pressure pressure);

/// What may be used of memory; `storage:` in vedette.yml says how much.
struct Budget {
    std::size_t series_max = limits::series_max_default;
    std::size_t job_series_max = 0;  ///< 0: no other limit than an even share
    std::size_t head_bytes_max = limits::head_bytes_max_default;
};

/// What is used of it.
struct Use {
    std::size_t series = 0, bytes = 0;
    std::size_t jobs = 0;
    std::size_t job_series = 0;  ///< of the job that asks
};

/// The share of memory that is used, and of whichever budget is used most; 1 is all of it.
double memory_use(const Budget& budget, const Use& use);
double largest_use(const Budget& budget, const Use& use);

Pressure pressure_of(const Budget& budget, const Use& use);

/// Whether the asking job has more than an even share of the budget that is used most.
bool is_greedy(const Budget& budget, const Use& use);

/// Why a new series is not taken; `None`: it is.
enum class Refusal { None, SeriesMax, JobSeriesMax, EvenShare, HeadBytes };

/// `series_max`, `job_series_max`, `even_share`, `head_bytes_max`: what limits are called in metrics.
std::string_view to_string(Refusal refusal);

Refusal judge_series(const Budget& budget, const Use& use, Rank rank);

/// Whether samples of series that are there are taken.
bool takes_samples(const Budget& budget, const Use& use, Rank rank);

}  // namespace vedette::store
