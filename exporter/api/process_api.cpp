#include "exporter/api/process_api.h"

#include <memory>

#include "core/exchange_limits.h"
#include "exporter/api/answer.h"
#include "exporter/api/parameters.h"

namespace vedette::exporter {

namespace {

constexpr std::size_t costs_shown = 10;  // unless `limit` says

Response configuration(const ProcessSources& sources) {
    return api_success([&](JsonWriter& json) {
        json.begin_object().field("yaml", sources.configuration()).end_object();
    });
}

Response flags(const ProcessSources& sources) {
    return api_success([&](JsonWriter& json) {
        json.begin_object();
        for (const auto& [name, value] : sources.flags) json.field(name, value);
        json.end_object();
    });
}

Response runtime(const ProcessSources& sources) {
    const ProcessFacts facts = sources.facts();
    return api_success([&](JsonWriter& json) {
        json.begin_object()
            .field("startTime", format_rfc3339(facts.started))
            .field("CWD", facts.folder)
            .field("hostname", facts.host)
            .field("serverTime", format_rfc3339(facts.now))
            .field("reloadConfigSuccess", facts.reload_successful)
            .field("lastConfigTime", format_rfc3339(facts.configured))
            .field("corruptionCount", static_cast<std::int64_t>(facts.corruptions))
            .field("goroutineCount", 0)
            .field("GOMAXPROCS", static_cast<std::int64_t>(facts.cores))
            .field("GOMEMLIMIT", 0)
            .field("GOGC", "")
            .field("GODEBUG", "")
            .field("storageRetention", format_duration(facts.retention))
            .end_object();
    });
}

void write_entries(JsonWriter& json, std::string_view key,
                   const std::vector<store::HeadCosts::Entry>& entries) {
    json.key(key).begin_list();
    for (const auto& entry : entries)
        json.begin_object().field("name", entry.name).field("value", entry.value).end_object();
    json.end_list();
}

Response head(const ProcessSources& sources, const Request& request) {
    std::size_t limit = costs_shown;
    if (const std::string_view text = request.param("limit"); !text.empty()) {
        const Result<std::int64_t> given = parse_integer(text, "Atoi");
        if (!given || *given < 1)
            return api_error(ApiError::BadData, "limit must be a positive number");
        if (*given > static_cast<std::int64_t>(limits::head_costs_max))
            return api_error(ApiError::BadData,
                             "limit must not exceed " + std::to_string(limits::head_costs_max));
        limit = static_cast<std::size_t>(*given);
    }
    const store::HeadCosts costs = sources.head(limit);
    return api_success([&](JsonWriter& json) {
        json.begin_object().key("headStats").begin_object();
        json.field("numSeries", costs.series)
            .field("numLabelPairs", costs.label_pairs)
            .field("chunkCount", costs.chunks)
            .field("minTime", costs.oldest.ms)
            .field("maxTime", costs.newest.ms)
            .end_object();
        write_entries(json, "seriesCountByMetricName", costs.series_by_metric);
        write_entries(json, "labelValueCountByLabelName", costs.values_by_label);
        write_entries(json, "memoryInBytesByLabelName", costs.bytes_by_label);
        write_entries(json, "seriesCountByLabelValuePair", costs.series_by_pair);
        json.end_object();
    });
}

/// Nobody is served before the log was read back.
Response replay() {
    return api_success([](JsonWriter& json) {
        json.begin_object().field("min", 0).field("max", 0).field("current", 0).end_object();
    });
}

Response alertmanagers(const ProcessSources& sources) {
    const ProcessSources::Alertmanagers found = sources.alertmanagers();
    const auto write = [](JsonWriter& json, const std::vector<std::string>& urls) {
        json.begin_list();
        for (const std::string& url : urls) json.begin_object().field("url", url).end_object();
        json.end_list();
    };
    return api_success([&](JsonWriter& json) {
        json.begin_object().key("activeAlertmanagers");
        write(json, found.active);
        json.key("droppedAlertmanagers");
        write(json, found.dropped);
        json.end_object();
    });
}

}  // namespace

std::vector<Route> process_routes(ProcessSources given) {
    const auto sources = std::make_shared<const ProcessSources>(std::move(given));
    std::vector<Route> routes;
    const auto add = [&](std::string_view path, std::function<Response(const Request&)> answer) {
        routes.push_back(api_get(path, std::move(answer)));
    };
    add("/api/v1/status/config", [sources](const Request&) { return configuration(*sources); });
    add("/api/v1/status/flags", [sources](const Request&) { return flags(*sources); });
    add("/api/v1/status/runtimeinfo", [sources](const Request&) { return runtime(*sources); });
    add("/api/v1/status/tsdb",
        [sources](const Request& request) { return head(*sources, request); });
    add("/api/v1/status/walreplay", [](const Request&) { return replay(); });
    add("/api/v1/alertmanagers", [sources](const Request&) { return alertmanagers(*sources); });
    return routes;
}

}  // namespace vedette::exporter
