#include "core/histogram.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>

using namespace vedette;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Buckets from index 0 on.
Histogram exponential(std::int32_t schema, std::vector<double> buckets, std::int32_t offset = 0) {
    Histogram out;
    out.schema = schema;
    for (const double count : buckets) out.count += count;
    if (!buckets.empty())
        out.positive_spans = {{offset, static_cast<std::uint32_t>(buckets.size())}};
    out.positive_buckets = std::move(buckets);
    return out;
}

Histogram custom(std::vector<double> bounds, std::vector<double> buckets) {
    Histogram out = exponential(custom_buckets_schema, std::move(buckets));
    out.custom_bounds = std::move(bounds);
    return out;
}

/// The slow twin: every bucket by its index in a map, negative ones in a map of their own, every
/// question answered by looking at all of them.
struct Plain {
    std::int32_t schema = 0;
    double threshold = 0, zero = 0, count = 0, sum = 0;
    std::map<std::int64_t, double> up, down;

    explicit Plain(const Histogram& h)
        : schema(h.schema),
          threshold(h.zero_threshold),
          zero(h.zero_count),
          count(h.count),
          sum(h.sum),
          up(side(h.positive_spans, h.positive_buckets)),
          down(side(h.negative_spans, h.negative_buckets)) {}

    static std::map<std::int64_t, double> side(const std::vector<Histogram::Span>& spans,
                                               const std::vector<double>& buckets) {
        std::map<std::int64_t, double> out;
        std::int64_t at = 0;
        std::size_t next = 0;
        for (const auto& span : spans) {
            at += span.offset;
            for (std::uint32_t i = 0; i < span.length; ++i) out[at++] = buckets[next++];
        }
        return out;
    }
    double bound(std::int64_t index) const { return bucket_bound(index, schema, {}); }
    /// The zero bucket reaches to `to` or, when that is inside a populated bucket, to its end.
    void widen(double to) {
        for (bool again = true; again;) {
            again = false;
            for (auto* side : {&up, &down})
                for (const auto& [index, value] : *side)
                    if (value != 0 && bound(index - 1) < to && bound(index) > to) {
                        to = bound(index);
                        again = true;
                    }
        }
        for (auto* side : {&up, &down}) {
            for (auto at = side->begin(); at != side->end();) {
                const bool inside = bound(at->first) <= to;
                if (inside) zero += at->second;
                at = inside ? side->erase(at) : std::next(at);
            }
        }
        threshold = to;
    }
    void coarsen(std::int32_t to) {
        const double wide = std::exp2(schema - to);
        for (auto* side : {&up, &down}) {
            std::map<std::int64_t, double> out;
            for (const auto& [index, value] : *side)
                out[static_cast<std::int64_t>(std::ceil(static_cast<double>(index) / wide))] +=
                    value;
            *side = out;
        }
        schema = to;
    }
    void add(Plain other, double sign) {
        while (threshold != other.threshold) {
            other.widen(std::max(threshold, other.threshold));
            widen(std::max(threshold, other.threshold));
        }
        const std::int32_t lower = std::min(schema, other.schema);
        coarsen(lower);
        other.coarsen(lower);
        zero += sign * other.zero;
        count += sign * other.count;
        sum += sign * other.sum;
        for (const auto& [index, value] : other.up) up[index] += sign * value;
        for (const auto& [index, value] : other.down) down[index] += sign * value;
    }
    std::string shown() const {
        Histogram out;
        out.schema = schema;
        out.zero_threshold = threshold;
        out.zero_count = zero;
        out.count = count;
        out.sum = sum;
        const auto put = [](const std::map<std::int64_t, double>& side, auto& spans,
                            auto& buckets) {
            std::int64_t next = 0;
            for (const auto& [index, value] : side) {
                if (value == 0) continue;
                spans.push_back({static_cast<std::int32_t>(index - next), 1});
                buckets.push_back(value);
                next = index + 1;
            }
        };
        put(up, out.positive_spans, out.positive_buckets);
        put(down, out.negative_spans, out.negative_buckets);
        return to_string(out) + " schema " + std::to_string(out.schema);
    }
};

