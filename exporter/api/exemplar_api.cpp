#include "exporter/api/exemplar_api.h"

#include "exporter/api/parameters.h"
#include "promql/syntax/parse.h"
#include "promql/syntax/selectors.h"

namespace vedette::exporter {
namespace {

void write_exemplars(JsonWriter& json, const std::vector<SeriesExemplars>& all) {
    json.begin_list();
    for (const auto& [series, exemplars] : all) {
        json.begin_object().key("seriesLabels").labels(series).key("exemplars").begin_list();
        for (const Exemplar& each : exemplars) {
            json.begin_object().key("labels").labels(each.labels);
            json.key("value").sample_value(each.value);
            json.key("timestamp").timestamp(each.at).end_object();
        }
        json.end_list().end_object();
    }
    json.end_list();
}

Response answer(const Request& request, ExemplarSource& source, promql::Features features) {
    const auto start = time_parameter(request, "start", Timestamp{-9'000'000'000'000'000});
    if (!start) return start.error();
    const auto end = time_parameter(request, "end", Timestamp{9'000'000'000'000'000});
    if (!end) return end.error();
    if (*end < *start)
        return api_error(ApiError::BadData, "end timestamp must not be before start timestamp");
    const auto query = promql::parse(request.param("query"), nullptr, features);
    if (!query) return api_error(ApiError::BadData, query.error().message);
    const auto selectors = promql::selectors_in(**query);
    if (selectors.empty()) return text_response(204, {});
    // Both ends count, a window is open on the left.
    const auto found = source.exemplars(selectors, Window{*start - Milliseconds(1), *end});
    if (!found) return api_failure(found.error());
    return api_success([&](JsonWriter& json) { write_exemplars(json, *found); });
}

}  // namespace

std::vector<Route> exemplar_routes(ExemplarSource& source, promql::Features features) {
    std::vector<Route> routes;
    for (const char* method : {"GET", "POST"})
        routes.push_back({.method = method,
                          .path = "/api/v1/query_exemplars",
                          .role = Role::Viewer,
                          .group = PathGroup::Api,
                          .weight = Weight::Worker,
                          .answer = [&source, features](const Request& request) {
                              return answer(request, source, features);
                          }});
    return routes;
}

}  // namespace vedette::exporter
