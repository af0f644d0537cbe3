#include "exporter/api/scraped_targets.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "core/scrape_limits.h"

namespace vedette::exporter {
namespace {

using Health = scrape::TargetStatus::Health;

int rank(const scrape::TargetStatus& target) {
    return target.health == Health::Down ? 0 : target.health == Health::Unknown ? 1 : 2;
}

}  // namespace

probes::TargetStatus as_board_target(const scrape::TargetStatus& target) {
    probes::TargetStatus out;
    out.probe = target.labels.get("job");
    out.type = "scrape";
    out.group = "scraped";
    out.instance = target.labels.get("instance");
    out.address = target.url;
    out.labels = target.labels;
    out.every = target.interval;
    out.timeout = target.timeout;
    out.since = target.since;
    out.reason = target.last_error;
    if (target.health == Health::Up) out.state = probes::State::Up;
    if (target.health == Health::Down) out.state = probes::State::Down;
    if (target.last_scrape)
        out.latest = probes::Moment{*target.last_scrape, target.took, target.health == Health::Up};
    return out;
}

ScrapedTargets choose_for_board(const std::vector<scrape::JobStatus>& jobs,
                                const std::vector<probes::TargetStatus>& probed) {
    std::vector<const scrape::TargetStatus*> all;
    for (const scrape::JobStatus& job : jobs)
        for (const scrape::TargetStatus& target : job.active) all.push_back(&target);
    std::stable_sort(all.begin(), all.end(),
                     [](const auto* a, const auto* b) { return rank(*a) < rank(*b); });
    std::set<std::pair<std::string, std::string>> seen;
    for (const probes::TargetStatus& probe : probed) seen.emplace(probe.probe, probe.instance);
    ScrapedTargets out;
    for (const scrape::TargetStatus* target : all) {
        const bool fits =
            out.shown.size() < limits::board_scraped_targets_max &&
            seen.emplace(target->labels.get("job"), target->labels.get("instance")).second;
        if (fits)
            out.shown.push_back(as_board_target(*target));
        else
            ++out.hidden;
    }
    return out;
}

}  // namespace vedette::exporter
