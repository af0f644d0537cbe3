#include "tests/promql/slow_functions.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <functional>
#include <limits>
#include <map>
#include <string>

#include "promql/functions/go_math.h"

namespace vedette::promql {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// A sum with what rounding took from it, given back at the end (Kahan and Neumaier).
struct Exact {
    double sum = 0, lost = 0;

    void add(double value) {
        const double next = sum + value;
        const double larger = std::abs(sum) >= std::abs(value) ? sum : value;
        const double smaller = std::abs(sum) >= std::abs(value) ? value : sum;
        lost = std::isinf(next) ? 0 : lost + ((larger - next) + smaller);
        sum = next;
    }
    double both() const { return sum + lost; }
};

std::vector<double> values_of(const SlowWindow& window) {
    std::vector<double> out;
    for (const SlowPoint& point : window.points) out.push_back(point.value);
    return out;
}

double seconds(std::int64_t ms) {
    return static_cast<double>(ms) / 1000;
}

double variance_over_time(const std::vector<double>& values) {
    Exact mean, squares;
    double n = 0;
    for (const double value : values) {
        ++n;
        const double before = value - mean.both();
        mean.add(before / n);
        squares.add(before * (value - mean.both()));
    }
    return squares.both() / n;
}

double extreme(const std::vector<double>& values, const std::function<bool(double, double)>& less) {
    double best = nan;
    for (const double value : values)
        if (std::isnan(best) || less(value, best)) best = value;
    return best;
}

std::optional<double> rate(std::string_view function, const SlowWindow& window) {
    const std::vector<double> values = values_of(window);
    if (values.size() < 2) return std::nullopt;
    const bool counter = function != "delta";
    double change = values.back() - values.front();
    for (std::size_t i = 1; counter && i < values.size(); ++i)
        if (values[i] < values[i - 1]) change += values[i - 1];
    const double covered = seconds(window.points.back().ms - window.points.front().ms);
    const double spacing = covered / static_cast<double>(values.size() - 1);
    double before = seconds(window.points.front().ms - window.begin);
    double after = seconds(window.end - window.points.back().ms);
    if (before >= spacing * 1.1) before = spacing / 2;
    if (after >= spacing * 1.1) after = spacing / 2;
    // At this pace the counter was zero so long ago, and not earlier.
    if (counter && change > 0 && values.front() >= 0)
        before = std::min(before, covered * (values.front() / change));
    double factor = (covered + before + after) / covered;
    if (function == "rate") factor /= seconds(window.end - window.begin);
    return change * factor;
}

std::optional<double> last_two(std::string_view function, const SlowWindow& window) {
    if (window.points.size() < 2) return std::nullopt;
    const SlowPoint last = window.points[window.points.size() - 1];
    const SlowPoint before = window.points[window.points.size() - 2];
    if (function == "idelta") return last.value - before.value;
    const double change = last.value < before.value ? last.value : last.value - before.value;
    return change / seconds(last.ms - before.ms);
}

/// The line through the points, by least squares: its slope a second and its height at `origin`.
std::pair<double, double> line(const SlowWindow& window, std::int64_t origin) {
    const std::vector<double> y = values_of(window);
    if (std::all_of(y.begin(), y.end(), [&](double value) { return value == y.front(); }))
        return std::isinf(y.front()) ? std::pair{nan, nan} : std::pair{0.0, y.front()};
    Exact sx, sy, sxy, sxx;
    for (const SlowPoint& point : window.points) {
        const double x = seconds(point.ms - origin);
        sx.add(x);
        sy.add(point.value);
        sxy.add(x * point.value);
        sxx.add(x * x);
    }
    const double n = static_cast<double>(y.size());
    const double slope =
        (sxy.both() - sx.both() * sy.both() / n) / (sxx.both() - sx.both() * sx.both() / n);
    return {slope, sy.both() / n - slope * sx.both() / n};
}

}  // namespace

double slow_sum(const std::vector<double>& values, double begin_with) {
    Exact sum{begin_with, 0};
    for (const double value : values) sum.add(value);
    return std::isinf(sum.sum) ? sum.sum : sum.both();
}

