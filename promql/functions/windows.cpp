#include "promql/functions/windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "promql/evaluation/block.h"

namespace vedette::promql {

void KahanSum::add(double value) {
    const double next = sum + value;
    if (std::isinf(next))
        rest = 0;
    else if (std::abs(sum) >= std::abs(value))
        rest += (sum - next) + value;
    else
        rest += (value - next) + sum;
    sum = next;
}

void KahanMean::add(double value) {
    count_ += 1;
    if (count_ == 1) {
        sum_ = {value, 0};
        return;
    }
    if (!running_) {
        KahanSum next = sum_;
        next.add(value);
        if (!std::isinf(next.sum)) {
            sum_ = next;
            return;
        }
        running_ = true;
        sum_ = {sum_.sum / (count_ - 1), sum_.rest / (count_ - 1)};
    }
    const double kept = (count_ - 1) / count_;
    sum_ = {kept * sum_.sum, kept * sum_.rest};
    sum_.add(value / count_);
}

double KahanMean::mean() const {
    if (running_) return sum_.sum + sum_.rest;
    return sum_.sum / count_ + sum_.rest / count_;
}

double quantile(double q, std::span<double> values) {
    if (values.empty() || std::isnan(q)) return std::numeric_limits<double>::quiet_NaN();
    if (q < 0) return -std::numeric_limits<double>::infinity();
    if (q > 1) return std::numeric_limits<double>::infinity();
    // NaN sorts first.
    std::sort(values.begin(), values.end(), [](double a, double b) {
        if (std::isnan(a)) return !std::isnan(b);
        return a < b;
    });
    const double n = static_cast<double>(values.size());
    const double rank = q * (n - 1);
    const double lower = std::max(0.0, std::floor(rank));
    const double upper = std::min(n - 1, lower + 1);
    const double weight = rank - std::floor(rank);
    return values[static_cast<std::size_t>(lower)] * (1 - weight) +
           values[static_cast<std::size_t>(upper)] * weight;
}

WindowTimes WindowTimes::of(const WindowSamples& w) {
    return {w.times.front().ms - w.begin, w.end - w.times.back().ms,
            (w.times.back() - w.times.front()).count(), w.end - w.begin, w.times.size()};
}

void Extrapolation::prepare(const WindowTimes& times) {
    times_ = times;
    const double to_start = static_cast<double>(times.to_start) / 1000;
    const double to_end = static_cast<double>(times.to_end) / 1000;
    sampled_ = static_cast<double>(times.sampled) / 1000;
    range_ = static_cast<double>(times.range) / 1000;
    const double between = sampled_ / static_cast<double>(times.count - 1);
    const double threshold = between * 1.1;
    before_ = to_start >= threshold ? between / 2 : to_start;
    after_ = to_end >= threshold ? between / 2 : to_end;
    factor_ = factor_from(before_);
}

double Extrapolation::factor_from(double before) const {
    const double factor = (sampled_ + before + after_) / sampled_;
    return per_second_ ? factor / range_ : factor;
}

namespace {

struct Fit {
    double slope, intercept;
};

/// Least squares; times count in seconds from `origin`.
Fit regression(const WindowSamples& w, std::int64_t origin) {
    KahanSum x, y, xy, xx;
    const double first = w.values.front();
    bool constant = true;
    for (std::size_t i = 0; i < w.values.size(); ++i) {
        if (constant && i > 0 && w.values[i] != first) constant = false;
        const double at = static_cast<double>(w.times[i].ms - origin) / 1000;
        x.add(at);
        y.add(w.values[i]);
        xy.add(at * w.values[i]);
        xx.add(at * at);
    }
    const double nan = std::numeric_limits<double>::quiet_NaN();
    if (constant) return std::isinf(first) ? Fit{nan, nan} : Fit{0, first};
    const double n = static_cast<double>(w.values.size());
    const double sx = x.sum + x.rest, sy = y.sum + y.rest;
    const double sxy = xy.sum + xy.rest, sxx = xx.sum + xx.rest;
    const double covariance = sxy - sx * sy / n;
    const double variance = sxx - sx * sx / n;
    const double slope = covariance / variance;
    return {slope, sy / n - slope * sx / n};
}

double variance_of(const WindowSamples& w) {
    KahanSum mean, squares;
    double count = 0;
    for (const double value : w.values) {
        count += 1;
        const double delta = value - (mean.sum + mean.rest);
        mean.add(delta / count);
        squares.add(delta * (value - (mean.sum + mean.rest)));
    }
    return (squares.sum + squares.rest) / count;
}

double last_change(const WindowSamples& w, bool per_second) {
    const std::size_t n = w.values.size();
    if (n < 2) return absent_value();
    const double last = w.values[n - 1], before = w.values[n - 2];
    const auto apart = (w.times[n - 1] - w.times[n - 2]).count();
    if (apart == 0) return absent_value();
    // After a counter reset the new value is all that was counted.
    const double change = per_second && last < before ? last : last - before;
    return per_second ? change / (static_cast<double>(apart) / 1000) : change;
}

double sum_over(const WindowSamples& w, WindowArgs&) {
    FastSum sum;
    for (const double value : w.values) sum.add(value);
    return sum.total();
}

double avg_over(const WindowSamples& w, WindowArgs&) {
    FastSum sum{w.values.front(), 0};
    for (const double value : w.values.subspan(1)) sum.add(value);
    const auto count = static_cast<double>(w.values.size());
    if (std::isfinite(sum.sum)) return sum.sum / count + sum.lost / count;
    KahanMean mean;
    for (const double value : w.values) mean.add(value);
    return mean.mean();
}

double min_over(const WindowSamples& w, WindowArgs&) {
    double out = w.values.front();
    for (const double value : w.values)
        if (value < out || std::isnan(out)) out = value;
    return out;
}

double max_over(const WindowSamples& w, WindowArgs&) {
    double out = w.values.front();
    for (const double value : w.values)
        if (value > out || std::isnan(out)) out = value;
    return out;
}

double quantile_over(const WindowSamples& w, WindowArgs& args) {
    args.scratch.assign(w.values.begin(), w.values.end());
    return quantile(args.parameter, args.scratch);
}

double changes_over(const WindowSamples& w, WindowArgs&) {
    std::size_t count = 0;
    for (std::size_t i = 1; i < w.values.size(); ++i) {
        const double now = w.values[i], before = w.values[i - 1];
        count += now != before && !(std::isnan(now) && std::isnan(before));
    }
    return static_cast<double>(count);
}

double resets_over(const WindowSamples& w, WindowArgs&) {
    std::size_t count = 0;
    for (std::size_t i = 1; i < w.values.size(); ++i) count += w.values[i] < w.values[i - 1];
    return static_cast<double>(count);
}

double deriv_over(const WindowSamples& w, WindowArgs&) {
    // The first sample as the origin keeps the numbers small.
    return w.values.size() < 2 ? absent_value() : regression(w, w.times.front().ms).slope;
}

double predict_over(const WindowSamples& w, WindowArgs& args) {
    if (w.values.size() < 2) return absent_value();
    const Fit line = regression(w, w.now);
    return line.slope * args.parameter + line.intercept;
}

/// The median distance from the median.
double mad_over(const WindowSamples& w, WindowArgs& args) {
    args.scratch.assign(w.values.begin(), w.values.end());
    const double median = quantile(0.5, args.scratch);
    for (double& value : args.scratch) value = std::abs(value - median);
    return quantile(0.5, args.scratch);
}

/// When the extreme was, the last time of several.
template <bool smallest>
double time_of_extreme(const WindowSamples& w, WindowArgs&) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < w.values.size(); ++i) {
        const double value = w.values[i], best = w.values[at];
        if ((smallest ? value <= best : value >= best) || std::isnan(best)) at = i;
    }
    return static_cast<double>(w.times[at].ms) / 1000;
}

