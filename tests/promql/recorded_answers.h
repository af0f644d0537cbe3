#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "core/histogram.h"
#include "core/query.h"
#include "promql/engine.h"
#include "promql/syntax/parse.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

namespace vedette::promql {

inline Labels recorded_labels(const nlohmann::json& object) {
    LabelsBuilder labels;
    for (const auto& [name, value] : object.items()) labels.set(name, value.get<std::string>());
    return labels.build();
}

inline double recorded_number(const nlohmann::json& value) {
    if (value.is_number()) return value.get<double>();
    return value == "stale" ? stale_marker() : parse_value(value.get<std::string>()).value();
}

/// One as tests/differential/random_data.py writes it.
inline std::shared_ptr<Histogram> recorded_histogram(const nlohmann::json& value) {
    auto out = std::make_shared<Histogram>();
    const auto spans = [&](const char* name, std::vector<Histogram::Span>& into) {
        for (const auto& span : value.value(name, nlohmann::json::array()))
            into.push_back({span[0].get<std::int32_t>(), span[1].get<std::uint32_t>()});
    };
    spans("positive", out->positive_spans);
    spans("negative", out->negative_spans);
    out->positive_buckets = value.value("positive_counts", std::vector<double>());
    out->negative_buckets = value.value("negative_counts", std::vector<double>());
    out->custom_bounds = value.value("custom", std::vector<double>());
    out->schema = value["schema"].get<std::int32_t>();
    out->count = value["count"].get<double>();
    out->sum = recorded_number(value["sum"]);
    if (value.contains("zero")) {
        out->zero_threshold = value["zero"][0].get<double>();
        out->zero_count = value["zero"][1].get<double>();
    }
    using Hint = Histogram::ResetHint;
    const std::string hint = value.value("hint", "");
    out->reset_hint = hint == "gauge"       ? Hint::Gauge
                      : hint == "reset"     ? Hint::Reset
                      : hint == "not reset" ? Hint::NotReset
                                            : Hint::Unknown;
    return out;
}

/// The data of a recorded file, as a source.
inline MemorySource recorded_data(const nlohmann::json& file) {
    MemorySource source;
    for (const auto& series : file["data"]) {
        const Labels built = recorded_labels(series[0]);
        HistogramRef before;
        for (const auto& sample : series[1]) {
            const Timestamp at{sample[0].get<std::int64_t>()};
            if (!sample[1].is_object()) {
                source.add(built, at, recorded_number(sample[1]));
                before = nullptr;
                continue;
            }
            const auto histogram = recorded_histogram(sample[1]);
            histogram->reset_hint = stored_reset_hint(*histogram, before.get());
            source.add(built, at, before = histogram);
        }
    }
    return source;
}

inline Timestamp recorded_time(const nlohmann::json& seconds) {
    return {std::llround(seconds.get<double>() * 1000)};
}

/// Rows that name no features have none; 1 stands for those of the language, 2 for delayed name
/// removal beside them.
inline Features recorded_features(const nlohmann::json& row) {
    const int part = row.value("features", 0);
    Features features;
    features.experimental_functions = features.duration_expressions = part > 0;
    features.delayed_name_removal = part > 1;
    return features;
}

inline Result<QueryResult> ask(const nlohmann::json& row, SeriesSource& source) {
    const ManualClock clock;
    EngineSettings settings;
    settings.features = recorded_features(row);
    const Engine engine(settings, clock);
    const Result<ExprPtr> expr =
        parse(row["query"].get<std::string>(), nullptr, settings.features);
    if (!expr) return fail(expr.error());
    if (row.contains("at")) return engine.instant(**expr, recorded_time(row["at"]), source);
    return engine.range(**expr, recorded_time(row["start"]), recorded_time(row["end"]),
                        recorded_time(row["step"]) - Timestamp{0}, source);
}

/// The same bits, or apart by no more than `tolerance` of the larger.
inline bool close(double a, double b, double tolerance) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    if (a == b) return std::signbit(a) == std::signbit(b) || tolerance > 0;
    return std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b));
}

