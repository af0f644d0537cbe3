#include "exporter/api/cardinality_api.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/exchange_limits.h"
#include "exporter/api/answer.h"
#include "exporter/api/parameters.h"

namespace vedette::exporter {

namespace {

constexpr std::int64_t entries_shown = 20;  // unless `limit` says

using Entries = std::vector<store::HeadCosts::Entry>;
using Jobs = std::vector<store::Cardinality::Job>;

void write_entries(JsonWriter& json, std::string_view key, const Entries& entries) {
    json.key(key).begin_list();
    for (const auto& entry : entries)
        json.begin_object().field("name", entry.name).field("value", entry.value).end_object();
    json.end_list();
}

void write_jobs(JsonWriter& json, std::string_view key, const Jobs& jobs) {
    json.key(key).begin_list();
    for (const auto& job : jobs)
        json.begin_object()
            .field("job", job.name)
            .field("series", job.series)
            .field("made_lately", job.made)
            .field("refused", job.refused)
            .end_object();
    json.end_list();
}

void write_refused(JsonWriter& json, const std::vector<store::Refused>& refused) {
    json.key("refused").begin_list();
    for (const store::Refused& each : refused)
        json.begin_object()
            .field("limit", each.limit)
            .field("job", each.job)
            .field("metric", each.metric)
            .field("times", each.count)
            .field("first", each.first.seconds())
            .field("last", each.last.seconds())
            .end_object();
    json.end_list();
}

/// `max` is null where there is no limit.
void write_budget(JsonWriter& json, std::string_view name, std::string_view unit,
                  std::uint64_t used, std::uint64_t most) {
    json.begin_object().field("name", name).field("unit", unit).field("used", used);
    json.key("max");
    if (most > 0)
        json.value(most);
    else
        json.null();
    json.end_object();
}

void write_budgets(JsonWriter& json, const store::Cardinality& all) {
    json.key("budgets").begin_list();
    write_budget(json, "storage.head_bytes_max", "bytes", all.use.bytes, all.budget.head_bytes_max);
    write_budget(json, "storage.series_max", "series", all.use.series, all.budget.series_max);
    write_budget(json, "storage.job_series_max", "series", all.use.job_series,
                 all.budget.job_series_max);
    write_budget(json, "storage.retention_bytes", "bytes", all.disk_bytes, all.disk_bytes_max);
    json.end_list();
    json.key("disk").begin_object();
    json.key("free");
    if (all.disk_free)
        json.value(*all.disk_free);
    else
        json.null();
    json.field("free_min", all.disk_free_min).end_object();
}

Response answer(const std::function<store::Cardinality(std::size_t)>& ask, const Request& request) {
    std::int64_t limit = entries_shown;
    if (const std::string_view text = request.param("limit"); !text.empty()) {
        const Result<std::int64_t> given = parse_integer(text, "Atoi");
        constexpr auto most = static_cast<std::int64_t>(limits::head_costs_max);
        if (!given || *given < 1 || *given > most)
            return api_error(ApiError::BadData, "limit is " + std::string(text) +
                                                    "; expected a number from 1 to " +
                                                    std::to_string(most));
        limit = *given;
    }
    const store::Cardinality all = ask(static_cast<std::size_t>(limit));
    return api_success([&](JsonWriter& json) {
        json.begin_object().field("pressure", to_string(all.pressure));
        write_budgets(json, all);
        json.field("series", all.use.series)
            .field("jobs_count", static_cast<std::uint64_t>(all.use.jobs));
        write_entries(json, "metrics", all.head.series_by_metric);
        write_entries(json, "labels_by_values", all.head.values_by_label);
        write_entries(json, "labels_by_bytes", all.head.bytes_by_label);
        write_entries(json, "pairs", all.head.series_by_pair);
        write_jobs(json, "jobs", all.jobs_by_series);
        write_jobs(json, "jobs_by_churn", all.jobs_by_churn);
        write_refused(json, all.refused);
        json.end_object();
    });
}

bool reads_samples(std::string_view path) {
    constexpr std::array<std::string_view, 6> all{
        "/api/v1/query",  "/api/v1/query_range", "/api/v1/query_exemplars",
        "/api/v1/series", "/api/v1/read",        "/federate"};
    return std::find(all.begin(), all.end(), path) != all.end();
}

}  // namespace

std::vector<Route> cardinality_routes(std::function<store::Cardinality(std::size_t)> ask) {
    return {api_get("/api/vedette/v1/cardinality", [ask = std::move(ask)](const Request& request) {
        return answer(ask, request);
    })};
}

std::vector<Route> refused_while(std::vector<Route> routes, std::function<std::string()> why) {
    for (Route& route : routes) {
        if (!reads_samples(route.path)) continue;
        route.answer = [inner = std::move(route.answer), why](const Request& request) {
            const std::string reason = why();
            return reason.empty() ? inner(request) : api_error(ApiError::Unavailable, reason);
        };
    }
    return routes;
}

}  // namespace vedette::exporter
