#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "store/packed/packed.h"

namespace vedette::store {

struct SlowSamples {
    std::vector<std::int64_t> times;
    std::vector<std::uint64_t> value_bits;
};

/// The slow, obvious twin of `unpack`, written from docs/formats/chunk.md alone: one bit at a time,
/// in plain vectors. Nothing when the bytes are no packed chunk.
std::optional<SlowSamples> slow_unpack(const PackedView& packed);

}  // namespace vedette::store
