#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/labels.h"
#include "core/sample.h"
#include "core/wire_writer.h"

namespace vedette {

/// What remote read and remote write have in common, as prometheus.TimeSeries has it:
///
///   Label {1 name, 2 value}   Sample {1 value, 2 timestamp}
///   TimeSeries {1 labels, 2 samples, 3 exemplars, 4 histograms}

/// Every label as field `number` of the message that is being written.
void write_labels(WireWriter& out, std::uint32_t number, const Labels& labels);

/// `Histogram`: float counts, with its time.
void write_histogram(std::string& out, const Histogram& histogram, Timestamp at);

/// One sample as field 2 or 4 of a TimeSeries.
void write_sample(std::string& series, const Sample& sample);

// The readers return false for bytes that are not the message; fields nobody knows are passed over,
// as protobuf has it.

/// `Sample`: value = 1 (double), timestamp = 2 (ms); appended.
bool read_sample(std::string_view bytes, std::vector<Sample>& out);

/// `Histogram`, with integer or float counts; appended. For one that cannot be a histogram
/// `refusal`, when it is empty, is set to why.
bool read_histogram(std::string_view bytes, std::vector<Sample>& out, std::string& refusal);

}  // namespace vedette