class Dice {
public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}
    std::int32_t below(std::int32_t n) {
        return static_cast<std::int32_t>(random_() % static_cast<std::uint64_t>(n));
    }
    /// Whole counts, so that the order of additions changes nothing. Buckets begin behind the zero
    /// bucket, whose end is a bound of every schema.
    Histogram histogram() {
        Histogram out;
        out.schema = below(7) - 2;
        const std::int32_t end = below(4) == 0 ? 0 : below(9) - 4;
        out.zero_threshold = end == 0 ? 0 : std::exp2(4 * end);
        out.zero_count = out.zero_threshold > 0 ? below(3) : 0;
        out.sum = below(100) - 50;
        const std::int32_t scale = out.schema >= 0 ? 1 << out.schema : 1;
        const std::int32_t first =
            end == 0 ? -20 : (out.schema >= 0 ? 4 * end * scale : (4 * end) >> -out.schema) + 1;
        fill(first, out.positive_spans, out.positive_buckets);
        fill(first, out.negative_spans, out.negative_buckets);
        out.count = out.zero_count;
        for (const auto* buckets : {&out.positive_buckets, &out.negative_buckets})
            for (const double count : *buckets) out.count += count;
        return out;
    }

private:
    void fill(std::int32_t first, std::vector<Histogram::Span>& spans,
              std::vector<double>& buckets) {
        for (std::int32_t i = below(4); i > 0; --i) {
            const auto length = static_cast<std::uint32_t>(below(4));
            spans.push_back({(spans.empty() ? first : 0) + below(8), length});
            for (std::uint32_t n = 0; n < length; ++n) buckets.push_back(below(4));
        }
    }
    std::mt19937_64 random_;
};

std::uint64_t seed() {
    const char* asked = std::getenv("VEDETTE_SEED");
    return asked != nullptr ? std::strtoull(asked, nullptr, 10) : std::random_device{}();
}

}  // namespace

TEST_CASE("bounds are the powers of two at whole indices of every schema", "[core][histogram]") {
    CHECK(bucket_bound(0, 0, {}) == 1);
    CHECK(bucket_bound(-1, 0, {}) == 0.5);
    CHECK(bucket_bound(3, -2, {}) == 4096);
    CHECK(bucket_bound(256 * 3, 8, {}) == 8);
    // To the bit as Prometheus has them, which is not always the nearest double.
    CHECK(bucket_bound(1, 1, {}) == 1.414213562373095);
    CHECK(bucket_bound(-1, 2, {}) == 0.8408964152537144);
    CHECK(bucket_bound(255, 8, {}) == 1.9945921121709396);
    CHECK(bucket_bound(1024, 0, {}) == std::numeric_limits<double>::max());
    CHECK(bucket_bound(1025, 0, {}) == infinity);
    CHECK(bucket_bound(std::int64_t{1} << 40, -4, {}) == infinity);
    CHECK(bucket_bound(-(std::int64_t{1} << 40), 8, {}) == 0);
    const std::vector<double> bounds = {-1, 5};
    CHECK(bucket_bound(-1, custom_buckets_schema, bounds) == -infinity);
    CHECK(bucket_bound(1, custom_buckets_schema, bounds) == 5);
    CHECK(bucket_bound(2, custom_buckets_schema, bounds) == infinity);
}

TEST_CASE("a histogram prints its buckets from the lowest to the highest", "[core][histogram]") {
    Histogram h = exponential(0, {2, 0, 1});
    CHECK(to_string(h) == "{count:3, sum:0, (0.5,1]:2, (2,4]:1}");
    h.negative_spans = {{1, 2}};
    h.negative_buckets = {1, 1.5};
    h.zero_threshold = 0.25;
    h.zero_count = 7;
    h.sum = -1e6;
    CHECK(to_string(h) ==
          "{count:3, sum:-1e+06, [-4,-2):1.5, [-2,-1):1, [-0.25,0.25]:7, (0.5,1]:2, (2,4]:1}");
    CHECK(to_string(custom({1, 5}, {1, 2, 3})) ==
          "{count:6, sum:0, [-Inf,1]:1, (1,5]:2, (5,+Inf]:3}");
    CHECK(to_string(Histogram()) == "{count:0, sum:0}");
}

