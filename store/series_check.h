#pragma once

#include <string>

#include "core/labels.h"

namespace vedette::store {

/// Why these labels cannot be a series, in one sentence: none, not UTF-8, too many or too long.
/// Empty when they can.
std::string why_no_series(const Labels& labels);

}  // namespace vedette::store
