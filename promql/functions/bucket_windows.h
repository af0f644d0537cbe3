#pragma once

#include <cstdint>
#include <span>

#include "core/bucket.h"
#include "core/series.h"
#include "promql/functions/windows.h"

namespace vedette::promql {

/// What a function over ranges needs of its samples.
Hints::Wanted wanted_by(Function::Id id);

/// A window whose older part is buckets: those that end inside it. `samples` are what comes after
/// them; there is something of either.
struct BucketWindow {
    std::span<const Bucket> buckets;
    WindowSamples samples;
    std::int64_t buckets_to = 0;  ///< buckets tell of the time up to here, samples of later
};

/// The function of a window with buckets, of those that `wanted_by` says want them: what
/// `window_function` or `Extrapolation` make of the samples, but for the last bits of sums. A
/// window that does not meet the buckets is moved to where it does, and for rate and increase what
/// is found is that of the window's own length.
double over_buckets(Function::Id id, const BucketWindow& window);

}  // namespace vedette::promql
