#pragma once

#include <cstddef>
#include <vector>

#include "probes/book.h"
#include "probes/scrape/status.h"

namespace vedette::exporter {

/// A scraped target in the words of the board: its probe is its job, its group `scraped`, its
/// reading the last scrape. It has no phases, no history and no remembered failures.
probes::TargetStatus as_board_target(const scrape::TargetStatus& target);

struct ScrapedTargets {
    std::vector<probes::TargetStatus> shown;  ///< down, then not asked yet, then up
    std::size_t hidden = 0;                   ///< so many more
};
/// Those that the board has room for (limits::board_scraped_targets_max), the worst first. Of
/// several with one job and instance, and of one that is probed too, only the first is shown.
ScrapedTargets choose_for_board(const std::vector<scrape::JobStatus>& jobs,
                                const std::vector<probes::TargetStatus>& probed);

}  // namespace vedette::exporter
