#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "exporter/egress/write_settings.h"
#include "store/head/memory.h"
#include "store/log/follow.h"

namespace vedette::exporter {

using NamedMetadata = std::pair<std::string, store::MetricMetadata>;

/// The message of remote write, uncompressed: rows of one series stand together, in their order.
/// Version 2 carries what is known of each metric along.
///
///   1.0  WriteRequest {1 timeseries {1 labels, 2 samples, 4 histograms}, 3 metadata}
///   2.0  Request {4 symbols, 5 timeseries {1 label refs, 2 samples, 3 histograms, 5 metadata}}
std::string write_message(RemoteWriteSettings::Protocol protocol,
                          std::span<const store::LogBite::Row> rows,
                          std::span<const NamedMetadata> metadata = {});

/// 1.0's message of metadata alone.
std::string metadata_message(std::span<const NamedMetadata> metadata);

/// `Content-Type` and `X-Prometheus-Remote-Write-Version`.
std::vector<Header> write_headers(RemoteWriteSettings::Protocol protocol);

}  // namespace vedette::exporter
