#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "promql/evaluation/block.h"

namespace vedette::promql {

/// Numbers of samples, one a step.
using StepCounts = std::vector<std::int64_t>;

/// How many floats a histogram counts for: by its size, as Prometheus has it in memory.
std::int64_t samples_worth(const Histogram& histogram);
/// Of the samples in a row; a histogram counts for several.
std::int64_t samples_in_row(const Block& block, std::size_t row);
std::int64_t samples_in(const Block& block);
/// Adds what each step of a row has.
void add_samples_of_row(const Block& block, std::size_t row, StepCounts& counts);
/// Adds how many rows have a value, at each step.
void add_present(const Block& block, StepCounts& counts);
/// What memory a block takes, in floats.
std::size_t floats_of(const Block& block);

}  // namespace vedette::promql
