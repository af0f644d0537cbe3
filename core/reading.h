#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/labels.h"

namespace vedette {

/// One timed part of a probe: `resolve`, `connect`, `tls`, `processing`, `transfer`.
struct Phase {
    std::string_view name;  // a literal
    std::chrono::nanoseconds took{0};
};

/// What one probe of one target said. Down is an answer, not an error.
struct Reading {
    struct Metric {
        std::string_view name;  // a literal, without labels: `probe_http_status_code`
        Labels labels;          // beside those of the probe, for example {phase="tls"}
        double value = 0;
        std::string_view help;  // a literal
    };

    bool up = false;
    std::string reason;         // why it is down, for a person; empty when up
    std::vector<Phase> phases;  // in the order they happened
    std::vector<Metric> metrics;
    std::string transcript;  // what was said, secrets removed; for `debug=true` and the page
};

/// Called exactly once, on the loop's thread, by the deadline.
using Done = std::function<void(Reading)>;

}  // namespace vedette
