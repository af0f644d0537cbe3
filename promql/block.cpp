#include "promql/block.h"

#include <algorithm>
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

bool merge_row(std::span<double> into, std::span<const double> from) {
    for (std::size_t i = 0; i < into.size(); ++i) {
        if (is_absent(from[i])) continue;
        if (!is_absent(into[i])) return false;
        into[i] = from[i];
    }
    return true;
}

}  // namespace

std::span<double> Block::add(Labels row_labels) {
    labels.push_back(std::move(row_labels));
    values.resize(labels.size() * steps, absent_value());
    return row(labels.size() - 1);
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
            if (meeting == Meeting::Refuse || !merge_row(block.row(at->second), block.row(i)))
                return false;
            continue;
        }
        if (kept != i) {
            block.labels[kept] = std::move(block.labels[i]);
            std::ranges::copy(block.row(i), block.row(kept).begin());
        }
        ++kept;
    }
    block.labels.resize(kept);
    block.values.resize(kept * block.steps);
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

void drop_empty_rows(Block& block) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < block.rows(); ++i) {
        const auto row = block.row(i);
        if (std::all_of(row.begin(), row.end(), is_absent)) continue;
        if (kept != i) {
            block.labels[kept] = std::move(block.labels[i]);
            std::ranges::copy(row, block.row(kept).begin());
        }
        ++kept;
    }
    block.labels.resize(kept);
    block.values.resize(kept * block.steps);
}

}  // namespace vedette::promql
