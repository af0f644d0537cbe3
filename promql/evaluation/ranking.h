#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace vedette::promql {

/// A row and the value by which it is ranked.
struct Ranked {
    double value = 0;
    std::size_t row = 0;
};

/// Orders by value, NaN last; equal values come in the order in which Prometheus's sorting leaves
/// them.
void rank_sort(std::vector<Ranked>& all, bool largest_first);

/// Keeps of `all` the k best, best first: what topk (largest) and bottomk keep. Which of equal ones
/// stay is what Prometheus's heap makes of the order in which they come. `k` is at least 1.
std::vector<Ranked> best(const std::vector<Ranked>& all, std::size_t k, bool largest);

/// Puts `all` into the order in which Prometheus's heap keeps what limitk and limit_ratio choose.
std::vector<Ranked> heaped(const std::vector<Ranked>& all);

}  // namespace vedette::promql
