#pragma once

#include <optional>
#include <string_view>

#include "core/series.h"
#include "core/series_finder.h"

namespace vedette::exporter {

/// What a sender sends most of the time: floats of series that are known. The batch of a
/// `prometheus.WriteRequest` that holds nothing else, or nothing, when it has to be read by
/// `read_write_request`: it has exemplars, histograms or metadata, a series is new, labels are not
/// in order, or it is no such message. Says nothing about why: that is the other reader's.
std::optional<Batch> read_known(std::string_view bytes, SeriesFinder& series);

}  // namespace vedette::exporter
