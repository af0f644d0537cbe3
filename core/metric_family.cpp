#include "core/metric_family.h"

namespace vedette {

std::string_view to_string(MetricFamily::Type type) {
    switch (type) {
        case MetricFamily::Type::Counter:
            return "counter";
        case MetricFamily::Type::Gauge:
            return "gauge";
        case MetricFamily::Type::Histogram:
            return "histogram";
        case MetricFamily::Type::Summary:
            return "summary";
        case MetricFamily::Type::Untyped:
            return "untyped";
    }
    return "untyped";
}

}  // namespace vedette
