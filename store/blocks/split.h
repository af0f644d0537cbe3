#pragma once

#include <cstddef>
#include <vector>

#include "store/blocks/merge.h"

namespace vedette::store {

/// About how many samples of these series lie in the window.
std::size_t samples_about(const MergedCursor::Part& part, Window window);

/// What several cursors read, each a stretch of its own in the order of labels.
///
///   block 1   a  b  d │ f  g  h │ k  m        cut at the same labels in each: those of a series
///   block 2   b  c    │ e  f    │ k  l        that stands a third, two thirds down the largest
///                     f         k
struct Split {
    std::vector<std::vector<MergedCursor::Part>> stretches;
    std::vector<Labels> begins;  ///< of the second stretch, the third …
};
/// In `count` stretches of about as many series, or in one when a block cannot be read.
Split split(std::vector<MergedCursor::Part> parts, std::size_t count);

}  // namespace vedette::store
