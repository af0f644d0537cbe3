#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "promql/evaluation/block.h"
#include "promql/evaluation/strips.h"
#include "promql/labels/group_key.h"
#include "promql/syntax/ast.h"

namespace vedette::promql {

/// `sum`: of each group of series a sum at each step. Takes rows some at a time, so that those of a
/// thousand series need not be in memory to become twenty; the sums are those of all at once, bit
/// for bit, because rows are added in the same order.
class GroupSums {
public:
    GroupSums(const Aggregate& aggregate, std::size_t steps)
        : key_(aggregate.grouping, aggregate.without), steps_(steps) {}

    /// The next rows; floats only.
    void add(const Block& rows);
    /// Whoever gives rows some at a time met a histogram: all of them are wanted at once.
    void refuse() { refused_ = true; }
    bool refused() const { return refused_; }
    /// A row for each group, in the order in which they first appeared. Asked once, at the end.
    Block take();

private:
    /// Knuth's sum of two steps, which finds exactly what an addition loses (`FastSum`).
    struct Pairs {
        Pair sum{-0.0, -0.0};
        Pair lost{};
        PairBits present{};

        void add(Pair given);
    };
    struct Group {
        Labels labels;
        char name_goes = 0;
        std::vector<Pairs> sums;  // of two steps each; of an odd number, the last is half used
        std::vector<std::size_t> rows;  // of those being added
    };

    void add_rows(Group& group, const Block& rows) const;

    GroupKey key_;
    std::size_t steps_;
    bool refused_ = false;
    std::unordered_map<std::string, std::size_t> known_;
    std::vector<Group> groups_;
};

}  // namespace vedette::promql
