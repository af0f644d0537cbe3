#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "core/query.h"
#include "promql/engine.h"
#include "promql/parse.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

namespace vedette::promql {

inline Labels recorded_labels(const nlohmann::json& object) {
    LabelsBuilder labels;
    for (const auto& [name, value] : object.items()) labels.set(name, value.get<std::string>());
    return labels.build();
}

/// The data of a recorded file, as a source.
inline MemorySource recorded_data(const nlohmann::json& file) {
    MemorySource source;
    for (const auto& series : file["data"]) {
        const Labels built = recorded_labels(series[0]);
        for (const auto& sample : series[1]) {
            const double value = sample[1].is_number() ? sample[1].get<double>()
                                 : sample[1] == "stale"
                                     ? stale_marker()
                                     : parse_value(sample[1].get<std::string>()).value();
            source.add(built, {sample[0].get<std::int64_t>()}, value);
        }
    }
    return source;
}

inline Timestamp recorded_time(const nlohmann::json& seconds) {
    return {std::llround(seconds.get<double>() * 1000)};
}

inline Result<QueryResult> ask(const nlohmann::json& row, SeriesSource& source) {
    const ManualClock clock;
    const Engine engine({}, clock);
    const Result<ExprPtr> expr = parse(row["query"].get<std::string>());
    if (!expr) return fail(expr.error());
    if (row.contains("at")) return engine.instant(**expr, recorded_time(row["at"]), source);
    return engine.range(**expr, recorded_time(row["start"]), recorded_time(row["end"]),
                        recorded_time(row["step"]) - Timestamp{0}, source);
}

/// Equal, or apart by no more than rounding in another order of summation makes.
inline bool close(double a, double b, double tolerance) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    if (a == b) return true;
    return std::abs(a - b) <= tolerance * std::max({1.0, std::abs(a), std::abs(b)});
}

/// Which of several duplicates is named first depends on the order in which series came to be
/// stored.
inline std::string without_the_example(std::string error) {
    return error.starts_with("found duplicate series") ? error.substr(0, 22) : error;
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
        if (theirs.size() < 10 && ours != theirs) return nlohmann::json(ours).dump();
    }
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
            const double value = std::get<double>(samples[i].value);
            const double expected = parse_value(series[1][i][1].get<std::string>()).value();
            if (samples[i].at != recorded_time(series[1][i][0]) ||
                !close(value, expected, tolerance))
                return series[0].dump() + " at " + std::to_string(samples[i].at.seconds()) + ": " +
                       format_value(value) + ", expected " + series[1][i].dump();
        }
    }
    return {};
}

}  // namespace vedette::promql
