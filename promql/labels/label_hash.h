#pragma once

#include <cstdint>
#include <string_view>

#include "core/labels.h"

namespace vedette::promql {

/// XXH64 with seed 0, of the public definition.
std::uint64_t xxh64(std::string_view bytes);

/// The number by which Prometheus tells series apart: XXH64 of all names and values in order, each
/// behind its length.
///
///   one byte below 255          │ text
///   0xff, then three bytes, low first │ text      from 255 on
///
/// `limit_ratio` samples by it, so it must be the same number.
std::uint64_t label_hash(const Labels& labels);

/// Whether `limit_ratio` keeps a series of this hash: below `ratio` of all hashes, or, for a
/// negative one, above 1 + ratio, so that a ratio and its negative complement part a vector.
bool is_sampled(std::uint64_t hash, double ratio);

}  // namespace vedette::promql
