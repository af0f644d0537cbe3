#include "exporter/api/answer.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "core/histogram.h"
#include "core/sample.h"

namespace vedette::exporter {

namespace {

struct Kind {
    int status;
    std::string_view word;
};

Kind kind_of(ApiError error) {
    switch (error) {
        case ApiError::BadData:
            return {400, "bad_data"};
        case ApiError::Execution:
            return {422, "execution"};
        case ApiError::Timeout:
            return {503, "timeout"};
        case ApiError::Canceled:
            return {499, "canceled"};
        case ApiError::NotFound:
            return {404, "not_found"};
        case ApiError::Internal:
            return {500, "internal"};
        case ApiError::Unavailable:
            return {503, "unavailable"};
    }
    return {500, "internal"};
}

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    json.key(name).begin_list();
    for (const std::string& text : texts) json.value(text);
    json.end_list();
}

}  // namespace

Response api_error(ApiError kind, std::string_view message) {
    const Kind found = kind_of(kind);
    JsonWriter json;
    json.begin_object()
        .field("status", "error")
        .field("errorType", found.word)
        .field("error", message)
        .end_object();
    return json_response(found.status, json.take());
}

Response api_failure(const Error& error) {
    switch (error.fault) {
        case Fault::Timeout:
            return api_error(ApiError::Timeout, error.message);
        case Fault::Cancelled:
            return api_error(ApiError::Canceled, error.message);
        case Fault::NotFound:
            return api_error(ApiError::NotFound, error.message);
        case Fault::Unavailable:
            return api_error(ApiError::Unavailable, error.message);
        case Fault::BadInput:
        case Fault::Limit:
            return api_error(ApiError::Execution, error.message);
        default:
            return api_error(ApiError::Internal, error.message);
    }
}

Response bad_parameter(std::string_view name, std::string_view why) {
    return api_error(ApiError::BadData, fmt::format("invalid parameter \"{}\": {}", name, why));
}

namespace {

/// As many as Prometheus shows of them, and how many more there are.
std::vector<std::string> first_annotations(std::vector<std::string> texts, std::string_view kind) {
    constexpr std::size_t shown_max = 10;
    if (texts.size() <= shown_max) return texts;
    const std::size_t omitted = texts.size() - shown_max;
    texts.resize(shown_max);
    texts.push_back(fmt::format("{} more {} annotations omitted", omitted, kind));
    return texts;
}

}  // namespace

Response api_success(const std::function<void(JsonWriter&)>& write,
                     const std::vector<std::string>& warnings,
                     const std::vector<std::string>& infos) {
    JsonWriter json;
    json.begin_object().field("status", "success").key("data");
    write(json);
    write_texts(json, "warnings", first_annotations(warnings, "warning"));
    write_texts(json, "infos", first_annotations(infos, "info"));
    json.end_object();
    return json_response(200, json.take());
}

// ── results
// ────────────────────────────────────────────────────────────────────────────────────────

