#include "promql/evaluation/sample_count.h"

#include <cstring>

#include "core/histogram.h"
#include "promql/evaluation/strips.h"

namespace vedette::promql {

namespace {

constexpr PairBits absent_pair{stale_bits, stale_bits};

PairBits absent_at(const double* values) {
    PairBits bits;
    std::memcpy(&bits, values, sizeof(bits));
    return bits == absent_pair;  // −1 where it is
}

std::int64_t present_in(std::span<const double> row) {
    PairBits absent{};
    std::size_t i = 0;
    for (; i + 2 <= row.size(); i += 2) absent -= absent_at(row.data() + i);
    std::int64_t count = static_cast<std::int64_t>(row.size()) - absent[0] - absent[1];
    for (; i < row.size(); ++i) count -= is_absent(row[i]) ? 1 : 0;
    return count;
}

void add_present(std::span<const double> row, StepCounts& counts) {
    constexpr PairBits ones{1, 1};
    std::size_t i = 0;
    for (; i + 2 <= row.size(); i += 2) {
        PairBits count;
        std::memcpy(&count, counts.data() + i, sizeof(count));
        count += ones + absent_at(row.data() + i);
        std::memcpy(counts.data() + i, &count, sizeof(count));
    }
    for (; i < row.size(); ++i) counts[i] += is_absent(row[i]) ? 0 : 1;
}

/// What a histogram counts for beyond one.
std::int64_t extra_of(const Block& block, std::size_t row, std::size_t step) {
    if (!is_histogram(block.row(row)[step])) return 0;
    return samples_worth(*block.histogram(row, step)) - 1;
}

}  // namespace

std::int64_t samples_worth(const Histogram& histogram) {
    // A sample's time, the histogram's own fields, and eight bytes for each of its parts.
    constexpr std::size_t float_bytes = 16, own_bytes = 8 + 168, part_bytes = 8;
    const std::size_t parts = histogram.positive_spans.size() + histogram.negative_spans.size() +
                              histogram.positive_buckets.size() +
                              histogram.negative_buckets.size() + histogram.custom_bounds.size();
    return static_cast<std::int64_t>((own_bytes + part_bytes * parts) / float_bytes);
}

std::int64_t samples_in_row(const Block& block, std::size_t row) {
    std::int64_t count = present_in(block.row(row));
    for (std::size_t i = 0; block.has_histograms() && i < block.steps; ++i)
        count += extra_of(block, row, i);
    return count;
}

std::int64_t samples_in(const Block& block) {
    std::int64_t count = 0;
    for (std::size_t r = 0; r < block.rows(); ++r) count += samples_in_row(block, r);
    return count;
}

void add_samples_of_row(const Block& block, std::size_t row, StepCounts& counts) {
    add_present(block.row(row), counts);
    for (std::size_t i = 0; block.has_histograms() && i < block.steps; ++i)
        counts[i] += extra_of(block, row, i);
}

void add_present(const Block& block, StepCounts& counts) {
    counts.resize(block.steps);
    for (std::size_t r = 0; r < block.rows(); ++r) add_present(block.row(r), counts);
}

std::size_t floats_of(const Block& block) {
    constexpr std::size_t floats_of_ref = sizeof(HistogramRef) / sizeof(double);
    return block.values.size() + floats_of_ref * block.histograms.size();
}

}  // namespace vedette::promql