TEST_CASE("sums and differences are those of buckets one by one", "[core][histogram]") {
    const std::uint64_t from = seed();
    INFO("VEDETTE_SEED=" << from << " shows this again");
    Dice dice(from);
    for (int i = 0; i < 3000; ++i) {
        const Histogram a = dice.histogram(), b = dice.histogram();
        const double sign = dice.below(2) == 0 ? 1 : -1;
        Plain expected(a);
        expected.add(Plain(b), sign);
        Histogram got = a;
        REQUIRE((sign > 0 ? add(got, b) : subtract(got, b)) == Incompatible::No);
        compact(got);
        CAPTURE(i, sign, to_string(a), a.schema, to_string(b), b.schema);
        // A coarser bucket that reaches into the other's zero bucket is where Prometheus counts
        // twice, and so do we; the twin does not.
        if (a.schema != b.schema && a.zero_threshold != b.zero_threshold) continue;
        CHECK(Plain(got).shown() == expected.shown());
    }
}

TEST_CASE("a counter that only grew was not reset, whatever its layout", "[core][histogram]") {
    const std::uint64_t from = seed();
    INFO("VEDETTE_SEED=" << from << " shows this again");
    Dice dice(from);
    for (int i = 0; i < 3000; ++i) {
        const Histogram before = dice.histogram();
        Histogram more = dice.histogram();
        more.schema = before.schema;
        more.zero_threshold = before.zero_threshold;
        Histogram now = before;
        add(now, more);
        CAPTURE(i, to_string(before), to_string(now), now.schema);
        CHECK(!is_reset(now, before));
        CHECK(!is_reset(at_schema(now, -3), before));
        CHECK(is_reset(before, now) ==
              (Plain(before).shown() != Plain(now).shown() && (now.count != before.count)));
    }
}

