#include "exporter/api/query_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/limits.h"
#include "exporter/api/answer.h"
#include "exporter/api/parameters.h"
#include "exporter/api/parse_tree.h"
#include "promql/syntax/parse.h"

namespace vedette::exporter {

namespace {

/// What `timeout` and `lookback_delta` make of the engine's own settings; a query may shorten its
/// time, never lengthen it.
Parameter<promql::EngineSettings> engine_parameters(const Request& request,
                                                    promql::EngineSettings settings) {
    if (const std::string_view text = request.param("timeout"); !text.empty()) {
        const Result<Milliseconds> timeout = parse_step(text);
        if (!timeout) return tl::unexpected(bad_parameter("timeout", timeout.error().message));
        settings.timeout = std::min(*timeout, settings.timeout);
    }
    if (const std::string_view text = request.param("lookback_delta"); !text.empty()) {
        const Result<Milliseconds> lookback = parse_step(text);
        if (!lookback)
            return tl::unexpected(
                api_error(ApiError::BadData,
                          "error parsing lookback delta duration: " + lookback.error().message));
        if (*lookback > Milliseconds(0)) settings.lookback = *lookback;
    }
    return settings;
}

/// A query whose time is over before it begins, found when nothing else is wrong with it.
std::optional<Response> no_time(const promql::EngineSettings& settings) {
    if (settings.timeout > Milliseconds(0)) return std::nullopt;
    return api_error(ApiError::Timeout, "query timed out in query execution");
}

Parameter<promql::ExprPtr> query_parameter(const Request& request, promql::Features features) {
    Result<promql::ExprPtr> parsed = promql::parse(request.param("query"), nullptr, features);
    if (!parsed) return tl::unexpected(bad_parameter("query", parsed.error().message));
    return std::move(*parsed);
}

/// Durations that cannot be computed are the caller's mistake too, found last.
std::optional<Response> bad_durations(const promql::Expr& expr) {
    const Result<void> good = promql::check_durations(expr);
    if (good) return std::nullopt;
    return bad_parameter("query", good.error().message);
}

/// Cuts `list` to `limit` (0: all) and says so.
template <typename T>
std::vector<std::string> cut(std::vector<T>& list, std::size_t limit) {
    if (limit == 0 || list.size() <= limit) return {};
    list.resize(limit);
    return {"results truncated due to limit"};
}

class QueryApi {
public:
    explicit QueryApi(QuerySources sources) : sources_(sources) {}

    Response instant(const Request& request) {
        const auto limit = limit_parameter(request);
        if (!limit) return limit.error();
        const auto at = time_parameter(request, "time", sources_.clock.now());
        if (!at) return at.error();
        const auto settings = engine_parameters(request, sources_.engine.settings());
        if (!settings) return settings.error();
        const auto query = query_parameter(request, features());
        if (!query) return query.error();
        if (auto refusal = bad_durations(**query)) return std::move(*refusal);
        if (auto refusal = no_time(*settings)) return std::move(*refusal);
        const promql::Engine engine = sources_.engine.with(*settings);
        return evaluate(request, *limit, [&](promql::QueryStatistics& cost) {
            return engine.instant(**query, *at, sources_.series, request.stop, &cost);
        });
    }