double slow_mean(const std::vector<double>& values) {
    Exact sum{values.front(), 0};
    double n = 1;
    bool running = false;  // a mean from now on, because the sum would not fit
    for (std::size_t i = 1; i < values.size(); ++i) {
        ++n;
        Exact next = sum;
        next.add(values[i]);
        if (!running && !std::isinf(next.sum)) {
            sum = next;
            continue;
        }
        if (!running) sum = {sum.sum / (n - 1), sum.lost / (n - 1)};
        running = true;
        const double kept = (n - 1) / n;
        sum = {kept * sum.sum, kept * sum.lost};
        sum.add(values[i] / n);
    }
    return running ? sum.both() : sum.sum / n + sum.lost / n;
}

double slow_variance(const std::vector<double>& values) {
    double mean = values.front(), squares = std::isfinite(mean) ? 0 : nan, n = 1;
    for (std::size_t i = 1; i < values.size(); ++i) {
        const double before = values[i] - mean;
        mean += before / ++n;
        squares += before * (values[i] - mean);
    }
    return squares / n;
}

double slow_quantile(double q, std::vector<double> values) {
    if (std::isnan(q)) return nan;
    if (q < 0 || q > 1) return q < 0 ? -infinity : infinity;
    const auto numbers = std::stable_partition(values.begin(), values.end(),
                                               [](double value) { return std::isnan(value); });
    std::sort(numbers, values.end());
    const double rank = q * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(rank);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    const double weight = rank - static_cast<double>(below);
    return values[below] * (1 - weight) + values[above] * weight;
}

std::optional<double> slow_math(std::string_view function, double v) {
    constexpr double pi = 3.14159265358979323846;
    using Math = double (*)(double);
    static const std::map<std::string_view, Math> table = {
        {"abs", std::fabs},
        {"acos", go::acos},
        {"acosh", go::acosh},
        {"asin", go::asin},
        {"asinh", go::asinh},
        {"atan", go::atan},
        {"atanh", go::atanh},
        {"ceil", std::ceil},
        {"cos", go::cos},
        {"cosh", go::cosh},
        {"deg", [](double x) { return x * 180 / pi; }},
        {"exp", go::exp},
        {"floor", std::floor},
        {"ln", go::log},
        {"log10", go::log10},
        {"log2", go::log2},
        {"rad", [](double x) { return x * pi / 180; }},
        {"sgn", [](double x) { return x > 0   ? 1.0
                                      : x < 0 ? -1.0
                                              : x; }},
        {"sin", go::sin},
        {"sinh", go::sinh},
        {"sqrt", std::sqrt},
        {"tan", go::tan},
        {"tanh", go::tanh},
    };
    const auto at = table.find(function);
    return at == table.end() ? std::nullopt : std::optional(at->second(v));
}