TEST_CASE("a counter was reset when something of it is gone", "[core][histogram]") {
    struct Row {
        const char* what;
        Histogram now, before;
        bool reset;
    };
    const auto hinted = [](Histogram h, Histogram::ResetHint hint) {
        h.reset_hint = hint;
        return h;
    };
    const auto zeroed = [](Histogram h, double threshold, double count) {
        h.zero_threshold = threshold;
        h.zero_count = count;
        h.count += count;
        return h;
    };
    const Histogram some = exponential(0, {1, 2});
    const std::vector<Row> rows = {
        {"the same again", some, some, false},
        {"a smaller count", exponential(0, {1, 1}), some, true},
        {"a bucket moved", exponential(0, {2, 1}), some, true},
        {"a bucket gone", exponential(0, {4}), some, true},
        {"a bucket gone behind an empty one that is gone", exponential(0, {5, 1}),
         exponential(0, {1, 1, 0, 1}), false},
        {"an empty bucket gone", exponential(0, {4}), exponential(0, {1, 0}), false},
        {"a finer schema", exponential(1, {4, 4, 4, 4}, -3), some, true},
        {"a coarser schema", exponential(-1, {3, 3}), some, false},
        {"a wider zero bucket", zeroed(exponential(0, {2}, 1), 1, 1), some, false},
        {"a wider zero bucket that lacks some", zeroed(exponential(0, {3}, 1), 1, 0), some, true},
        {"a zero bucket that ends inside a bucket", zeroed(exponential(0, {2}, 1), 0.75, 1), some,
         true},
        {"a narrower zero bucket", zeroed(some, 0.25, 1), zeroed(some, 0.5, 0), true},
        {"other bounds", custom({1}, {5, 5}), custom({2}, {1, 1}), true},
        {"the same bounds", custom({1}, {5, 5}), custom({1}, {1, 1}), false},
        {"bounds instead of a schema", custom({1}, {5, 5}), some, true},
        {"a hint that says so", hinted(some, Histogram::ResetHint::Reset), some, true},
        {"a hint that says no", hinted(exponential(0, {}), Histogram::ResetHint::NotReset), some,
         false},
        {"a gauge is looked at like a counter",
         hinted(exponential(0, {1, 1}), Histogram::ResetHint::Gauge), some, true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(is_reset(row.now, row.before) == row.reset);
    }
}

TEST_CASE("histograms of different kinds have no sum", "[core][histogram]") {
    const Histogram a = custom({1}, {1, 2});
    Histogram sum = a;
    CHECK(add(sum, exponential(0, {1})) == Incompatible::Schema);
    CHECK(subtract(sum, custom({2}, {1})) == Incompatible::Bounds);
    CHECK(same_data(sum, a));
    CHECK(add(sum, a) == Incompatible::No);
    CHECK(to_string(sum) == "{count:6, sum:0, [-Inf,1]:2, (1,+Inf]:4}");
}

TEST_CASE("division by zero leaves no buckets", "[core][histogram]") {
    Histogram h = exponential(0, {1, 2});
    divide(h, 0);
    CHECK(to_string(h) == "{count:+Inf, sum:NaN, [-0,0]:NaN}");
}

TEST_CASE("a hint that was sent is kept as Prometheus's storage keeps it", "[core][histogram]") {
    using Hint = Histogram::ResetHint;
    const Histogram some = exponential(0, {1, 2}), more = exponential(0, {1, 3});
    Histogram sent = more, gauge = some, stale;
    CHECK(stored_reset_hint(sent, nullptr) == Hint::Unknown);
    CHECK(stored_reset_hint(sent, &some) == Hint::NotReset);
    CHECK(stored_reset_hint(some, &more) == Hint::Unknown);
    CHECK(stored_reset_hint(exponential(-1, {9}), &some) == Hint::Unknown);
    sent.reset_hint = Hint::Reset;
    CHECK(stored_reset_hint(sent, &some) == Hint::Unknown);
    sent.reset_hint = Hint::NotReset;
    CHECK(stored_reset_hint(sent, nullptr) == Hint::Unknown);
    gauge.reset_hint = Hint::Gauge;
    CHECK(stored_reset_hint(gauge, &some) == Hint::Gauge);
    CHECK(stored_reset_hint(more, &gauge) == Hint::Unknown);
    stale.sum = stale_marker();
    CHECK(stored_reset_hint(more, &stale) == Hint::Unknown);
}

TEST_CASE("what cannot be a histogram is refused in Prometheus's words", "[core][histogram]") {
    struct Row {
        Histogram histogram;
        const char* error;
    };
    const auto with = [](Histogram h, auto change) {
        change(h);
        return h;
    };
    const Histogram some = exponential(0, {1, 2});
    const std::vector<Row> rows = {
        {with(some, [](Histogram& h) { h.positive_buckets.pop_back(); }),
         "positive side: spans need 2 buckets, have 1 buckets: histogram spans specify different "
         "number of buckets than provided"},
        {with(some, [](Histogram& h) { h.positive_spans.push_back({-1, 0}); }),
         "positive side: span number 2 with offset -1: histogram has a span whose offset is "
         "negative"},
        {with(some, [](Histogram& h) { h.positive_buckets[1] = -2; }),
         "positive side: bucket number 2 has observation count of -2: histogram has a bucket whose "
         "observation count is negative"},
        {with(some, [](Histogram& h) { h.custom_bounds = {1}; }),
         "histogram with exponential schema must not have custom bounds"},
        {with(some, [](Histogram& h) { h.schema = 9; }), "histogram has the unknown schema 9"},
        {with(some, [](Histogram& h) { h.count = 4; }),
         "3 observations found in buckets, but the Count field is 4: histogram's observation count "
         "should equal the number of observations found in the buckets (in absence of NaN)"},
        {custom({2, 1}, {1}),
         "custom buckets: previous bound is 2.000000 and current is 1.000000: histogram custom "
         "bounds must be in strictly increasing order"},
        {custom({1, infinity}, {1}),
         "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds "
         "must be finite"},
        {custom({1}, {1, 2, 3}),
         "custom buckets: only 1 custom bounds defined which is insufficient to cover total span "
         "length of 3: histogram custom bounds are too few"},
    };
    for (const Row& row : rows) {
        const auto good = validate(row.histogram, true);
        REQUIRE(!good);
        CHECK(good.error().message == row.error);
    }
    CHECK(validate(some, true));
    CHECK(validate(with(some, [](Histogram& h) { h.count = 4; }), false));
    CHECK(validate(custom({1}, {1, 2}), true));
}
