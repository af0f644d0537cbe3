#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/histogram.h"
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

/// Two numbers, or two histograms that show the same buckets.
inline bool agree(const Value& a, const Value& b) {
    if (a.index() != b.index()) return false;
    if (const double* number = std::get_if<double>(&a)) return agree(*number, std::get<double>(b));
    const Histogram &x = *std::get<HistogramRef>(a), &y = *std::get<HistogramRef>(b);
    return agree(x.count, y.count) && agree(x.sum, y.sum) && x.reset_hint == y.reset_hint &&
           std::ranges::equal(all_buckets(x), all_buckets(y), [](const auto& p, const auto& q) {
               return p.lower == q.lower && p.upper == q.upper && agree(p.count, q.count);
           });
}

inline std::string twin_text(const QueryResult::Series& series) {
    std::string out = to_string(series.labels);
    for (const Sample& sample : series.samples) {
        const double* number = std::get_if<double>(&sample.value);
        out += ' ' + (number != nullptr ? format_value(*number)
                                        : to_string(*std::get<HistogramRef>(sample.value)));
        out += '@' + std::to_string(sample.at.ms);
    }
    return out;
}

inline bool agree(const QueryResult::Series& a, const QueryResult::Series& b) {
    if (a.labels != b.labels || a.samples.size() != b.samples.size()) return false;
    for (std::size_t i = 0; i < a.samples.size(); ++i)
        if (a.samples[i].at != b.samples[i].at || !agree(a.samples[i].value, b.samples[i].value))
            return false;
    return true;
}

/// What differs, in words; empty when nothing does. `in_order`: the order of series counts.
inline std::string twin_difference(Result<QueryResult> fast, Result<QueryResult> slow,
                                   bool in_order) {
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
        const std::string a = i < fast->series.size() ? twin_text(fast->series[i]) : "nothing";
        const std::string b = i < slow->series.size() ? twin_text(slow->series[i]) : "nothing";
        if (a == "nothing" || b == "nothing" || !agree(fast->series[i], slow->series[i]))
            return a + "\nexpected " + b;
    }
    return {};
}

}  // namespace vedette::promql