namespace {

/// 0: closed above, 1: closed below, 2: open, 3: closed on both sides.
int rule_of(const HistogramBucket& bucket) {
    if (bucket.lower_inclusive) return bucket.upper_inclusive ? 3 : 1;
    return bucket.upper_inclusive ? 0 : 2;
}

/// `{"count":…,"sum":…,"buckets":[[rule, lower, upper, count] …]}`; empty buckets are left out.
void write_histogram(JsonWriter& json, const Histogram& histogram) {
    json.begin_object()
        .key("count")
        .sample_value(histogram.count)
        .key("sum")
        .sample_value(histogram.sum);
    bool any = false;
    for (const HistogramBucket& bucket : all_buckets(histogram)) {
        if (bucket.count == 0) continue;
        if (!std::exchange(any, true)) json.key("buckets").begin_list();
        json.begin_list()
            .value(rule_of(bucket))
            .sample_value(bucket.lower)
            .sample_value(bucket.upper)
            .sample_value(bucket.count)
            .end_list();
    }
    if (any) json.end_list();
    json.end_object();
}

void write_point(JsonWriter& json, const Sample& sample) {
    json.begin_list().timestamp(sample.at);
    if (const double* number = std::get_if<double>(&sample.value))
        json.sample_value(*number);
    else
        write_histogram(json, *std::get<HistogramRef>(sample.value));
    json.end_list();
}

bool is_float(const Sample& sample) {
    return std::holds_alternative<double>(sample.value);
}

void write_points(JsonWriter& json, std::string_view key, const std::vector<Sample>& samples,
                  bool floats) {
    bool any = false;
    for (const Sample& sample : samples) any = any || is_float(sample) == floats;
    if (!any) return;
    json.key(key).begin_list();
    for (const Sample& sample : samples)
        if (is_float(sample) == floats) write_point(json, sample);
    json.end_list();
}

void write_series(JsonWriter& json, const QueryResult::Series& series, bool matrix) {
    json.begin_object().key("metric").labels(series.labels);
    if (matrix) {
        write_points(json, "values", series.samples, true);
        write_points(json, "histograms", series.samples, false);
    } else if (!series.samples.empty()) {
        json.key(is_float(series.samples[0]) ? "value" : "histogram");
        write_point(json, series.samples[0]);
    }
    json.end_object();
}

/// `"stats":{"timings":{…},"samples":{"totalQueryableSamplesPerStep":[[1.5,2] …],…}}`; nobody waits
/// in a queue here.
void write_statistics(JsonWriter& json, const promql::QueryStatistics& cost, bool by_step) {
    const double evaluated = cost.evaluating.count(),
                 all = cost.preparing.count() + evaluated + cost.sorting.count();
    json.key("stats").begin_object().key("timings").begin_object();
    json.field("evalTotalTime", all)
        .field("resultSortTime", cost.sorting.count())
        .field("queryPreparationTime", cost.preparing.count())
        .field("innerEvalTime", evaluated)
        .field("execQueueTime", 0)
        .field("execTotalTime", all)
        .end_object();
    json.key("samples").begin_object();
    if (by_step) {
        json.key("totalQueryableSamplesPerStep").begin_list();
        for (std::size_t i = 0; i < cost.samples_at_steps.size(); ++i)
            json.begin_list()
                .value(static_cast<double>(cost.steps.at(i)) / 1000)
                .value(cost.samples_at_steps[i])
                .end_list();
        json.end_list();
    }
    json.field("totalQueryableSamples", cost.samples_read)
        .field("peakSamples", cost.samples_peak)
        .end_object()
        .end_object();
}

}  // namespace

void write_result(JsonWriter& json, const QueryResult& result, const promql::QueryStatistics* cost,
                  bool by_step) {
    json.begin_object().field("resultType", to_string(result.kind)).key("result");
    switch (result.kind) {
        case QueryResult::Kind::Scalar:
            check(result.series.size() == 1 && result.series[0].samples.size() == 1,
                  "a scalar is one sample");
            write_point(json, result.series[0].samples[0]);
            break;
        case QueryResult::Kind::String:
            json.begin_list().timestamp(result.at).value(result.text).end_list();
            break;
        default:
            json.begin_list();
            for (const QueryResult::Series& series : result.series)
                write_series(json, series, result.kind == QueryResult::Kind::Matrix);
            json.end_list();
    }
    if (cost != nullptr) write_statistics(json, *cost, by_step);
    json.end_object();
}

// ── parameters
// ─────────────────────────────────────────────────────────────────────────────────────

namespace {

constexpr double seconds_max = 9223372036.0;  // Go's time.Duration counts nanoseconds in 64 bits

}  // namespace

Route api_get(std::string_view path, std::function<Response(const Request&)> answer) {
    return {.method = "GET",
            .path = std::string(path),
            .role = Role::Viewer,
            .group = PathGroup::Api,
            .weight = Weight::Worker,
            .answer = std::move(answer)};
}

Result<Timestamp> parse_time(std::string_view text) {
    if (const Result<double> seconds = parse_value(text);
        seconds && std::isfinite(*seconds) && std::fabs(*seconds) < 9.2e15)
        return Timestamp{static_cast<std::int64_t>(std::llround(*seconds * 1000))};
    if (const Result<Timestamp> at = parse_rfc3339(text)) return *at;
    return fail(Fault::BadInput, fmt::format("cannot parse {} to a valid timestamp", quote(text)));
}

Result<Milliseconds> parse_step(std::string_view text) {
    if (const Result<double> seconds = parse_value(text)) {
        // Go makes the smallest of all durations of what is no number.
        if (std::isnan(*seconds)) return Milliseconds(-static_cast<std::int64_t>(seconds_max));
        if (!std::isfinite(*seconds) || std::fabs(*seconds) > seconds_max)
            return fail(Fault::BadInput,
                        fmt::format("cannot parse {} to a valid duration. It overflows int64",
                                    quote(text)));
        return Milliseconds(static_cast<std::int64_t>(*seconds * 1000));
    }
    if (const Result<Milliseconds> step = parse_duration(text)) return *step;
    return fail(Fault::BadInput, fmt::format("cannot parse {} to a valid duration", quote(text)));
}

}  // namespace vedette::exporter
