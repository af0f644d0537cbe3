#include "tests/promql/slow_histograms.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "promql/functions/go_math.h"

namespace vedette::promql {

namespace {

using Hint = Histogram::ResetHint;
constexpr double infinity = std::numeric_limits<double>::infinity();

Value made(Histogram histogram, bool compacted = true) {
    if (compacted) compact(histogram);
    return std::make_shared<const Histogram>(std::move(histogram));
}

Histogram times(Histogram histogram, double factor) {
    multiply(histogram, factor);
    return histogram;
}

Histogram over(Histogram histogram, double divisor) {
    divide(histogram, divisor);
    return histogram;
}

std::optional<Histogram> sum_of(const std::vector<HistogramRef>& all, bool mean) {
    Histogram sum = *all.front();
    for (std::size_t i = 1; i < all.size(); ++i) {
        const double n = static_cast<double>(i + 1);
        Histogram more = mean ? over(*all[i], n) : *all[i];
        if (mean && subtract(more, over(sum, n)) != Incompatible::No) return std::nullopt;
        if (add(sum, more) != Incompatible::No) return std::nullopt;
    }
    return sum;
}

/// The change over all histograms; each that stands before a reset is added.
std::optional<Histogram> change_of(const std::vector<HistogramRef>& all, bool counter) {
    Histogram nothing;
    nothing.schema = all[1]->schema;
    nothing.custom_bounds = all[1]->custom_bounds;
    std::vector<const Histogram*> points;
    for (const HistogramRef& one : all) points.push_back(one.get());
    if (counter && is_reset(*all[1], *all[0])) points[0] = &nothing;
    std::int32_t schema = std::min(points.front()->schema, points.back()->schema);
    for (std::size_t i = 0; i < points.size(); ++i) {
        const bool looked_at = counter || i == 0 || i + 1 == points.size();
        if (!looked_at) continue;
        if (uses_custom_buckets(*points[i]) != uses_custom_buckets(*points[0])) return std::nullopt;
        schema = std::min(schema, points[i]->schema);
    }
    Histogram change = at_schema(*points.back(), schema);
    if (subtract(change, *points[0]) != Incompatible::No) return std::nullopt;
    for (std::size_t i = 1; counter && i < points.size(); ++i)
        if (is_reset(*points[i], *points[i - 1]) && add(change, *points[i - 1]) != Incompatible::No)
            return std::nullopt;
    change.reset_hint = Hint::Gauge;
    return change;
}

double seconds(std::int64_t ms) {
    return static_cast<double>(ms) / 1000;
}

std::optional<Value> rate(std::string_view function, const SlowWindow& window,
                          const std::vector<HistogramRef>& all) {
    if (all.size() < 2) return std::nullopt;
    const auto change = change_of(all, function != "delta");
    if (!change) return std::nullopt;
    const double covered = seconds(window.points.back().ms - window.points.front().ms);
    const double spacing = covered / static_cast<double>(all.size() - 1);
    double before = seconds(window.points.front().ms - window.begin);
    double after = seconds(window.end - window.points.back().ms);
    if (before >= spacing * 1.1) before = spacing / 2;
    if (after >= spacing * 1.1) after = spacing / 2;
    double factor = (covered + before + after) / covered;
    if (function == "rate") factor /= seconds(window.end - window.begin);
    Histogram out = *change;
    compact(out);
    return made(times(std::move(out), factor), false);
}

std::optional<Value> last_two(std::string_view function, const SlowWindow& window) {
    if (window.points.size() < 2) return std::nullopt;
    const SlowPoint &last = window.points.back(), &before = window.points[window.points.size() - 2];
    if (!last.histogram && !before.histogram) {
        const auto number =
            slow_over_time(function, {{before, last}, window.begin, window.end, 0}, 0);
        return number ? std::optional<Value>(*number) : std::nullopt;
    }
    if (!last.histogram || !before.histogram) return std::nullopt;
    Histogram change = *last.histogram;
    const bool after_reset = function == "irate" && is_reset(*last.histogram, *before.histogram);
    if (!after_reset && subtract(change, *before.histogram) != Incompatible::No)
        return std::nullopt;
    change.reset_hint = Hint::Gauge;
    if (function == "irate") change = over(std::move(change), seconds(last.ms - before.ms));
    return made(std::move(change));
}

std::size_t count_changes(std::string_view function, const SlowWindow& window) {
    std::size_t count = 0;
    for (std::size_t i = 1; i < window.points.size(); ++i) {
        const SlowPoint &now = window.points[i], &before = window.points[i - 1];
        if (!now.histogram != !before.histogram)
            ++count;
        else if (now.histogram)
            count += function == "resets"
                         ? is_reset(*now.histogram, *before.histogram)
                         : to_string(*now.histogram) != to_string(*before.histogram);
        else
            count += *slow_over_time(function, {{before, now}, 0, 0, 0}, 0) > 0;
    }
    return count;
}

/// A bucket of an exponential histogram on the scale on which its observations lie evenly.
double flattened(double value, bool linear) {
    return linear ? value : go::log2(std::abs(value));
}

bool is_linear(const Histogram& h, const HistogramBucket& bucket) {
    return uses_custom_buckets(h) || (bucket.lower <= 0 && bucket.upper >= 0);
}

void bound_zero(const Histogram& h, HistogramBucket& bucket, bool strictly) {
    const bool holds_zero =
        strictly ? bucket.lower < 0 && bucket.upper > 0 : bucket.lower <= 0 && bucket.upper >= 0;
    if (!holds_zero) return;
    if (h.negative_buckets.empty() && !h.positive_buckets.empty()) bucket.lower = 0;
    if (h.positive_buckets.empty() && !h.negative_buckets.empty()) bucket.upper = 0;
}

}  // namespace

SlowVector numbers_of(const SlowVector& vector) {
    SlowVector out;
    for (const SlowItem& item : vector)
        if (!item.histogram) out.push_back(item);
    return out;
}

std::optional<Value> slow_mixed_over_time(std::string_view function, const SlowWindow& window,
                                          double parameter) {
    std::vector<HistogramRef> histograms;
    SlowWindow numbers{{}, window.begin, window.end, window.now};
    for (const SlowPoint& point : window.points)
        if (point.histogram)
            histograms.push_back(point.histogram);
        else
            numbers.points.push_back(point);
    if (function == "count_over_time") return static_cast<double>(window.points.size());
    if (function == "present_over_time") return 1.0;
    if (function == "last_over_time")
        return value_of(window.points.back().value, window.points.back().histogram);
    if (function == "changes" || function == "resets")
        return static_cast<double>(count_changes(function, window));
    if (function == "irate" || function == "idelta") return last_two(function, window);
    const bool rates = function == "rate" || function == "increase" || function == "delta";
    const bool sums = function == "sum_over_time" || function == "avg_over_time";
    if (rates || sums) {
        if (!numbers.points.empty()) return std::nullopt;
        if (rates) return rate(function, window, histograms);
        auto sum = sum_of(histograms, function == "avg_over_time");
        return sum ? std::optional(made(std::move(*sum), false)) : std::nullopt;
    }
    const auto number = slow_over_time(function, numbers, parameter);
    return number ? std::optional<Value>(*number) : std::nullopt;
}

std::optional<Value> slow_mixed_fold(bool mean, const SlowVector& group) {
    std::vector<HistogramRef> histograms;
    for (const SlowItem& item : group) histograms.push_back(item.histogram);
    if (std::find(histograms.begin(), histograms.end(), nullptr) != histograms.end())
        return std::nullopt;
    auto sum = sum_of(histograms, mean);
    return sum ? std::optional(made(std::move(*sum))) : std::nullopt;
}

std::optional<Value> slow_mixed_operate(const Binary& binary, const Value& a, const Value& b) {
    const HistogramRef* left = std::get_if<HistogramRef>(&a);
    const HistogramRef* right = std::get_if<HistogramRef>(&b);
    const Op op = binary.op;
    if (left != nullptr && right != nullptr) {
        if (op == Op::Equal || op == Op::NotEqual) {
            const bool holds = same_data(**left, **right) == (op == Op::Equal);
            if (binary.return_bool) return holds ? 1.0 : 0.0;
            return holds ? std::optional(a) : std::nullopt;
        }
        Histogram out = **left;
        if (op == Op::Add && add(out, **right) == Incompatible::No) return made(std::move(out));
        if (op == Op::Sub && subtract(out, **right) == Incompatible::No)
            return made(std::move(out));
        return std::nullopt;
    }
    if (op == Op::Mul)
        return left != nullptr ? made(times(**left, std::get<double>(b)))
                               : made(times(**right, std::get<double>(a)));
    if (op == Op::Div && left != nullptr) return made(over(**left, std::get<double>(b)));
    return std::nullopt;
}

double slow_native_number(std::string_view function, const Histogram& h) {
    if (function == "histogram_count") return h.count;
    if (function == "histogram_sum") return h.sum;
    if (function == "histogram_avg") return h.sum / h.count;
    std::vector<double> squares;
    for (const HistogramBucket& bucket : all_buckets(h)) {
        double middle = (bucket.lower + bucket.upper) / 2;
        if (!uses_custom_buckets(h)) {
            middle = std::sqrt(bucket.lower * bucket.upper) * (bucket.upper < 0 ? -1 : 1);
            if (bucket.lower <= 0 && bucket.upper >= 0) middle = 0;
        }
        const double apart = middle - h.sum / h.count;
        if (bucket.count != 0) squares.push_back(bucket.count * apart * apart);
    }
    const double variance = (squares.empty() ? 0 : slow_sum(squares, 0)) / h.count;
    return function == "histogram_stdvar" ? variance : std::sqrt(variance);
}

double slow_native_quantile(double q, const Histogram& h) {
    if (q < 0 || q > 1) return q < 0 ? -infinity : infinity;
    if (h.count == 0 || std::isnan(q)) return std::nan("");
    std::vector<HistogramBucket> buckets = all_buckets(h);
    const bool nan = std::isnan(h.sum), upwards = nan || q < 0.5;
    if (!upwards) std::reverse(buckets.begin(), buckets.end());
    const double rank = (upwards ? q : 1 - q) * h.count;
    double below = 0;
    HistogramBucket found;
    bool is_last = true;
    for (const HistogramBucket& bucket : buckets) {
        found = bucket;
        is_last = &bucket == &buckets.back();
        below += bucket.count;
        if (bucket.count != 0 && below >= rank) break;
    }
    if (!uses_custom_buckets(h)) bound_zero(h, found, true);
    if (uses_custom_buckets(h) && found.lower == -infinity) {
        if (found.upper <= 0) return found.upper;
        found.lower = 0;
    } else if (uses_custom_buckets(h) && found.upper == infinity) {
        return found.lower;
    }
    below = std::min(below, h.count);
    if (below < rank) return nan ? std::nan("") : found.upper;
    const double into = upwards ? rank - (below - found.count) : below - rank;
    // With NaN among the observations the last bucket of all is gone on with.
    if (nan && !is_last) found = buckets.back();
    const double part = into / found.count;
    if (is_linear(h, found)) return found.lower + (found.upper - found.lower) * part;
    const double low = flattened(found.lower, false), high = flattened(found.upper, false);
    return found.lower > 0 ? go::exp2(low + (high - low) * part)
                           : -go::exp2(high + (low - high) * (1 - part));
}

double slow_native_fraction(double lower, double upper, const Histogram& h) {
    if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return std::nan("");
    if (lower >= upper) return 0;
    const std::vector<HistogramBucket> buckets = all_buckets(h);
    double all = 0;
    for (const HistogramBucket& bucket : buckets) all += bucket.count;
    const double most = std::isnan(h.sum) ? all : h.count;
    /// How many observations lie below `v`.
    const auto below = [&](double v) {
        double rank = 0;
        for (HistogramBucket bucket : buckets) {
            const bool linear = is_linear(h, bucket);
            if (linear && bucket.lower <= 0 && bucket.upper >= 0) bound_zero(h, bucket, false);
            if (bucket.lower >= v) return std::min(rank, most);
            if (bucket.upper > v) {
                const double low = flattened(bucket.lower, linear);
                const double high = flattened(bucket.upper, linear), at = flattened(v, linear);
                const double part =
                    linear || v > 0 ? (at - low) / (high - low) : 1 - (at - high) / (low - high);
                const double inside =
                    linear ? bucket.count * (at - low) / (high - low) : bucket.count * part;
                return rank + inside > most ? most : rank + inside;
            }
            rank += bucket.count;
        }
        return most;
    };
    return (below(upper) - below(lower)) / h.count;
}

}  // namespace vedette::promql
