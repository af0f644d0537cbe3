#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"

namespace vedette::exporter::otlp {

// OTLP's metrics as plain values, whether they came as protobuf or as JSON. Names are the
// protocol's own (opentelemetry.proto.metrics.v1); what Prometheus has no use for is not kept.

/// A name and its value as text: numbers and booleans as written, lists and maps as JSON.
struct Attribute {
    std::string key, value;
};

struct Exemplar {
    std::vector<Attribute> attributes;
    Timestamp at;
    double value = 0;
    std::string trace_id, span_id;  ///< lower-case hexadecimal digits, or empty
};

/// One data point of any kind; which parts hold is the metric's kind.
struct Point {
    std::vector<Attribute> attributes;
    Timestamp at;
    bool absent = false;             ///< flag "no recorded value": the series ended
    double value = 0;                ///< gauge, sum
    std::uint64_t count = 0;         ///< histogram, exponential histogram, summary
    std::optional<double> sum;       ///< the same
    std::vector<std::uint64_t> bucket_counts;  ///< histogram; one more than bounds
    std::vector<double> bounds;                ///< histogram
    struct Buckets {
        std::int32_t offset = 0;
        std::vector<std::uint64_t> counts;
    };
    std::int32_t scale = 0;  ///< exponential histogram, as the four below
    std::uint64_t zero_count = 0;
    double zero_threshold = 0;
    Buckets positive, negative;
    std::vector<std::pair<double, double>> quantiles;  ///< summary: quantile, value
    std::vector<Exemplar> exemplars;
};

struct Metric {
    enum class Kind { None, Gauge, Sum, Histogram, ExponentialHistogram, Summary };
    enum class Temporality { Unspecified, Delta, Cumulative };
    std::string name, description, unit;
    Kind kind = Kind::None;
    Temporality temporality = Temporality::Unspecified;
    bool monotonic = false;
    std::vector<Point> points;
};

struct Resource {
    std::vector<Attribute> attributes;
    std::vector<Metric> metrics;  ///< of all scopes
};

using Message = std::vector<Resource>;

/// Reads an ExportMetricsServiceRequest in protobuf's wire format. Fails with BadInput, or with
/// Limit when it has more parts than limits::write_parts_max.
Result<Message> read_protobuf(std::string_view bytes);

/// Reads the same as JSON (protobuf's mapping: lowerCamelCase, 64-bit integers as text or number).
Result<Message> read_json(std::string_view text);

}  // namespace vedette::exporter::otlp
