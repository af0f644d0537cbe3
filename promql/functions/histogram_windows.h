#pragma once

#include "promql/evaluation/block.h"
#include "promql/functions/windows.h"

namespace vedette::promql {

/// What a function of range vectors says about the histograms it met; a set of these is collected
/// over all windows of a series.
enum RangeNote : unsigned {
    MixedTypes = 1,      ///< floats and histograms, and the function cannot have both
    HistogramsLeft = 2,  ///< floats and histograms, and only the floats count
    NotCounter = 4,
    NotGauge = 8,
    MixedSchemas = 16,
    MixedBounds = 32,
};
using RangeNotes = unsigned;

/// `id` of a window that holds at least one histogram; absent when there is no answer.
Cell over_histograms(Function::Id id, const WindowSamples& window, WindowArgs& args,
                     RangeNotes& notes);

}  // namespace vedette::promql
