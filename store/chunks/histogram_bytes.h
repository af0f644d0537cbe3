#pragma once

#include <string>

#include "core/sample.h"

namespace vedette::store {

class ByteReader;

/// One histogram as bytes, on its own, as log records have it, or by how it differs from the one
/// before, as chunks have it:
///
///   flags {1 bit: a layout follows, 2 bits: reset hint}
///   [schema, zero threshold, spans, how many buckets, bounds]
///   count, zero count, sum, buckets: each number's bits XOR those it had before
void put_histogram(std::string& out, const Histogram& value, const Histogram* before = nullptr);

/// Reads it back; null and a refused reader when it is none.
HistogramRef read_histogram(ByteReader& in, const Histogram* before = nullptr);

}  // namespace vedette::store
