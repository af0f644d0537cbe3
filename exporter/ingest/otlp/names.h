#pragma once

#include <string>
#include <string_view>

#include "exporter/ingest/otlp/message.h"
#include "exporter/ingest/otlp/settings.h"

namespace vedette::exporter::otlp {

/// What Prometheus calls a metric of OTLP: `http.server.duration` in `ms` is
/// `http_server_duration_milliseconds`. The OpenTelemetry specification "Prometheus and OpenMetrics
/// compatibility" says how.
std::string metric_name(const Metric& metric, Settings::Translation translation);

/// What Prometheus calls an attribute: `service.name` is `service_name`, `2xx` is `key_2xx`.
std::string label_name(std::string_view attribute, Settings::Translation translation);

/// The unit as metadata tells it: `ms` is `milliseconds`, `By/s` is `bytes_per_second`.
std::string unit_name(std::string_view unit);

}  // namespace vedette::exporter::otlp
