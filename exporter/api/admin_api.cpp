#include "exporter/api/admin_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <optional>

#include "core/labels.h"
#include "exporter/api/answer.h"
#include "exporter/api/parameters.h"

namespace vedette::exporter {

namespace {

/// As Go reads a truth.
std::optional<bool> parse_truth(std::string_view text) {
    constexpr std::array<std::string_view, 6> yes{"1", "t", "T", "TRUE", "true", "True"};
    constexpr std::array<std::string_view, 6> no{"0", "f", "F", "FALSE", "false", "False"};
    if (std::ranges::find(yes, text) != yes.end()) return true;
    if (std::ranges::find(no, text) != no.end()) return false;
    return std::nullopt;
}

Response disabled() {
    // Prometheus has a status of its own for this error, here alone.
    Response response = api_error(ApiError::Unavailable, "admin APIs disabled");
    response.status = 500;
    return response;
}

Response snapshot(const AdminSources& sources, const Request& request) {
    bool skip_head = false;
    if (const std::string_view text = request.param("skip_head"); !text.empty()) {
        const auto read = parse_truth(text);
        if (!read)
            return bad_parameter("skip_head",
                                 fmt::format("unable to parse boolean: strconv.ParseBool: parsing "
                                             "{}: invalid syntax",
                                             quote(text)));
        skip_head = *read;
    }
    const auto name = sources.snapshot(skip_head);
    if (!name)
        return api_error(ApiError::Internal,
                         fmt::format("create snapshot: {}", name.error().message));
    return api_success(
        [&](JsonWriter& json) { json.begin_object().field("name", *name).end_object(); });
}

Response done(const Result<void>& result) {
    if (result) return text_response(204, {});
    return api_error(
        result.error().fault == Fault::BadInput ? ApiError::BadData : ApiError::Internal,
        result.error().message);
}

// Both ends belong to what is deleted; without them it is everything.
Response delete_series(const AdminSources& sources, const Request& request) {
    if (request.params("match[]").empty())
        return api_error(ApiError::BadData, "no match[] parameter provided");
    constexpr std::int64_t first = std::numeric_limits<std::int64_t>::min() + 1;
    constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
    const auto start = time_parameter(request, "start", {first});
    if (!start) return start.error();
    const auto end = time_parameter(request, "end", {last});
    if (!end) return end.error();
    auto selectors = match_parameters(request);
    if (!selectors) return bad_parameter("match[]", selectors.error().message);
    if (*end < *start) return text_response(204, {});
    return done(sources.erase(std::move(*selectors), {*start - Milliseconds(1), *end}));
}

Response clean_tombstones(const AdminSources& sources, const Request&) {
    return done(sources.clean());
}

}  // namespace

std::vector<Route> admin_routes(AdminSources given) {
    const auto sources = std::make_shared<const AdminSources>(std::move(given));
    std::vector<Route> routes;
    const auto add = [&](std::string_view path, auto answer) {
        for (const char* method : {"POST", "PUT"})
            routes.push_back({.method = method,
                              .path = std::string(path),
                              .role = Role::Admin,
                              .group = PathGroup::Admin,
                              .weight = Weight::Worker,
                              .answer = [sources, answer](const Request& request) {
                                  return sources->enabled ? answer(*sources, request) : disabled();
                              }});
    };
    add("/api/v1/admin/tsdb/snapshot", snapshot);
    add("/api/v1/admin/tsdb/delete_series", delete_series);
    add("/api/v1/admin/tsdb/clean_tombstones", clean_tombstones);
    return routes;
}

}  // namespace vedette::exporter