std::optional<double> slow_date(std::string_view function, double value) {
    // Go counts unsigned from a March 292277022400 years before the year 0; what comes before wraps
    // around, and what is no whole number of 64 bits becomes the smallest one, which does.
    __extension__ using Wide = __int128;
    constexpr Wide era = Wide{146'097} * 86'400;  // 400 years
    constexpr Wide first = -(Wide{719'468} * 86'400 + 730'692'556 * era);
    Wide at = std::numeric_limits<std::int64_t>::min();
    if (value >= -0x1p63 && value < 0x1p63) at = static_cast<std::int64_t>(value);
    if (at < first) at += Wide{1} << 64;
    Wide eras = at / era;
    if (eras * era > at) --eras;
    const auto rest = static_cast<std::time_t>(at - eras * era);
    std::tm tm{};
    gmtime_r(&rest, &tm);
    const auto year = static_cast<std::int64_t>(1900 + tm.tm_year + eras * 400);
    if (function == "minute") return tm.tm_min;
    if (function == "hour") return tm.tm_hour;
    if (function == "day_of_week") return tm.tm_wday;
    if (function == "day_of_month") return tm.tm_mday;
    if (function == "day_of_year") return tm.tm_yday + 1;
    if (function == "month") return tm.tm_mon + 1;
    if (function == "year") return static_cast<double>(year);
    if (function != "days_in_month") return std::nullopt;
    std::tm last{};
    last.tm_year = tm.tm_year;
    last.tm_mon = tm.tm_mon + 1;
    last.tm_mday = 0;
    const std::time_t day = timegm(&last);
    gmtime_r(&day, &last);
    return last.tm_mday;
}

std::optional<double> slow_over_time(std::string_view function, const SlowWindow& window,
                                     double parameter) {
    const std::vector<double> values = values_of(window);
    if (values.empty()) return std::nullopt;
    if (function == "rate" || function == "increase" || function == "delta")
        return rate(function, window);
    if (function == "irate" || function == "idelta") return last_two(function, window);
    if (function == "sum_over_time") return slow_sum(values, 0);
    if (function == "avg_over_time") return slow_mean(values);
    if (function == "min_over_time") return extreme(values, std::less<>());
    if (function == "max_over_time") return extreme(values, std::greater<>());
    if (function == "count_over_time") return static_cast<double>(values.size());
    if (function == "last_over_time") return values.back();
    if (function == "present_over_time") return 1;
    if (function == "stdvar_over_time") return variance_over_time(values);
    if (function == "stddev_over_time") return std::sqrt(variance_over_time(values));
    if (function == "quantile_over_time") return slow_quantile(parameter, values);
    double changes = 0, resets = 0;
    for (std::size_t i = 1; i < values.size(); ++i) {
        const bool both_nan = std::isnan(values[i]) && std::isnan(values[i - 1]);
        if (values[i] != values[i - 1] && !both_nan) ++changes;
        if (values[i] < values[i - 1]) ++resets;
    }
    if (function == "changes") return changes;
    if (function == "resets") return resets;
    if (values.size() < 2) return std::nullopt;
    if (function == "deriv") return line(window, window.points.front().ms).first;
    const auto [slope, height] = line(window, window.now);  // predict_linear
    return slope * parameter + height;
}

std::string slow_plain(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    // d.ddde+XX with the fewest digits that read back; the digits, then as many zeros as it takes.
    char text[64];
    const std::string shortest(text, std::to_chars(text, text + sizeof text, std::abs(value),
                                                   std::chars_format::scientific)
                                         .ptr);
    std::string digits = shortest.substr(0, shortest.find('e'));
    if (digits.size() > 1) digits.erase(1, 1);
    long point = std::stol(shortest.substr(shortest.find('e') + 1)) + 1;
    if (point <= 0) digits.insert(0, static_cast<std::size_t>(1 - point), '0');
    point = std::max(point, 1L);
    const auto whole = static_cast<std::size_t>(point);
    if (digits.size() < whole) digits.append(whole - digits.size(), '0');
    if (digits.size() > whole) digits.insert(whole, 1, '.');
    return (std::signbit(value) ? "-" : "") + digits;
}

double slow_bucket_quantile(double q, SlowBuckets buckets) {
    if (std::isnan(q)) return nan;
    if (q < 0 || q > 1) return q < 0 ? -infinity : infinity;
    if (buckets.size() < 2 || buckets.back().first != infinity) return nan;
    // Counts that fall, or differ by rounding only, are taken to be those before.
    for (std::size_t i = 1; i < buckets.size(); ++i) {
        const double before = buckets[i - 1].second;
        double& count = buckets[i].second;
        const bool rounding =
            before != 0 && count != 0 &&
            std::abs(before - count) < 1e-12 * (std::abs(before) + std::abs(count));
        if (rounding || count < before) count = before;
    }
    const double all = buckets.back().second;
    if (all == 0) return nan;
    const double rank = q * all;
    std::size_t at = 0;
    while (at + 1 < buckets.size() && !(buckets[at].second >= rank)) ++at;
    if (at + 1 == buckets.size()) return buckets[at - 1].first;
    const auto [bound, count] = buckets[at];
    if (at == 0) return bound <= 0 ? bound : bound * (rank / count);
    const auto [low, below] = buckets[at - 1];
    return low + (bound - low) * ((rank - below) / (count - below));
}

double slow_bucket_fraction(double lower, double upper, const SlowBuckets& buckets) {
    if (buckets.back().first != infinity) return nan;
    const double all = buckets.back().second;
    if (all == 0 || std::isnan(lower) || std::isnan(upper)) return nan;
    if (lower >= upper) return 0;
    // How many observations lie below `v`, spread evenly inside each bucket.
    const auto below = [&](double v) {
        double rank = 0;
        for (std::size_t i = 0; i < buckets.size(); ++i) {
            const double high = buckets[i].first;
            const double low = i > 0 ? buckets[i - 1].first : -infinity;
            const double inside = buckets[i].second - (i > 0 ? buckets[i - 1].second : 0);
            if (low >= v) return std::min(rank, all);
            if (high > v && i == 0) return nan;  // the first bucket begins nowhere
            if (high > v) return std::min(rank + inside * (v - low) / (high - low), all);
            rank += inside;
        }
        return all;
    };
    return (below(upper) - below(lower)) / all;
}

}  // namespace vedette::promql
