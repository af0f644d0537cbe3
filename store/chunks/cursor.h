#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/series.h"
#include "store/head/head.h"

namespace vedette::store {

/// Leaves only the last of some samples.
void keep_last(Samples& samples);

/// Adds samples of the same series, both in time order. Where both have one at a time, `into` keeps
/// its own. A histogram that has another one before it than it had is no longer said to follow it.
void take_in(Samples& into, Samples more);

/// Yields the series it was given, in that order, a bite at a time: `fill` copies chunks of as many
/// series as it likes out of the head (holding it for that long and no longer); decoding is done
/// here, holding nothing.
class ChunkCursor final : public SeriesCursor {
public:
    /// Fills the bite with the next series that have something in the window; leaves it empty at
    /// the end.
    using Fill = std::function<void(CopiedChunks&)>;
    /// Told once for each chunk that cannot be decoded; the samples before the fault are yielded.
    using OnCorrupt = std::function<void(const Labels&, const Error&)>;

    ChunkCursor(Fill fill, OnCorrupt on_corrupt, Window window, bool latest_only,
                std::stop_token stop);
    bool next(Column& out) override;

private:
    void decode_current();

    Fill fill_;
    OnCorrupt on_corrupt_;
    Window window_;
    bool latest_only_;
    std::stop_token stop_;
    CopiedChunks bite_;
    std::size_t at_ = 0;
    Samples samples_;
};

}  // namespace vedette::store
