#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace vedette::promql {

/// Sorts as Go's library does, an element for an element: a pattern-defeating quicksort whose steps
/// decide where equal elements, and those that the order contradicts itself about, come to stand.
/// Prometheus's answers show it, so ours follow every step: pivots, shifts and the few swaps that
/// break patterns. Never reads outside of `data`, whatever `less` says.
///
///   up to 12 elements   by insertion
///   else                pivot from 3 or 9 places; what seems sorted already is tried by shifting;
///                       part by the pivot, the shorter side first; after too many bad pivots by
///                       heap
template <typename T, typename Less>
class GoSort {
public:
    GoSort(std::vector<T>& data, Less less) : data_(data), less_(std::move(less)) {}

    void run() {
        const auto count = static_cast<std::int64_t>(data_.size());
        sort(0, count, std::bit_width(static_cast<std::uint64_t>(count)));
    }

private:
    enum class Hint { Unknown, Increasing, Decreasing };
    struct Pivot {
        std::int64_t at;
        Hint hint;
    };
    struct Parted {
        std::int64_t middle;
        bool was_parted;
    };

    bool before(std::int64_t a, std::int64_t b) const { return less_(at(a), at(b)); }
    T& at(std::int64_t i) { return data_[static_cast<std::size_t>(i)]; }
    const T& at(std::int64_t i) const { return data_[static_cast<std::size_t>(i)]; }
    void swap(std::int64_t a, std::int64_t b) { std::swap(at(a), at(b)); }

    void sort(std::int64_t first, std::int64_t last, int bad_pivots_left) {
        constexpr std::int64_t by_insertion_max = 12;
        bool was_balanced = true, was_parted = true;
        while (last - first > by_insertion_max) {
            if (bad_pivots_left == 0) return by_heap(first, last);
            if (!was_balanced) {
                break_patterns(first, last);
                --bad_pivots_left;
            }
            Pivot pivot = choose_pivot(first, last);
            if (pivot.hint == Hint::Decreasing) {
                for (std::int64_t i = first, j = last - 1; i < j; ++i, --j) swap(i, j);
                pivot = {last - 1 - (pivot.at - first), Hint::Increasing};
            }
            const bool seems_sorted = was_balanced && was_parted && pivot.hint == Hint::Increasing;
            if (seems_sorted && few_shifts(first, last)) return;
            if (first > 0 && !before(first - 1, pivot.at)) {
                first = part_equal(first, last, pivot.at);
                continue;
            }
            const Parted parted = part(first, last, pivot.at);
            was_parted = parted.was_parted;
            const std::int64_t left = parted.middle - first, right = last - parted.middle;
            was_balanced = std::min(left, right) >= (last - first) / 8;
            if (left < right) {
                sort(first, parted.middle, bad_pivots_left);
                first = parted.middle + 1;
            } else {
                sort(parted.middle + 1, last, bad_pivots_left);
                last = parted.middle;
            }
        }
        for (std::int64_t i = first + 1; i < last; ++i)
            for (std::int64_t j = i; j > first && before(j, j - 1); --j) swap(j, j - 1);
    }

    void sift_down(std::int64_t root, std::int64_t count, std::int64_t first) {
        while (true) {
            std::int64_t child = 2 * root + 1;
            if (child >= count) return;
            if (child + 1 < count && before(first + child, first + child + 1)) ++child;
            if (!before(first + root, first + child)) return;
            swap(first + root, first + child);
            root = child;
        }
    }

    void by_heap(std::int64_t first, std::int64_t last) {
        const std::int64_t count = last - first;
        for (std::int64_t i = (count - 1) / 2; i >= 0; --i) sift_down(i, count, first);
        for (std::int64_t i = count - 1; i >= 0; --i) {
            swap(first, first + i);
            sift_down(0, i, first);
        }
    }

    /// Moves `i` up and `j` down over what stands on its right side of the pivot at `first`.
    void close_in(std::int64_t first, std::int64_t& i, std::int64_t& j) const {
        while (i <= j && before(i, first)) ++i;
        while (i <= j && !before(j, first)) --j;
    }

    Parted part(std::int64_t first, std::int64_t last, std::int64_t pivot) {
        swap(first, pivot);
        std::int64_t i = first + 1, j = last - 1;
        close_in(first, i, j);
        const bool was_parted = i > j;
        while (i <= j) {
            swap(i++, j--);
            close_in(first, i, j);
        }
        swap(j, first);
        return {j, was_parted};
    }

    /// All before the answer are equal to the pivot.
    std::int64_t part_equal(std::int64_t first, std::int64_t last, std::int64_t pivot) {
        swap(first, pivot);
        std::int64_t i = first + 1, j = last - 1;
        while (true) {
            while (i <= j && !before(first, i)) ++i;
            while (i <= j && before(first, j)) --j;
            if (i > j) return i;
            swap(i++, j--);
        }
    }

    /// Mends what is nearly sorted. True when it is sorted then.
    bool few_shifts(std::int64_t first, std::int64_t last) {
        constexpr int shifts_max = 5;
        constexpr std::int64_t shortest = 50;
        std::int64_t i = first + 1;
        for (int n = 0; n < shifts_max; ++n) {
            while (i < last && !before(i, i - 1)) ++i;
            if (i == last) return true;
            if (last - first < shortest) return false;
            swap(i, i - 1);
            if (i - first >= 2)
                for (std::int64_t j = i - 1; j >= 1 && before(j, j - 1); --j) swap(j, j - 1);
            if (last - i >= 2)
                for (std::int64_t j = i + 1; j < last && before(j, j - 1); ++j) swap(j, j - 1);
        }
        return false;
    }

    void break_patterns(std::int64_t first, std::int64_t last) {
        const std::int64_t length = last - first;
        auto random = static_cast<std::uint64_t>(length);
        const std::uint64_t mask = (std::uint64_t{1} << std::bit_width(random)) - 1;
        const std::int64_t middle = first + length / 4 * 2;
        for (std::int64_t i = 0; i < 3; ++i) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            auto other = static_cast<std::int64_t>(random & mask);
            if (other >= length) other -= length;
            swap(middle - 1 + i, first + other);
        }
    }

    Pivot choose_pivot(std::int64_t first, std::int64_t last) const {
        constexpr std::int64_t of_nine_from = 50;
        constexpr int swaps_max = 12;
        const std::int64_t quarter = (last - first) / 4;
        std::int64_t a = first + quarter, b = a + quarter, c = b + quarter;
        int swaps = 0;
        if (last - first >= of_nine_from) {
            a = median(a - 1, a, a + 1, swaps);
            b = median(b - 1, b, b + 1, swaps);
            c = median(c - 1, c, c + 1, swaps);
        }
        const std::int64_t found = median(a, b, c, swaps);
        return {found, swaps == 0           ? Hint::Increasing
                       : swaps == swaps_max ? Hint::Decreasing
                                            : Hint::Unknown};
    }

    std::int64_t median(std::int64_t a, std::int64_t b, std::int64_t c, int& swaps) const {
        const auto order = [&](std::int64_t& x, std::int64_t& y) {
            if (!before(y, x)) return;
            ++swaps;
            std::swap(x, y);
        };
        order(a, b);
        order(b, c);
        order(a, b);
        return b;
    }

    std::vector<T>& data_;
    Less less_;
};

/// See GoSort.
template <typename T, typename Less>
void go_sort(std::vector<T>& data, Less less) {
    GoSort<T, Less>(data, std::move(less)).run();
}

}  // namespace vedette::promql
