#include "promql/evaluation/group_sums.h"

#include <array>
#include <bit>

#include "promql/functions/windows.h"

namespace vedette::promql {

// What is absent counts as −0, which changes no sum: no branch.
inline void GroupSums::Pairs::add(Pair given) {
    constexpr PairBits absent_bits{stale_bits, stale_bits};
    constexpr PairBits minus_zeros{std::int64_t{1} << 63, std::int64_t{1} << 63};
    const auto bits = std::bit_cast<PairBits>(given);
    const PairBits absent = bits == absent_bits;
    const auto value = std::bit_cast<Pair>((bits & ~absent) | (absent & minus_zeros));
    present |= ~absent;
    const Pair next = sum + value;
    const Pair of_value = next - sum;
    lost += (sum - (next - of_value)) + (value - of_value);
    sum = next;
}

void GroupSums::add(const Block& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        const std::string& text = key_.of(rows.labels[i], rows.nameless);
        auto at = known_.find(text);
        if (at == known_.end()) {
            at = known_.emplace(text, groups_.size()).first;
            groups_.push_back({key_.labels(rows.labels[i], rows.nameless),
                               rows.name_goes[i],
                               std::vector<Pairs>((steps_ + 1) / 2),
                               {}});
        }
        groups_[at->second].rows.push_back(i);
    }
    for (Group& group : groups_) {
        if (!group.rows.empty()) add_rows(group, rows);
        group.rows.clear();
    }
}

/// Eight steps of all rows at a time: their sums stay in registers.
void GroupSums::add_rows(Group& group, const Block& rows) const {
    constexpr std::size_t pairs = 4;
    std::size_t pair = 0;
    for (; 2 * (pair + pairs) <= steps_; pair += pairs) {
        std::array<Pairs, pairs> strip;
        for (std::size_t n = 0; n < pairs; ++n) strip[n] = group.sums[pair + n];
        for (const std::size_t row : group.rows) {
            const double* values = rows.row(row).data() + 2 * pair;
            for (std::size_t n = 0; n < pairs; ++n) strip[n].add(pair_at(values + 2 * n));
        }
        for (std::size_t n = 0; n < pairs; ++n) group.sums[pair + n] = strip[n];
    }
    for (; 2 * pair < steps_; ++pair) {
        const bool whole = 2 * pair + 1 < steps_;
        for (const std::size_t row : group.rows) {
            const double* values = rows.row(row).data() + 2 * pair;
            group.sums[pair].add(Pair{values[0], whole ? values[1] : absent_value()});
        }
    }
}

Block GroupSums::take() {
    Block out(steps_);
    for (Group& group : groups_) {
        const std::span<double> row = out.add(std::move(group.labels));
        out.name_goes.back() = group.name_goes;
        for (std::size_t i = 0; i < steps_; ++i) {
            const Pairs& sums = group.sums[i / 2];
            if (sums.present[i % 2] != 0)
                row[i] = FastSum{sums.sum[i % 2], sums.lost[i % 2]}.total();
        }
    }
    return out;
}

}  // namespace vedette::promql
