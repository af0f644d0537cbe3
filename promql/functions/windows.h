#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/sample.h"
#include "core/time.h"
#include "promql/functions/functions.h"

namespace vedette::promql {

/// Samples of one series inside a left-open window; never empty, no stale marker among them.
/// `histograms` is empty, or as long as `times` and set where the value is the histogram marker;
/// functions of floats are given windows without.
struct WindowSamples {
    std::span<const Timestamp> times;
    std::span<const double> values;
    std::span<const HistogramRef> histograms;
    std::int64_t begin = 0, end = 0;  ///< of the window, offset taken into account
    std::int64_t now = 0;             ///< the step itself
};

/// Sums in double-double as Prometheus does (Kahan, in Neumaier's form).
struct KahanSum {
    double sum = 0, rest = 0;
    void add(double value);
};

/// KahanSum's total without a branch: what one addition loses is found exactly by
/// Knuth's six operations. Infinities leave no sense in `lost`, so only `total` may be asked.
struct FastSum {
    double sum = 0, lost = 0;
    void add(double value) {
        const double next = sum + value;
        const double of_value = next - sum;
        lost += (sum - (next - of_value)) + (value - of_value);
        sum = next;
    }
    double total() const { return std::isinf(sum) ? sum : sum + lost; }
};

/// A mean that cannot overflow: sums while it can, then goes over to a running mean.
class KahanMean {
public:
    void add(double value);
    double mean() const;

private:
    KahanSum sum_;
    double count_ = 0;
    bool running_ = false;
};

/// `quantile_over_time` and the aggregation `quantile`: sorts `values` in place.
double quantile(double q, std::span<double> values);

/// What a window function is given besides the window.
struct WindowArgs {
    double parameter = 0;         ///< of quantile_over_time and predict_linear
    double trend = 0;             ///< of double_exponential_smoothing, with `parameter`
    std::vector<double> scratch;  ///< kept from window to window, so that nothing is allocated
    std::string refusal;          ///< why the whole query fails; empty when it does not
};

/// One number for one window, or absent.
using WindowFunction = double (*)(const WindowSamples& window, WindowArgs& args);
/// The function of `id`; null when it does not work on single windows (rate and its kin do not).
WindowFunction window_function(Function::Id id);

/// Where the samples of a window lie in it, in milliseconds; two samples at least.
struct WindowTimes {
    std::int64_t to_start = 0;  ///< from the window's beginning to the first sample
    std::int64_t to_end = 0;    ///< from the last sample to the window's end
    std::int64_t sampled = 0;   ///< from the first to the last sample
    std::int64_t range = 0;
    std::size_t count = 0;

    static WindowTimes of(const WindowSamples& window);
    bool operator==(const WindowTimes&) const = default;
};

/// rate, increase and delta extend the change between the first and the last sample to the window's
/// edges by Prometheus's rules. What follows from the times alone is worked out once for windows
/// that are alike, as those of a steady series are.
class Extrapolation {
public:
    Extrapolation(bool is_counter, bool per_second)
        : is_counter_(is_counter), per_second_(per_second) {}

    /// What the change is multiplied by. A counter that was `first` and grew by `change` (resets
    /// made good) is not followed below zero.
    double factor(const WindowTimes& times, double first, double change) {
        if (times != times_) prepare(times);
        if (is_factor_plain(first, change)) return factor_;
        const double to_zero = sampled_ * (first / change);
        return to_zero < before_ ? factor_from(to_zero) : factor_;
    }

    /// Whether zero is so far off that only the times of the window before count, as they do where
    /// nothing is a counter; then the factor is `plain_factor`.
    bool is_factor_plain(double first, double change) const {
        if (!is_counter_ || !(change > 0 && first >= 0)) return true;
        // Zero lies before all samples and more, so `before_` it is: no division.
        return first >= change && before_ <= sampled_;
    }
    double plain_factor() const { return factor_; }

private:
    void prepare(const WindowTimes& times);
    double factor_from(double before) const;

    bool is_counter_, per_second_;
    WindowTimes times_;
    double sampled_ = 0, before_ = 0, after_ = 0, range_ = 0, factor_ = 0;
};

}  // namespace vedette::promql
