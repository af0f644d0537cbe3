#include "exporter/api/metadata_api.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>

#include "exporter/api/answer.h"
#include "promql/labels/regex.h"
#include "promql/syntax/parse.h"

namespace vedette::exporter {
namespace {

using scrape::MetricAbout;

/// A whole number; negative is none. Nothing when it is no number.
std::optional<long long> number_of(const Request& request, std::string_view name) {
    const std::string_view text = request.param(name);
    if (text.empty()) return -1;
    const bool plus = text.starts_with('+') && !text.starts_with("+-");
    long long value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + (plus ? 1 : 0), end, value);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return value;
}

/// Calls `each` for what is said about `metric`, or about all of them when it is empty.
template <typename Each>
void each_about(const scrape::MetricsAbout& all, std::string_view metric, Each each) {
    if (metric.empty()) {
        for (const MetricAbout& about : all) each(about);
        return;
    }
    const auto at = std::lower_bound(
        all.begin(), all.end(), metric,
        [](const MetricAbout& about, std::string_view m) { return about.metric < m; });
    if (at != all.end() && at->metric == metric) each(*at);
}

Response metadata(const Request& request, const MetadataSources& sources) {
    const auto limit = number_of(request, "limit");
    if (!limit) return api_error(ApiError::BadData, "limit must be a number");
    const auto per_metric = number_of(request, "limit_per_metric");
    if (!per_metric) return api_error(ApiError::BadData, "limit_per_metric must be a number");
    const std::string_view metric = request.param("metric");
    std::map<std::string, std::vector<MetricAbout>> all;
    const auto add = [&](const MetricAbout& about) {
        std::vector<MetricAbout>& known = all[about.metric];
        const bool full = *per_metric > 0 && known.size() >= static_cast<std::size_t>(*per_metric);
        if (!full && std::find(known.begin(), known.end(), about) == known.end())
            known.push_back(about);
    };
    for (const scrape::JobStatus& job : sources.scraped())
        for (const scrape::TargetStatus& target : job.active)
            if (target.metrics) each_about(*target.metrics, metric, add);
    for (const MetricAbout& about : sources.stored())
        if (!all.contains(about.metric) && (metric.empty() || metric == about.metric)) add(about);
    return api_success([&](JsonWriter& json) {
        json.begin_object();
        long long left = *limit < 0 ? static_cast<long long>(all.size()) : *limit;
        for (const auto& [name, known] : all) {
            if (left-- <= 0) break;
            json.key(name).begin_list();
            for (const MetricAbout& about : known) {
                json.begin_object();
                json.field("type", about.type).field("unit", about.unit);
                json.field("help", about.help).end_object();
            }
            json.end_list();
        }
        json.end_object();
    });
}

Response targets_metadata(const Request& request, const MetadataSources& sources) {
    const auto limit = number_of(request, "limit");
    if (!limit) return api_error(ApiError::BadData, "limit must be a number");
    std::vector<Matcher> matchers;
    // `{}` is every target here, and no selector of series.
    const std::string_view text = request.param("match_target");
    if (!text.empty() && text != "{}") {
        auto read = promql::parse_selector(text);
        if (!read) return bad_parameter("match_target", read.error().message);
        matchers = std::move(*read);
    }
    const std::string_view metric = request.param("metric");
    JsonWriter json;
    json.begin_object().field("status", "success").key("data").begin_list();
    long long found = 0;
    for (const scrape::JobStatus& job : sources.scraped()) {
        for (const scrape::TargetStatus& target : job.active) {
            if (*limit >= 0 && found >= *limit) break;
            const bool wanted =
                std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
                    return promql::matches(matcher, target.labels.get(matcher.name));
                });
            if (!wanted || !target.metrics) continue;
            each_about(*target.metrics, metric, [&](const MetricAbout& about) {
                ++found;
                json.begin_object().key("target").labels(target.labels);
                if (metric.empty()) json.field("metric", about.metric);
                json.field("type", about.type).field("help", about.help);
                json.field("unit", about.unit).end_object();
            });
        }
    }
    json.end_list().end_object();
    return json_response(200, json.take());
}

}  // namespace

std::vector<Route> metadata_routes(MetadataSources given) {
    const auto sources = std::make_shared<const MetadataSources>(std::move(given));
    const auto route = [&](std::string_view path,
                           Response (*answer)(const Request&, const MetadataSources&)) -> Route {
        return api_get(
            path, [sources, answer](const Request& request) { return answer(request, *sources); });
    };
    return {route("/api/v1/metadata", metadata),
            route("/api/v1/targets/metadata", targets_metadata)};
}

}  // namespace vedette::exporter
