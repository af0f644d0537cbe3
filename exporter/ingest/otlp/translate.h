#pragma once

#include <deque>
#include <string>

#include "exporter/ingest/otlp/message.h"
#include "exporter/ingest/otlp/settings.h"
#include "exporter/ingest/write_request.h"

namespace vedette::exporter::otlp {

/// A message as series of Prometheus. The request's texts are borrowed from `texts`.
struct Translated {
    WriteRequest request;
    std::deque<std::string> texts;
    std::size_t refused = 0;  ///< data points that cannot be translated
    std::string first;        ///< one sentence about the first of them
};

/// Makes of each data point what Prometheus's receiver makes of it: a gauge or counter; a histogram
/// as `_bucket`, `_count`, `_sum` or with custom buckets; an exponential histogram as a native one;
/// a summary with its quantiles. The resource's `service.*` become `job` and `instance`, the rest
/// of it a series `target_info`. Delta temporality is refused: a sum of changes needs memory of
/// each sender.
Translated translate(const Message& message, const Settings& settings);

}  // namespace vedette::exporter::otlp
