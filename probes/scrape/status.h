#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/labels.h"
#include "core/time.h"

namespace vedette::scrape {

/// What a page says about one of its metrics.
struct MetricAbout {
    std::string metric, type, help, unit;

    bool operator==(const MetricAbout&) const = default;
};
using MetricsAbout = std::vector<MetricAbout>;  ///< sorted by metric

/// What is known about one target, for the API and the pages.
struct TargetStatus {
    enum class Health { Unknown, Up, Down };

    std::string job;
    Labels discovered, labels;
    std::string url;
    Milliseconds interval{0}, timeout{0};
    Health health = Health::Unknown;
    Timestamp since;  ///< of the first scrape with this health; meaningless while unknown
    std::string last_error;
    std::optional<Timestamp> last_scrape;
    std::chrono::nanoseconds took{0};
    std::shared_ptr<const MetricsAbout> metrics;  ///< null before the first page
    std::uint64_t scrape = 0;                     ///< a number that each scrape makes anew
};

/// Targets that were scraped since somebody looked last.
struct ScrapeNews {
    std::vector<TargetStatus> targets;
    std::uint64_t until = 0;  ///< to ask with the next time
};

/// One job with its targets, and those that relabelling dropped.
struct JobStatus {
    std::string name;
    std::vector<TargetStatus> active;
    std::vector<Labels> dropped;  ///< as discovered; not all when there are many
    std::size_t dropped_count = 0;
};

}  // namespace vedette::scrape
