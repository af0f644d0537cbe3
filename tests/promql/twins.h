#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/query.h"

namespace vedette::promql {

/// Which of several duplicates is named first is nobody's promise.
inline std::string without_example(const std::string& error) {
    return error.starts_with("found duplicate series") ? "found duplicate series" : error;
}

/// The same bits, or as near as sums in another order come.
inline bool agree(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b);
    if (std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || a == b) return true;
    return std::abs(a - b) <= 1e-12 * std::max(std::abs(a), std::abs(b));
}

inline std::string shown(const QueryResult::Series& series) {
    std::string out = to_string(series.labels);
    for (const Sample& sample : series.samples)
        out +=
            ' ' + format_value(std::get<double>(sample.value)) + '@' + std::to_string(sample.at.ms);
    return out;
}

inline bool agree(const QueryResult::Series& a, const QueryResult::Series& b) {
    if (a.labels != b.labels || a.samples.size() != b.samples.size()) return false;
    for (std::size_t i = 0; i < a.samples.size(); ++i)
        if (a.samples[i].at != b.samples[i].at ||
            !agree(std::get<double>(a.samples[i].value), std::get<double>(b.samples[i].value)))
            return false;
    return true;
}

/// What differs, in words; empty when nothing does. `in_order`: the order of series counts.
inline std::string twin_difference(Result<QueryResult> fast, Result<QueryResult> slow, bool in_order) {
    if (!fast || !slow) {
        const std::string a = fast ? "an answer" : without_example(fast.error().message);
        const std::string b = slow ? "an answer" : without_example(slow.error().message);
        return a == b ? "" : a + "; expected " + b;
    }
    if (fast->kind != slow->kind) return "another kind of answer";
    for (auto* result : {&*fast, &*slow})
        if (!in_order)
            std::sort(result->series.begin(), result->series.end(),
                      [](const auto& a, const auto& b) { return a.labels < b.labels; });
    for (std::size_t i = 0; i < std::max(fast->series.size(), slow->series.size()); ++i) {
        const std::string a = i < fast->series.size() ? shown(fast->series[i]) : "nothing";
        const std::string b = i < slow->series.size() ? shown(slow->series[i]) : "nothing";
        if (a == "nothing" || b == "nothing" || !agree(fast->series[i], slow->series[i]))
            return a + "\nexpected " + b;
    }
    return {};
}

}  // namespace vedette::promql