    Response range(const Request& request) {
        const auto limit = limit_parameter(request);
        if (!limit) return limit.error();
        const auto start = bound_parameter(request, "start");
        if (!start) return start.error();
        const auto end = bound_parameter(request, "end");
        if (!end) return end.error();
        if (*end < *start)
            return bad_parameter("end", "end timestamp must not be before start time");
        const Result<Milliseconds> step = parse_step(request.param("step"));
        if (!step) return bad_parameter("step", step.error().message);
        if (step->count() <= 0)
            return bad_parameter("step",
                                 "zero or negative query resolution step widths are not accepted. "
                                 "Try a positive integer");
        if ((*end - *start) / *step > static_cast<std::int64_t>(limits::query_steps_max))
            return api_error(ApiError::BadData,
                             "exceeded maximum resolution of 11,000 points per timeseries. Try "
                             "decreasing the query resolution (?step=XX)");
        const auto settings = engine_parameters(request, sources_.engine.settings());
        if (!settings) return settings.error();
        const auto query = query_parameter(request, features());
        if (!query) return query.error();
        const promql::Type type = (*query)->type;
        if (type != promql::Type::Scalar && type != promql::Type::Vector)
            return bad_parameter("query", fmt::format("invalid expression type \"{}\" for range "
                                                      "query, must be Scalar or instant Vector",
                                                      promql::to_string(type)));
        if (auto refusal = bad_durations(**query)) return std::move(*refusal);
        if (auto refusal = no_time(*settings)) return std::move(*refusal);
        const promql::Engine engine = sources_.engine.with(*settings);
        return evaluate(request, *limit, [&](promql::QueryStatistics& cost) {
            return engine.range(**query, *start, *end, *step, sources_.series, request.stop, &cost);
        });
    }

    Response series(const Request& request) {
        if (request.params("match[]").empty())
            return api_error(ApiError::BadData, "no match[] parameter provided");
        return about_labels(
            request, true, [&](LabelSource::Selectors selectors, Window window, std::size_t limit) {
                Result<std::vector<Labels>> found = sources_.labels.series_in(selectors, window);
                if (!found) return api_failure(found.error());
                const auto warnings = cut(*found, limit);
                return api_success(
                    [&](JsonWriter& json) {
                        json.begin_list();
                        for (const Labels& labels : *found) json.labels(labels);
                        json.end_list();
                    },
                    warnings);
            });
    }

    Response label_names(const Request& request) {
        return about_labels(
            request, false,
            [&](LabelSource::Selectors selectors, Window window, std::size_t limit) {
                return texts(sources_.labels.label_names(selectors, window), limit);
            });
    }

    Response label_values(const Request& request) {
        std::string name(request.capture("name"));
        if (name.starts_with("U__"))
            if (std::string meant = unescape(name); !meant.empty()) name = std::move(meant);
        if (name.empty() || !is_utf8(name))
            return api_error(ApiError::BadData, fmt::format("invalid label name: {}", quote(name)));
        return about_labels(
            request, false,
            [&](LabelSource::Selectors selectors, Window window, std::size_t limit) {
                return texts(sources_.labels.label_values(name, selectors, window), limit);
            });
    }

    Response format(const Request& request) {
        const auto query = query_parameter(request, features());
        if (!query) return query.error();
        return api_success([&](JsonWriter& json) { json.value(promql::print_pretty(**query)); });
    }

    Response parse(const Request& request) {
        const auto query = query_parameter(request, features());
        if (!query) return query.error();
        return api_success([&](JsonWriter& json) { write_parse_tree(json, **query); });
    }

private:
    promql::Features features() const { return sources_.engine.settings().features; }

    template <typename Evaluate>
    Response evaluate(const Request& request, std::size_t limit, Evaluate run) {
        struct Turn {
            std::atomic<std::size_t>& count;
            std::size_t before = count.fetch_add(1);
            ~Turn() { count.fetch_sub(1); }
        } turn{in_flight_};
        if (turn.before >= limits::queries_in_flight_max)
            return api_error(ApiError::Unavailable,
                             fmt::format("{} queries are running already; try again",
                                         limits::queries_in_flight_max));
        promql::QueryStatistics cost;
        Result<QueryResult> result = run(cost);
        if (!result) return api_failure(result.error());
        std::vector<std::string> warnings = result->warnings;
        const bool listed =
            result->kind == QueryResult::Kind::Vector || result->kind == QueryResult::Kind::Matrix;
        if (listed)
            for (std::string& warning : cut(result->series, limit))
                warnings.push_back(std::move(warning));
        const std::string_view stats = request.param("stats");
        const bool by_step = stats == "all" && features().per_step_stats;
        return api_success(
            [&](JsonWriter& json) {
                write_result(json, *result, stats.empty() ? nullptr : &cost, by_step);
            },
            warnings, result->infos);
    }

