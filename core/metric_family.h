#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/labels.h"
#include "core/time.h"

namespace vedette {

/// One family of an exposition: what a `# TYPE` line opens.
struct MetricFamily {
    enum class Type { Counter, Gauge, Histogram, Summary, Untyped };
    struct Point {
        Labels labels;     ///< without the name
        double value = 0;  ///< Counter, Gauge, Untyped
        /// Histogram: upper bound and cumulative count; Summary: quantile and value.
        std::vector<std::pair<double, double>> buckets;
        double count = 0, sum = 0;
        std::optional<Timestamp> at;
    };

    std::string name;
    Type type = Type::Untyped;
    std::string help;
    std::vector<Point> points;
};

std::string_view to_string(MetricFamily::Type type);  // text format 0.0.4's words

}  // namespace vedette
