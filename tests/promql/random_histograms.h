#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "core/histogram.h"

namespace vedette::promql {

/// One series of native histograms that grow, with resets, changes of the layout, and what
/// Prometheus's storage makes of reset hints.
class RandomHistograms {
public:
    RandomHistograms(std::mt19937_64& random, bool custom, bool gauge)
        : random_(random), custom_(custom), gauge_(gauge) {
        change_layout();
    }

    /// The next sample; null for a float instead of it, which counts as an interruption.
    HistogramRef next(bool interrupted) {
        if (interrupted) {
            before_ = nullptr;
            return nullptr;
        }
        const std::size_t roll = below(40);
        if (roll == 0) change_layout();
        if (roll == 1) up_.clear(), down_.clear(), zero_ = 0;
        grow(up_, custom_ ? 0 : -3, custom_ ? bounds_.size() + 1 : 8);
        if (!custom_ && below(3) == 0) grow(down_, -1, 3);
        zero_ += custom_ ? 0 : static_cast<double>(below(2));
        sum_ = below(100) == 0 ? std::nan("") : sum_ + static_cast<double>(below(9)) - 1.25;
        return before_ = made();
    }

private:
    using Side = std::map<std::int32_t, double>;

    std::size_t below(std::size_t n) { return random_() % n; }

    void change_layout() {
        up_.clear();
        down_.clear();
        zero_ = sum_ = 0;
        schema_ = custom_ ? custom_buckets_schema : static_cast<std::int32_t>(below(5)) - 1;
        threshold_ = custom_ || below(2) == 0 ? 0 : 0.03125 * static_cast<double>(1 + below(2));
        bounds_.clear();
        if (custom_)
            bounds_ = below(3) == 0 ? std::vector<double>{-1, 0, 5} : std::vector<double>{1, 2};
    }
    void grow(Side& side, std::int32_t first, std::size_t count) {
        for (std::size_t i = below(4); i > 0; --i) {
            double& bucket = side[first + static_cast<std::int32_t>(below(count))];
            bucket += static_cast<double>(below(4)) - (gauge_ ? 1.0 : 0.0);
            bucket = std::max(bucket, 0.0);
        }
    }
    static double put(const Side& side, std::vector<Histogram::Span>& spans,
                      std::vector<double>& buckets) {
        double total = 0;
        std::int32_t next = 0;
        for (const auto& [index, count] : side) {
            if (spans.empty() || index != next)
                spans.push_back({index - next, 1});
            else
                ++spans.back().length;
            buckets.push_back(count);
            total += count;
            next = index + 1;
        }
        return total;
    }
    HistogramRef made() const {
        auto out = std::make_shared<Histogram>();
        out->schema = schema_;
        out->zero_threshold = threshold_;
        out->zero_count = zero_;
        out->sum = sum_;
        out->custom_bounds = bounds_;
        out->count = zero_ + put(up_, out->positive_spans, out->positive_buckets) +
                     put(down_, out->negative_spans, out->negative_buckets);
        if (gauge_) out->reset_hint = Histogram::ResetHint::Gauge;
        out->reset_hint = stored_reset_hint(*out, before_.get());
        return out;
    }

    std::mt19937_64& random_;
    bool custom_, gauge_;
    std::int32_t schema_ = 0;
    double threshold_ = 0, zero_ = 0, sum_ = 0;
    std::vector<double> bounds_;
    Side up_, down_;
    HistogramRef before_;
};

}  // namespace vedette::promql
