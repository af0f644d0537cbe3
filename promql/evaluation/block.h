#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/labels.h"
#include "core/sample.h"

namespace vedette::promql {

/// The times at which an expression is evaluated, in milliseconds.
struct Steps {
    std::int64_t start = 0, step = 1;
    std::size_t count = 1;

    std::int64_t at(std::size_t index) const {
        return start + static_cast<std::int64_t>(index) * step;
    }
    std::int64_t last() const { return at(count - 1); }
};

/// A step at which a series has no value holds the stale marker. Nothing can compute that NaN:
/// arithmetic makes a signalling NaN quiet, and selectors leave stale samples out.
inline bool is_absent(double value) {
    return is_stale(value);
}
inline double absent_value() {
    return stale_marker();
}

/// What stands among the doubles where a series has a histogram: a second NaN that nothing
/// computes. Selectors make a sample of these very bits quiet, so a cell that says so has one.
inline constexpr std::uint64_t histogram_bits = stale_bits + 1;
inline double histogram_marker() {
    return std::bit_cast<double>(histogram_bits);
}
inline bool is_histogram(double value) {
    return std::bit_cast<std::uint64_t>(value) == histogram_bits;
}
/// Neither absent nor a histogram.
inline bool is_number(double value) {
    return std::bit_cast<std::uint64_t>(value) - stale_bits > 1;
}

/// One cell of a block: a number, absent, or a histogram.
struct Cell {
    double value = absent_value();
    HistogramRef histogram;

    Cell() = default;
    Cell(double number) : value(number) {}
    Cell(HistogramRef ref) : value(histogram_marker()), histogram(std::move(ref)) {}
};

/// What an expression is worth: one row of values a series, one column a step.
///
///   labels[0]  values[0 … steps)
///   labels[1]  values[steps … 2 steps)      a scalar is one row without labels, never absent
///
/// Invariants:
/// 1. After `drop_names` or `settle`, no two rows have equal labels, the metric name left out when
///    `nameless`.
/// 2. `histograms` is empty, and then no value is the histogram marker; or it is as long as
///    `values`, and not null where the value is the marker. Elsewhere what it holds means nothing.
struct Block {
    std::size_t steps = 0;
    std::vector<Labels> labels;
    std::vector<double> values;
    std::vector<HistogramRef> histograms;
    bool nameless = false;  ///< metric names still stand in `labels` and no longer count
    /// Of each row, whether its name goes when the whole query is answered; until then it counts
    /// (`promql-delayed-name-removal`).
    std::vector<char> name_goes;

    explicit Block(std::size_t step_count) : steps(step_count) {}
    std::size_t rows() const { return labels.size(); }
    std::span<double> row(std::size_t index) { return {values.data() + index * steps, steps}; }
    std::span<const double> row(std::size_t index) const {
        return {values.data() + index * steps, steps};
    }
    bool has_histograms() const { return !histograms.empty(); }
    /// Where the value is the histogram marker.
    const HistogramRef& histogram(std::size_t index, std::size_t step) const {
        return histograms[index * steps + step];
    }
    Cell cell(std::size_t index, std::size_t step) const;
    void put(std::size_t index, std::size_t step, Cell cell);

    /// A new row, absent everywhere. Rows handed out before are no longer valid.
    std::span<double> add(Labels row_labels);
    /// A new row with labels and cells of `from`'s.
    void add_row_of(const Block& from, std::size_t index);
    /// All rows of one that has as many steps; `other` is left empty.
    void add_rows_of(Block&& other);
    /// Makes this row hold what that one of `from` does; the labels stay.
    void copy_cells(std::size_t index, const Block& from, std::size_t from_index);
    /// Keeps the first `count` rows.
    void keep_rows(std::size_t count);
    /// Makes each cell that holds a histogram absent. True when there was any.
    bool blank_histograms();
    /// And takes out the rows that then hold nothing.
    bool leave_histograms_out();
    /// The name counts no more: takes it out of `labels` where somebody looks.
    Labels shown_labels(std::size_t index) const;
    void show_labels();
};

/// Whether rows that become equal may be one series, each at its own steps.
enum class Meeting { Merge, Refuse };

/// Makes labels unique again after they were changed. False when two rows have a value at one step
/// (or, with Refuse, when there are two at all).
bool settle(Block& block, Meeting meeting);
/// Leaves the metric names out. False as `settle`.
bool drop_names(Block& block, Meeting meeting);
/// Takes the names out of rows whose name goes. False when two rows then have equal labels.
bool drop_delayed_names(Block& block);
/// Takes out rows that are absent at every step.
void drop_empty_rows(Block& block);

inline constexpr std::string_view same_labels =
    "vector cannot contain metrics with the same labelset";

}  // namespace vedette::promql
