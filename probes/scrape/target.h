#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/labels.h"
#include "core/time.h"
#include "probes/scrape/settings.h"

namespace vedette::scrape {

/// One target as discovery gave it and relabelling left it.
struct Target {
    Labels discovered;  ///< before relabelling, with `__address__`, `__meta_…` and the like
    Labels labels;      ///< what its series carry
    std::string url;
    Milliseconds interval{0}, timeout{0};
    bool dropped = false;  ///< by relabelling; only `discovered` counts then
};

/// What becomes of one address of a group, with Prometheus 3.5's defaults and rules. Fails with
/// BadInput when relabelling leaves something that cannot be scraped.
Result<Target> make_target(const std::string& address, const TargetGroup& group,
                           const JobSettings& job);

/// All targets of the groups; one that is there twice counts once. What cannot be one is a sentence
/// in `failures`.
std::vector<Target> make_targets(const std::vector<TargetGroup>& groups, const JobSettings& job,
                                 std::vector<std::string>& failures);

}  // namespace vedette::scrape
