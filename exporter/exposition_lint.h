#pragma once

#include <string>
#include <vector>

#include "base/exposition_reader.h"

namespace vedette::exporter {

/// One thing that could be better about a metric.
struct MetricLint {
    std::string metric, text;

    auto operator<=>(const MetricLint&) const = default;
};

/// What Prometheus's own lint says of names, help, units and labels, in its words, sorted.
std::vector<MetricLint> lint_exposition(const std::vector<ExposedFamily>& families);

/// How many series each metric has, most first, as `promtool check metrics --extended` counts and
/// prints them.
std::string cardinality_table(const std::vector<ExposedFamily>& families);

}  // namespace vedette::exporter
