#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

#include "core/sample.h"
#include "tests/promql/random_histograms.h"
#include "tests/support/memory_source.h"

namespace vedette::promql {

/// What VEDETTE_SEED says, to see a failure again; another number every time when it is not set.
inline std::uint64_t random_seed() {
    const char* asked = std::getenv("VEDETTE_SEED");
    return asked != nullptr ? std::strtoull(asked, nullptr, 10) : std::random_device{}();
}

/// Series for RandomQuery, from second 0 to about 1800: counters `c` with resets, gauges `g` with
/// NaN and infinities, falling `n`, the classic histogram `h_bucket`, and native ones `e`, `u` with
/// custom bounds, and `w` with floats between them; with gaps, uneven
/// intervals, stale markers, and series that begin late or end early.
class RandomData {
public:
    explicit RandomData(std::uint64_t seed) : random_(seed) {}

    MemorySource source() {
        MemorySource out;
        for (const char* a : {"1", "2", "3"}) {
            for (const char* b : {"x", "y", "yy"}) {
                if (below(7) > 0) add(out, Labels{{metric_name_label, "c"}, {"a", a}, {"b", b}});
                if (below(7) > 0) add(out, Labels{{metric_name_label, "g"}, {"a", a}, {"b", b}});
            }
            add(out, Labels{{metric_name_label, "n"}, {"a", a}});
        }
        for (const char* b : {"x", "y"}) add_histogram(out, b);
        for (const char* a : {"1", "2"}) {
            for (const char* b : {"x", "y"}) add_native(out, "e", a, b, false);
            add_native(out, "u", a, "x", true);
            add_native(out, "w", a, "x", a[0] == '1');
        }
        return out;
    }

private:
    std::size_t below(std::size_t n) { return random_() % n; }
    double pick(std::initializer_list<double> list) { return *(list.begin() + below(list.size())); }

    void add(MemorySource& out, const Labels& labels) {
        const char kind = labels.get(metric_name_label)[0];
        std::int64_t now = static_cast<std::int64_t>(below(10) == 0 ? 600'000 : below(40'000));
        const std::int64_t last = below(8) == 0 ? 900'000 : 1'800'000;
        double value = pick({0, 0, 5, 100.5});
        while (now < last) {
            if (below(50) == 0) {
                out.add(labels, {now}, stale_marker());
                now += static_cast<std::int64_t>(pick({15'000, 60'000, 300'000, 400'000}));
                continue;
            }
            if (kind == 'c')
                value = below(25) == 0 ? pick({0, 0.5}) : value + pick({0, 1, 2.5, 10});
            if (kind == 'n') value += pick({-3.25, -1, 0, 0.1});
            if (kind == 'g') value = pick({value, value + 0.1, value - 0.7, 1e9, -3, 0, -0.0});
            const bool odd = kind == 'g' && below(40) == 0;
            out.add(labels, {now}, odd ? pick({NAN, INFINITY, -INFINITY}) : value);
            now += static_cast<std::int64_t>(
                below(20) > 0 ? pick({15'000, 15'000, 15'000, 14'980, 30'000, 10'001})
                              : pick({90'000, 299'999, 300'000, 300'001, 330'000}));
        }
    }

    void add_histogram(MemorySource& out, const char* b) {
        constexpr const char* bounds[] = {"0.1", "0.5", "1", "2.5", "+Inf"};
        double counts[5] = {};
        for (std::int64_t now = 7'000; now < 1'800'000; now += 15'000) {
            if (below(33) == 0) std::fill(counts, counts + 5, 0);
            for (std::size_t i = below(5); i < 5; ++i) counts[i] += pick({1, 1, 3});
            for (std::size_t i = 1; i < 5; ++i) counts[i] = std::max(counts[i], counts[i - 1]);
            for (std::size_t i = 0; i < 5; ++i)
                if (below(60) > 0)
                    out.add(Labels{{metric_name_label, "h_bucket"},
                                   {"a", "1"},
                                   {"b", b},
                                   {"le", bounds[i]}},
                            {now}, counts[i]);
        }
    }

    /// `w` has floats among its histograms, and changes its kind of buckets with them.
    void add_native(MemorySource& out, const char* name, const char* a, const char* b,
                    bool custom) {
        const Labels labels{{metric_name_label, name}, {"a", a}, {"b", b}};
        const bool mixed = name[0] == 'w';
        RandomHistograms first(random_, custom, a[0] == '2' && b[0] == 'y');
        RandomHistograms second(random_, mixed ? !custom : custom, false);
        bool changed = false;
        for (auto now = static_cast<std::int64_t>(below(40'000)); now < 1'800'000;) {
            const bool number = mixed && below(9) == 0;
            changed ^= number && below(2) == 0;
            const HistogramRef value = (changed ? second : first).next(number);
            if (value && below(40) > 0)
                out.add(labels, {now}, value);
            else
                out.add(labels, {now}, number ? pick({0, 1, 2.5}) : stale_marker());
            now += static_cast<std::int64_t>(below(20) > 0 ? pick({15'000, 15'000, 14'980, 30'000})
                                                           : pick({90'000, 330'000}));
        }
    }

    std::mt19937_64 random_;
};

}  // namespace vedette::promql
