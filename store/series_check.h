#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/labels.h"
#include "core/limits.h"

namespace vedette::store {

/// What the labels of one series may be; `storage:` in vedette.yml may say less.
struct LabelLimits {
    std::size_t labels_max = limits::labels_per_series_max;
    std::size_t name_bytes_max = limits::label_name_bytes_max;
    std::size_t value_bytes_max = limits::label_value_bytes_max;
};

/// Why labels cannot be a series; both empty when they can.
struct NoSeries {
    std::string_view limit;  ///< `labels_max` and the like, `not_utf8` or `no_labels`
    std::string why;         ///< one sentence
};

NoSeries judge_labels(const Labels& labels, const LabelLimits& most = {});

}  // namespace vedette::store
