#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/labels.h"
#include "core/sample.h"

namespace vedette::exporter {

/// A decoded remote write request of either version; texts are borrowed from the bytes it was read
/// from.
struct WriteRequest {
    struct Series {
        std::vector<Label> labels;    // in the sender's order
        std::vector<Sample> samples;  // floats and histograms, in the sender's order
        struct Exemplar {
            std::vector<Label> labels;
            Timestamp at;
            double value = 0;
        };
        std::vector<Exemplar> exemplars;
        std::string refusal;  ///< why it or one of its histograms cannot be one; empty when none
    };
    struct Metadata {
        std::string_view metric, type, help, unit;
    };
    std::vector<Series> series;
    std::vector<Metadata> metadata;
};

/// The names of `MetricMetadata.MetricType` and `Metadata.MetricType`, by number.
inline constexpr std::array<std::string_view, 8> metric_types{
    "unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"};

/// Reads `prometheus.WriteRequest` (remote write 1.0) from uncompressed bytes. Unknown fields are
/// passed over, as protobuf has it. Fails with BadInput and says in which series.
Result<WriteRequest> read_write_request(std::string_view bytes);

/// Reads `io.prometheus.write.v2.Request` (remote write 2.0), whose texts stand once in a table.
/// Fails as the other does where the bytes are no such message; a series that cannot be one says so
/// in its `refusal`, because version 2 stores the others.
Result<WriteRequest> read_write_request_v2(std::string_view bytes);

}  // namespace vedette::exporter
