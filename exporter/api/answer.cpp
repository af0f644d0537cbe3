#include "exporter/api/answer.h"

#include <fmt/format.h>

#include <cmath>

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

Response api_success(const std::function<void(JsonWriter&)>& write,
                     const std::vector<std::string>& warnings,
                     const std::vector<std::string>& infos) {
    JsonWriter json;
    json.begin_object().field("status", "success").key("data");
    write(json);
    write_texts(json, "warnings", warnings);
    write_texts(json, "infos", infos);
    json.end_object();
    return json_response(200, json.take());
}

// ── results
// ────────────────────────────────────────────────────────────────────────────────────────

namespace {

/// Upper bound of bucket `index` (bucket i of schema n ends at 2^(i / 2^n)); custom bounds are
/// listed.
double upper_bound(const Histogram& histogram, std::int32_t index) {
    if (histogram.schema == -53) {
        const auto at = static_cast<std::size_t>(index);
        return index >= 0 && at < histogram.custom_bounds.size() ? histogram.custom_bounds[at]
                                                                 : INFINITY;
    }
    return std::exp2(static_cast<double>(index) *
                     std::exp2(-static_cast<double>(histogram.schema)));
}

void write_bucket(JsonWriter& json, int rule, double lower, double upper, double count) {
    if (count == 0) return;
    json.begin_list()
        .value(rule)
        .sample_value(lower)
        .sample_value(upper)
        .sample_value(count)
        .end_list();
}

/// Calls `each(index, count)` from the lowest bucket to the highest.
template <typename Each>
void for_buckets(const std::vector<Histogram::Span>& spans, const std::vector<double>& counts,
                 Each each) {
    std::int32_t index = 0;
    std::size_t next = 0;
    for (const Histogram::Span& span : spans) {
        index += span.offset;
        for (std::uint32_t i = 0; i < span.length; ++i, ++index) each(index, counts[next++]);
    }
}

/// `{"count":…,"sum":…,"buckets":[[rule, lower, upper, count] …]}`; rule 0: open left, 1: open
/// right, 3: closed on both sides.
void write_histogram(JsonWriter& json, const Histogram& h) {
    json.begin_object()
        .key("count")
        .sample_value(h.count)
        .key("sum")
        .sample_value(h.sum)
        .key("buckets")
        .begin_list();
    std::vector<std::pair<std::int32_t, double>> negative;
    for_buckets(h.negative_spans, h.negative_buckets,
                [&](std::int32_t i, double c) { negative.emplace_back(i, c); });
    for (auto at = negative.rbegin(); at != negative.rend(); ++at)
        write_bucket(json, 1, -upper_bound(h, at->first), -upper_bound(h, at->first - 1),
                     at->second);
    write_bucket(json, 3, -h.zero_threshold, h.zero_threshold, h.zero_count);
    for_buckets(h.positive_spans, h.positive_buckets, [&](std::int32_t i, double c) {
        const bool lowest_custom = h.schema == -53 && i == 0;
        write_bucket(json, 0, lowest_custom ? -INFINITY : upper_bound(h, i - 1), upper_bound(h, i),
                     c);
    });
    json.end_list().end_object();
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

}  // namespace

void write_result(JsonWriter& json, const QueryResult& result) {
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
    json.end_object();
}

// ── parameters
// ─────────────────────────────────────────────────────────────────────────────────────

namespace {

constexpr double seconds_max = 9223372036.0;  // Go's time.Duration counts nanoseconds in 64 bits

}  // namespace

Result<Timestamp> parse_time(std::string_view text) {
    if (const Result<double> seconds = parse_value(text);
        seconds && std::isfinite(*seconds) && std::fabs(*seconds) < 9.2e15)
        return Timestamp{static_cast<std::int64_t>(std::llround(*seconds * 1000))};
    if (const Result<Timestamp> at = parse_rfc3339(text)) return *at;
    return fail(Fault::BadInput, fmt::format("cannot parse {} to a valid timestamp", quote(text)));
}

Result<Milliseconds> parse_step(std::string_view text) {
    if (const Result<double> seconds = parse_value(text)) {
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