/// A value as the HTTP API shows it: a number, or count, sum and the buckets that are not empty.
inline bool close(const Value& value, const nlohmann::json& expected, double tolerance) {
    const auto same = [&](double got, const nlohmann::json& wanted) {
        return close(got, parse_value(wanted.get<std::string>()).value(), tolerance);
    };
    if (const double* number = std::get_if<double>(&value))
        return expected.is_string() && same(*number, expected);
    if (!expected.is_object()) return false;
    const Histogram& histogram = *std::get<HistogramRef>(value);
    const auto wanted = expected.value("buckets", nlohmann::json::array());
    std::size_t seen = 0;
    bool all = same(histogram.count, expected["count"]) && same(histogram.sum, expected["sum"]);
    for (const HistogramBucket& bucket : all_buckets(histogram)) {
        if (bucket.count == 0) continue;
        if (seen == wanted.size()) return false;
        const auto& row = wanted[seen++];
        const int rule = bucket.lower_inclusive ? (bucket.upper_inclusive ? 3 : 1)
                                                : (bucket.upper_inclusive ? 0 : 2);
        all &= row[0] == rule && same(bucket.lower, row[1]) && same(bucket.upper, row[2]) &&
               same(bucket.count, row[3]);
    }
    return all && seen == wanted.size();
}

/// Which of several duplicates is named first depends on the order in which series came to be
/// stored.
inline std::string without_the_example(std::string error) {
    return error.starts_with("found duplicate series") ? error.substr(0, 22) : error;
}

inline std::string shown(const Value& value) {
    const double* number = std::get_if<double>(&value);
    return number != nullptr ? format_value(*number) : to_string(*std::get<HistogramRef>(value));
}

/// What differs between an answer and the recorded one, in words; empty when nothing does.
inline std::string difference(const nlohmann::json& row, const Result<QueryResult>& got,
                              double tolerance) {
    if (row.contains("error"))
        return got ? "an answer; expected the error " + row["error"].get<std::string>()
               : without_the_example(got.error().message) == without_the_example(row["error"])
                   ? ""
                   : "the error " + got.error().message;
    if (!got) return "the error " + got.error().message;
    if (to_string(got->kind) != row["type"].get<std::string>())
        return "a " + std::string(to_string(got->kind));
    for (const auto* name : {"warnings", "infos"}) {
        const auto& ours = std::string(name) == "infos" ? got->infos : got->warnings;
        const auto theirs = row.value(name, std::vector<std::string>());
        // More than ten are shown with the number of those left out.
        if (theirs.size() < 11 && ours != theirs)
            return nlohmann::json(ours).dump() + "; expected " + nlohmann::json(theirs).dump();
    }
    if (got->kind == QueryResult::Kind::String)
        return got->text == row["series"][0][1][0][1] ? "" : "the text " + got->text;
    std::map<Labels, const QueryResult::Series*> ours;
    for (const auto& series : got->series) ours[series.labels] = &series;
    if (ours.size() != row["series"].size())
        return std::to_string(ours.size()) + " series, expected " +
               std::to_string(row["series"].size());
    for (const auto& series : row["series"]) {
        const auto at = ours.find(recorded_labels(series[0]));
        if (at == ours.end()) return "no series " + series[0].dump();
        const auto& samples = at->second->samples;
        if (samples.size() != series[1].size())
            return std::to_string(samples.size()) + " samples of " + series[0].dump() +
                   ", expected " + std::to_string(series[1].size());
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const Value& value = samples[i].value;
            if (samples[i].at != recorded_time(series[1][i][0]) ||
                !close(value, series[1][i][1], tolerance))
                return series[0].dump() + " at " + std::to_string(samples[i].at.seconds()) + ": " +
                       shown(value) + ", expected " + series[1][i].dump();
        }
    }
    return {};
}

}  // namespace vedette::promql
