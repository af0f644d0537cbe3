#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/head/costs.h"
#include "store/shedding/pressure.h"
#include "store/shedding/refusals.h"

namespace vedette::store {

/// Who costs what, what may be used of it, and who was refused.
struct Cardinality {
    struct Job {
        std::string name;  ///< empty: series without the label `job`
        std::uint64_t series = 0;
        std::uint64_t made = 0;     ///< of them and of those gone, in the last half hour or hour
        std::uint64_t refused = 0;  ///< times, since the start
    };
    HeadCosts head;
    std::vector<Job> jobs_by_series, jobs_by_churn;
    std::vector<Refused> refused;  ///< most often first

    Pressure pressure = Pressure::None;
    Budget budget;
    Use use;                            ///< of all jobs; `job_series` is that of the largest
    std::uint64_t disk_bytes = 0;       ///< blocks, log and checkpoint
    std::uint64_t disk_bytes_max = 0;   ///< `storage.retention_bytes`; 0: no limit
    std::optional<std::uint64_t> disk_free;
    std::uint64_t disk_free_min = 0;
};

}  // namespace vedette::store