    /// Reads what `series`, `labels` and `label values` share, then answers. `named`: a refusal
    /// names the parameter, as Prometheus does for `series` alone.
    template <typename Answer>
    Response about_labels(const Request& request, bool named, Answer answer) {
        constexpr Timestamp earliest{-9'000'000'000'000'000}, latest{9'000'000'000'000'000};
        const auto limit = limit_parameter(request);
        if (!limit) return limit.error();
        const auto start = time_parameter(request, "start", earliest);
        if (!start) return start.error();
        const auto end = time_parameter(request, "end", latest);
        if (!end) return end.error();
        const auto selectors = match_parameters(request);
        if (!selectors)
            return named ? bad_parameter("match[]", selectors.error().message)
                         : api_error(ApiError::BadData, selectors.error().message);
        // These calls include both ends, a window is open on the left.
        return answer(LabelSource::Selectors(*selectors), Window{*start - Milliseconds(1), *end},
                      *limit);
    }

    static Response texts(Result<std::vector<std::string>> found, std::size_t limit) {
        if (!found) return api_failure(found.error());
        const auto warnings = cut(*found, limit);
        return api_success(
            [&](JsonWriter& json) {
                json.begin_list();
                for (const std::string& text : *found) json.value(text);
                json.end_list();
            },
            warnings);
    }

    /// `U__http_2e_status` is `http.status`: how clients put any name into a path. Empty when it is
    /// not written like that.
    static std::string unescape(std::string_view text) {
        text.remove_prefix(3);
        std::string out;
        while (!text.empty()) {
            const std::size_t at = std::min(text.find('_'), text.size());
            out += text.substr(0, at);
            text.remove_prefix(at);
            if (text.empty()) break;
            const std::size_t close = text.find('_', 1);
            if (close == std::string_view::npos) return {};
            const std::string_view code = text.substr(1, close - 1);
            unsigned number = 0;
            const auto read = std::from_chars(code.data(), code.data() + code.size(), number, 16);
            if (code.empty())
                out += '_';
            else if (read.ec != std::errc() || read.ptr != code.data() + code.size() ||
                     number > 0x10ffff)
                return {};
            else
                append_utf8(out, number);
            text.remove_prefix(close + 1);
        }
        return out;
    }

    static void append_utf8(std::string& out, unsigned code) {
        const auto byte = [&](unsigned bits) { out += static_cast<char>(bits); };
        if (code < 0x80) return byte(code);
        if (code < 0x800) {
            byte(0xc0 | code >> 6);
        } else if (code < 0x10000) {
            byte(0xe0 | code >> 12);
            byte(0x80 | (code >> 6 & 0x3f));
        } else {
            byte(0xf0 | code >> 18);
            byte(0x80 | (code >> 12 & 0x3f));
            byte(0x80 | (code >> 6 & 0x3f));
        }
        byte(0x80 | (code & 0x3f));
    }

    QuerySources sources_;
    std::atomic<std::size_t> in_flight_{0};
};

}  // namespace

std::vector<Route> query_routes(QuerySources sources) {
    const auto api = std::make_shared<QueryApi>(sources);
    std::vector<Route> routes;
    const auto add = [&](std::string_view path, Response (QueryApi::*answer)(const Request&),
                         bool post) {
        for (const char* method : {"GET", "POST"}) {
            if (std::string_view(method) == "POST" && !post) continue;
            routes.push_back({.method = method,
                              .path = std::string(path),
                              .role = Role::Viewer,
                              .group = PathGroup::Api,
                              .weight = Weight::Measured,
                              .answer = [api, answer](const Request& request) {
                                  return ((*api).*answer)(request);
                              }});
        }
    };
    add("/api/v1/query", &QueryApi::instant, true);
    add("/api/v1/query_range", &QueryApi::range, true);
    add("/api/v1/series", &QueryApi::series, true);
    add("/api/v1/labels", &QueryApi::label_names, true);
    add("/api/v1/label/{name}/values", &QueryApi::label_values, false);
    add("/api/v1/format_query", &QueryApi::format, true);
    add("/api/v1/parse_query", &QueryApi::parse, true);
    return routes;
}

}  // namespace vedette::exporter
