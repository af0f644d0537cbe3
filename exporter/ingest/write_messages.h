#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "core/sample.h"
#include "exporter/ingest/write_request.h"

namespace vedette::exporter {

// The messages that are the same in both versions of remote write. Each returns false for bytes
// that are not the message; fields nobody knows are passed over, as protobuf has it.

/// `Sample`: value = 1 (double), timestamp = 2 (ms).
bool read_sample(std::string_view bytes, std::vector<Sample>& out);

/// `Histogram`, with integer or float counts. One that cannot be a histogram sets `out.refusal`.
bool read_histogram(std::string_view bytes, WriteRequest::Series& out);

/// The names of `MetricMetadata.MetricType` and `Metadata.MetricType`, by number.
inline constexpr std::array<std::string_view, 8> metric_types{
    "unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"};

}  // namespace vedette::exporter
