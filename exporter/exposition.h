#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/metric_family.h"

namespace vedette::exporter {

/// How a page of metrics is written; chosen from the `Accept` header.
struct ExpositionFormat {
    bool open_metrics = false;  ///< OpenMetrics 1.0.0; else the text format 0.0.4
    bool utf8_names = false;    ///< the reader understands quoted names; else they get underscores

    std::string content_type() const;
};

/// The format with the highest weight that we write; text 0.0.4 when nothing fits.
ExpositionFormat choose_format(std::string_view accept);

/// Writes families in the order given. Families of one name must stand together already (see
/// `merge_families`). Values keep all their digits; help and label values are escaped.
///
///   # HELP name help        name{label="value"} value [timestamp]
///   # TYPE name counter     name_bucket{le="0.5"} 3, name_sum, name_count
std::string write_exposition(std::span<const MetricFamily> families,
                             const ExpositionFormat& format);

/// Sorts by name and joins families that share one: first type and help win, equal label sets of a
/// later family are dropped, so that a page never holds a series twice.
std::vector<MetricFamily> merge_families(std::vector<MetricFamily> families);

/// `name_[^a-zA-Z0-9_:]` becomes `_`, as Prometheus's underscore escaping.
std::string escape_name(std::string_view name);

}  // namespace vedette::exporter
