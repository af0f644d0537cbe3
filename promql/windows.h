#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "core/sample.h"
#include "core/time.h"
#include "promql/functions.h"

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
    std::vector<double> scratch;  ///< kept from window to window, so that nothing is allocated
};

/// One number for one window, or absent.
using WindowFunction = double (*)(const WindowSamples& window, WindowArgs& args);
/// The function of `id`; null when it does not work on single windows (rate and its kin do not).
WindowFunction window_function(Function::Id id);

/// The factor by which the change between the first and the last sample is extended to the window's
/// edges. A counter that was `first` and grew by `change` is not followed below zero.
double extrapolation(const WindowSamples& window, double first, double change, bool is_counter,
                     bool per_second);
/// rate, increase and delta: `change` between the first and the last sample (counter resets made
/// good), extended to the window's edges by Prometheus's rules. Needs two samples.
double extrapolated(const WindowSamples& window, double change, bool is_counter, bool per_second);

}  // namespace vedette::promql
