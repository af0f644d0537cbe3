#include "store/shedding/pressure.h"

#include <algorithm>

#include "core/shedding_limits.h"

namespace vedette::store {

namespace {

double share(std::size_t used, std::size_t budget) {
    return static_cast<double>(used) / static_cast<double>(std::max<std::size_t>(budget, 1));
}

// Both sides are quotients rounded in the same way, so an edge is met exactly.
double part(std::size_t percent) {
    return static_cast<double>(percent) / 100;
}

bool reached(double use, std::size_t percent) {
    return use >= part(percent);
}

/// A budget is spent when more than it is used: what fits exactly fits.
bool beyond(double use, std::size_t percent) {
    return use > part(percent);
}

std::size_t vital_series(std::size_t series_max) {
    const std::size_t more = series_max / 100 * (limits::shed_vital_percent - 100);
    return std::min(limits::series_slots_max,
                    series_max + std::max(more, limits::vital_series_min));
}

}  // namespace

std::string_view to_string(Pressure pressure) {
    switch (pressure) {
        case Pressure::None:
            return "none";
        case Pressure::GreedyJobs:
            return "greedy_jobs";
        case Pressure::Extras:
            return "extras";
        case Pressure::Queries:
            return "queries";
        case Pressure::Ordinary:
            return "ordinary";
        case Pressure::Readings:
            return "readings";
    }
    return {};
}

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::None:
            return "none";
        case Refusal::SeriesMax:
            return "series_max";
        case Refusal::JobSeriesMax:
            return "job_series_max";
        case Refusal::EvenShare:
            return "even_share";
        case Refusal::HeadBytes:
            return "head_bytes_max";
    }
    return {};
}

double memory_use(const Budget& budget, const Use& use) {
    return share(use.bytes, budget.head_bytes_max);
}

double largest_use(const Budget& budget, const Use& use) {
    return std::max(memory_use(budget, use), share(use.series, budget.series_max));
}

Pressure pressure_of(const Budget& budget, const Use& use) {
    const double memory = memory_use(budget, use);
    if (beyond(memory, limits::shed_readings_percent)) return Pressure::Readings;
    if (beyond(memory, limits::shed_ordinary_percent)) return Pressure::Ordinary;
    if (reached(memory, limits::shed_queries_percent)) return Pressure::Queries;
    if (reached(memory, limits::shed_extras_percent)) return Pressure::Extras;
    if (reached(largest_use(budget, use), limits::shed_greedy_percent)) return Pressure::GreedyJobs;
    return Pressure::None;
}

// The series that would fill the budget are those that are there, divided by the use. A share more
// than there are jobs, or whoever comes first could fill it before the others come.
bool is_greedy(const Budget& budget, const Use& use) {
    return static_cast<double>(use.job_series) * static_cast<double>(use.jobs + 1) *
               largest_use(budget, use) >
           static_cast<double>(use.series);
}

Refusal judge_series(const Budget& budget, const Use& use, Rank rank) {
    const double memory = memory_use(budget, use);
    if (rank == Rank::Vital) {
        if (use.series >= vital_series(budget.series_max)) return Refusal::SeriesMax;
        return beyond(memory, limits::shed_vital_percent) ? Refusal::HeadBytes : Refusal::None;
    }
    if (use.series >= budget.series_max) return Refusal::SeriesMax;
    if (beyond(memory, limits::shed_ordinary_percent)) return Refusal::HeadBytes;
    if (budget.job_series_max > 0 && use.job_series >= budget.job_series_max)
        return Refusal::JobSeriesMax;
    const bool short_of = reached(largest_use(budget, use), limits::shed_greedy_percent);
    return short_of && is_greedy(budget, use) ? Refusal::EvenShare : Refusal::None;
}

bool takes_samples(const Budget& budget, const Use& use, Rank rank) {
    const double memory = memory_use(budget, use);
    if (!beyond(memory, limits::shed_ordinary_percent)) return true;
    switch (rank) {
        case Rank::Ordinary:
            return false;
        case Rank::Reading:
            return !beyond(memory, limits::shed_readings_percent) && !is_greedy(budget, use);
        case Rank::Vital:
            return !beyond(memory, limits::shed_vital_percent);
    }
    return true;
}

}  // namespace vedette::store
