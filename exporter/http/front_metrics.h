#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/metrics.h"

namespace vedette::http {

/// The front's own numbers; a counter is made when it first counts. Belongs to the loop's thread.
class FrontMetrics {
public:
    explicit FrontMetrics(Metrics& metrics);

    /// One answered request; `handler` is a route's path, or empty when none was found.
    void answered(std::string_view handler, int code, double seconds);
    /// One request or connection turned away, and why.
    void refused(std::string_view reason);

    Gauge& connections;
    Gauge& event_streams;
    Counter& events_cut;
    Counter& abandoned;

private:
    Metrics& metrics_;
    std::map<std::pair<std::string, int>, Counter*, std::less<>> requests_;
    std::map<std::string, HistogramMetric*, std::less<>> durations_;
    std::map<std::string, Counter*, std::less<>> refusals_;
};

}  // namespace vedette::http
