#include "app/flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace vedette::app {

std::map<std::string, std::string> flags_of(const RunOptions& options,
                                            const Configuration& configuration) {
    const auto& listeners = configuration.server.listeners;
    return {
        {"config.file", options.config},
        {"enable-feature", fmt::format("{}", fmt::join(options.features, ","))},
        {"log.format", options.log_format},
        {"log.level", options.log_level},
        {"query.lookback-delta", format_duration(options.query_lookback)},
        {"query.max-concurrency", std::to_string(limits::queries_in_flight_max)},
        {"query.max-samples", std::to_string(options.query_samples_max)},
        {"query.timeout", format_duration(options.query_timeout)},
        {"rules.alert.for-grace-period", format_duration(options.for_grace_period)},
        {"rules.alert.for-outage-tolerance", format_duration(options.for_outage_tolerance)},
        {"rules.alert.resend-delay", format_duration(options.resend_delay)},
        {"storage.tsdb.path", options.data},
        {"storage.tsdb.retention.size", fmt::format("{}B", configuration.storage.retention_bytes)},
        {"storage.tsdb.retention.time", format_duration(configuration.storage.retention)},
        {"web.enable-admin-api", options.admin_api ? "true" : "false"},
        {"web.enable-lifecycle", "true"},
        {"web.enable-remote-write-receiver", "true"},
        {"web.external-url", configuration.external_url},
        {"web.listen-address", listeners.empty() ? std::string() : listeners.front().address},
    };
}

}  // namespace vedette::app
