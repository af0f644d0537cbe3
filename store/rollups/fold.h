#pragma once

#include <memory>
#include <vector>

#include "core/series.h"
#include "store/chunks/chunk.h"

namespace vedette::store {

/// The least multiple of `resolution` that is not before `at`: the end of the bucket it falls into.
Timestamp bucket_end(Timestamp at, Milliseconds resolution);

/// The samples of one series as buckets: those of the floats, and of histograms the newest in each.
struct Folded {
    std::vector<Bucket> buckets;
    Samples histograms;
};

/// Makes buckets of samples, which are in time order. Clears `out` first.
void fold(const Column& samples, Milliseconds resolution, Folded& out);

/// Yields the buckets of what another cursor yields, histograms as samples beside them.
class FoldingCursor final : public SeriesCursor {
public:
    FoldingCursor(SeriesCursor& samples, Milliseconds resolution)
        : samples_(samples), resolution_(resolution) {}
    bool next(Column& out) override;

private:
    SeriesCursor& samples_;
    Milliseconds resolution_;
    Folded folded_;
};

}  // namespace vedette::store