bool is_factor(double value, std::string_view name, WindowArgs& args) {
    if (!(value <= 0 || value >= 1)) return true;
    if (args.refusal.empty())
        args.refusal =
            fmt::format("invalid {0} factor. Expected: 0 < {1}f < 1, got: {2}", name, name[0],
                        std::isfinite(value) ? fmt::format("{:f}", value) : format_value(value));
    return false;
}

/// Holt's linear method: a level and a trend, each a weighted mean of what is seen and expected.
double smoothed_over(const WindowSamples& w, WindowArgs& args) {
    const double level_factor = args.parameter, trend_factor = args.trend;
    if (!is_factor(level_factor, "smoothing", args) || !is_factor(trend_factor, "trend", args) ||
        w.values.size() < 2)
        return absent_value();
    double before = 0, level = w.values[0], trend = w.values[1] - w.values[0];
    for (std::size_t i = 1; i < w.values.size(); ++i) {
        const double seen = level_factor * w.values[i];
        if (i > 1) {
            const double kept = (1 - trend_factor) * trend;
            trend = trend_factor * (level - before) + kept;
        }
        const double expected = (1 - level_factor) * (level + trend);
        before = level;
        level = seen + expected;
    }
    return level;
}

}  // namespace

WindowFunction window_function(Function::Id id) {
    using Id = Function::Id;
    using W = const WindowSamples&;
    switch (id) {
        case Id::SumOverTime:
            return sum_over;
        case Id::AvgOverTime:
            return avg_over;
        case Id::MinOverTime:
            return min_over;
        case Id::MaxOverTime:
            return max_over;
        case Id::QuantileOverTime:
            return quantile_over;
        case Id::Changes:
            return changes_over;
        case Id::Resets:
            return resets_over;
        case Id::Deriv:
            return deriv_over;
        case Id::PredictLinear:
            return predict_over;
        case Id::MadOverTime:
            return mad_over;
        case Id::DoubleExponentialSmoothing:
            return smoothed_over;
        case Id::TsOfMinOverTime:
            return time_of_extreme<true>;
        case Id::TsOfMaxOverTime:
            return time_of_extreme<false>;
        case Id::TsOfLastOverTime:
            return [](W w, WindowArgs&) { return static_cast<double>(w.times.back().ms) / 1000; };
        case Id::CountOverTime:
            return [](W w, WindowArgs&) { return static_cast<double>(w.values.size()); };
        case Id::LastOverTime:
            return [](W w, WindowArgs&) { return w.values.back(); };
        case Id::PresentOverTime:
        case Id::AbsentOverTime:
            return [](W, WindowArgs&) { return 1.0; };
        case Id::StdvarOverTime:
            return [](W w, WindowArgs&) { return variance_of(w); };
        case Id::StddevOverTime:
            return [](W w, WindowArgs&) { return std::sqrt(variance_of(w)); };
        case Id::Irate:
            return [](W w, WindowArgs&) { return last_change(w, true); };
        case Id::Idelta:
            return [](W w, WindowArgs&) { return last_change(w, false); };
        default:
            return nullptr;
    }
}

}  // namespace vedette::promql
