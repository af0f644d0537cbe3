#pragma once

#include <string>

#include "core/labels.h"
#include "core/sample.h"
#include "exporter/egress/wire_writer.h"

namespace vedette::exporter {

/// What remote read answers and remote write sends have in common, as prometheus.TimeSeries has it:
///
///   Label {1 name, 2 value}   Sample {1 value, 2 timestamp}
///   TimeSeries {1 labels, 2 samples, 3 exemplars, 4 histograms}

/// Every label as field `number` of the message that is being written.
void write_labels(WireWriter& out, std::uint32_t number, const Labels& labels);

/// `Histogram`: float counts, with its time.
void write_histogram(std::string& out, const Histogram& histogram, Timestamp at);

/// One sample as field 2 or 4 of a TimeSeries.
void write_sample(std::string& series, const Sample& sample);

}  // namespace vedette::exporter
