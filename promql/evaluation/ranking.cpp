#include "promql/evaluation/ranking.h"

#include <utility>

#include "promql/labels/go_sort.h"

namespace vedette::promql {

namespace {

/// Whether `a` is worse than `b`. NaN is worse than all, another NaN included: that this is no
/// order is why both algorithms below go step by step as Go's do.
struct Worse {
    bool largest_wins;
    bool operator()(const Ranked& a, const Ranked& b) const {
        if (std::isnan(a.value)) return true;
        return largest_wins ? a.value < b.value : a.value > b.value;
    }
};

void sift_up(std::vector<Ranked>& heap, const Worse& worse) {
    for (std::size_t at = heap.size() - 1; at > 0;) {
        const std::size_t parent = (at - 1) / 2;
        if (!worse(heap[at], heap[parent])) return;
        std::swap(heap[at], heap[parent]);
        at = parent;
    }
}

void sift_down(std::vector<Ranked>& heap, const Worse& worse) {
    for (std::size_t at = 0;;) {
        std::size_t child = 2 * at + 1;
        if (child >= heap.size()) return;
        if (child + 1 < heap.size() && worse(heap[child + 1], heap[child])) ++child;
        if (!worse(heap[child], heap[at])) return;
        std::swap(heap[at], heap[child]);
        at = child;
    }
}

}  // namespace

void rank_sort(std::vector<Ranked>& all, bool largest_first) {
    const Worse worse{largest_first};
    go_sort(all, [&](const Ranked& a, const Ranked& b) { return worse(b, a); });
}

std::vector<Ranked> heaped(const std::vector<Ranked>& all) {
    std::vector<Ranked> heap;
    for (const Ranked& one : all) {
        heap.push_back(one);
        sift_up(heap, Worse{true});
    }
    return heap;
}

std::vector<Ranked> best(const std::vector<Ranked>& all, std::size_t k, bool largest) {
    const Worse worse{largest};
    std::vector<Ranked> heap;
    for (const Ranked& one : all) {
        if (heap.size() < k) {
            heap.push_back(one);
            sift_up(heap, worse);
            continue;
        }
        const double least = heap.front().value;
        const bool better = largest ? least < one.value : least > one.value;
        if (!better && !(std::isnan(least) && !std::isnan(one.value))) continue;
        heap.front() = one;
        sift_down(heap, worse);
    }
    rank_sort(heap, largest);
    return heap;
}

}  // namespace vedette::promql
