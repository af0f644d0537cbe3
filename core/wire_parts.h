#pragma once

#include <string_view>
#include <vector>

#include "core/labels.h"
#include "core/sample.h"
#include "core/wire.h"

namespace vedette {

// Parts of messages that all of Prometheus's protobuf formats share: exposition, remote write,
// remote read. Each appends what it read and returns false for bytes that are not the part; fields
// nobody knows are passed over, as protobuf has it.

/// `Label` or `LabelPair`: name = 1, value = 2; borrowed from `bytes`.
bool read_label(std::string_view bytes, std::vector<Label>& out);

/// `BucketSpan`: offset = 1, length = 2.
bool read_span(std::string_view bytes, std::vector<Histogram::Span>& out);

/// Whole counts, each as its difference to the one before, one or packed; `running` is the count
/// before. Counts that no histogram has wrap around and are left to `validate`.
bool read_deltas(const WireReader& field, std::vector<double>& out, std::uint64_t& running);

/// Doubles, one or packed.
bool read_doubles(const WireReader& field, std::vector<double>& out);

}  // namespace vedette
