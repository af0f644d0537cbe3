#include "promql/evaluation/block.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

namespace vedette::promql {

namespace {

struct HashLabels {
    std::size_t operator()(const Labels& labels) const { return labels.hash(); }
};

Labels without_name(const Labels& labels) {
    if (!labels.has(metric_name_label)) return labels;
    std::vector<Label> kept;
    kept.reserve(labels.size());
    for (const Label label : labels)
        if (label.name != metric_name_label) kept.push_back(label);
    return Labels(std::move(kept));
}

std::ptrdiff_t first_present(std::span<const double> row) {
    return std::ranges::find_if_not(row, is_absent) - row.begin();
}

/// What comes first says whether the name goes, as in Prometheus.
bool merge_row(Block& block, std::size_t into_index, std::size_t from_index) {
    const std::span<double> into = block.row(into_index), from = block.row(from_index);
    if (first_present(from) < first_present(into))
        block.name_goes[into_index] = block.name_goes[from_index];
    for (std::size_t i = 0; i < into.size(); ++i) {
        if (is_absent(from[i])) continue;
        if (!is_absent(into[i])) return false;
        into[i] = from[i];
        if (is_histogram(from[i]))
            block.histograms[into_index * block.steps + i] = block.histogram(from_index, i);
    }
    return true;
}

/// Makes a row that is kept stand where the last kept one ends.
void move_row(Block& block, std::size_t from, std::size_t to) {
    if (from == to) return;
    block.labels[to] = std::move(block.labels[from]);
    block.name_goes[to] = block.name_goes[from];
    std::ranges::copy(block.row(from), block.row(to).begin());
    if (!block.has_histograms()) return;
    const auto at = [&](std::size_t index) {
        return block.histograms.begin() + static_cast<std::ptrdiff_t>(index * block.steps);
    };
    std::move(at(from), at(from + 1), at(to));
}

}  // namespace

std::span<double> Block::add(Labels row_labels) {
    labels.push_back(std::move(row_labels));
    name_goes.push_back(0);
    values.resize(labels.size() * steps, absent_value());
    if (has_histograms()) histograms.resize(values.size());
    return row(labels.size() - 1);
}

Cell Block::cell(std::size_t index, std::size_t step) const {
    const double value = row(index)[step];
    return is_histogram(value) ? Cell(histogram(index, step)) : Cell(value);
}

void Block::put(std::size_t index, std::size_t step, Cell cell) {
    row(index)[step] = cell.value;
    if (!is_histogram(cell.value)) return;
    if (histograms.empty()) histograms.resize(values.size());
    histograms[index * steps + step] = std::move(cell.histogram);
}

void Block::add_row_of(const Block& from, std::size_t index) {
    add(from.labels[index]);
    name_goes.back() = from.name_goes[index];
    copy_cells(rows() - 1, from, index);
}

void Block::add_rows_of(Block&& other) {
    if (other.has_histograms()) histograms.resize(values.size());
    std::ranges::move(other.labels, std::back_inserter(labels));
    values.insert(values.end(), other.values.begin(), other.values.end());
    name_goes.insert(name_goes.end(), other.name_goes.begin(), other.name_goes.end());
    std::ranges::move(other.histograms, std::back_inserter(histograms));
    if (has_histograms()) histograms.resize(values.size());
    other = Block(steps);
}

void Block::copy_cells(std::size_t index, const Block& from, std::size_t from_index) {
    std::ranges::copy(from.row(from_index), row(index).begin());
    if (!from.has_histograms()) return;
    for (std::size_t i = 0; i < steps; ++i)
        if (is_histogram(from.row(from_index)[i])) put(index, i, from.cell(from_index, i));
}

void Block::keep_rows(std::size_t count) {
    labels.resize(count);
    name_goes.resize(count);
    values.resize(count * steps);
    if (has_histograms()) histograms.resize(values.size());
}

bool Block::blank_histograms() {
    if (!has_histograms()) return false;
    bool any = false;
    for (double& value : values) {
        if (!is_histogram(value)) continue;
        value = absent_value();
        any = true;
    }
    histograms.clear();
    return any;
}

bool Block::leave_histograms_out() {
    const bool any = blank_histograms();
    if (any) drop_empty_rows(*this);
    return any;
}

Labels Block::shown_labels(std::size_t index) const {
    return nameless ? without_name(labels[index]) : labels[index];
}

void Block::show_labels() {
    if (nameless)
        for (Labels& each : labels) each = without_name(each);
    nameless = false;
}

bool settle(Block& block, Meeting meeting) {
    std::unordered_map<Labels, std::size_t, HashLabels> seen;
    seen.reserve(block.rows());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < block.rows(); ++i) {
        const auto [at, is_new] = seen.try_emplace(block.labels[i], kept);
        if (!is_new) {
            if (meeting == Meeting::Refuse || !merge_row(block, at->second, i)) return false;
            continue;
        }
        move_row(block, i, kept++);
    }
    block.keep_rows(kept);
    return true;
}

bool drop_names(Block& block, Meeting meeting) {
    if (block.nameless || block.rows() == 0) return true;
    const std::string_view first = block.labels[0].get(metric_name_label);
    const bool one_name =
        std::all_of(block.labels.begin(), block.labels.end(),
                    [&](const Labels& l) { return l.get(metric_name_label) == first; });
    block.nameless = true;
    // Sets that differ and agree in the name differ without it.
    if (one_name) return true;
    block.show_labels();
    return settle(block, meeting);
}

bool drop_delayed_names(Block& block) {
    bool any = false;
    for (std::size_t i = 0; i < block.rows(); ++i) {
        if (block.name_goes[i] == 0) continue;
        block.labels[i] = without_name(block.labels[i]);
        any = true;
    }
    return !any || settle(block, Meeting::Refuse);
}

void drop_empty_rows(Block& block) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < block.rows(); ++i) {
        const auto row = block.row(i);
        if (!std::all_of(row.begin(), row.end(), is_absent)) move_row(block, i, kept++);
    }
    block.keep_rows(kept);
}

}  // namespace vedette::promql
