#include "core/histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

namespace vedette {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

using Side = std::vector<IndexedCount>;

Side positive(const Histogram& h) {
    return indexed_counts(h.positive_spans, h.positive_buckets);
}
Side negative(const Histogram& h) {
    return indexed_counts(h.negative_spans, h.negative_buckets);
}

void set_side(const Side& side, std::vector<Histogram::Span>& spans, std::vector<double>& buckets) {
    spans.clear();
    buckets.clear();
    std::int64_t next = 0;
    for (const IndexedCount& bucket : side) {
        if (spans.empty() || bucket.index != next)
            spans.push_back({static_cast<std::int32_t>(bucket.index - next), 1});
        else
            ++spans.back().length;
        buckets.push_back(bucket.count);
        next = bucket.index + 1;
    }
}

void set_positive(Histogram& h, const Side& side) {
    set_side(side, h.positive_spans, h.positive_buckets);
}
void set_negative(Histogram& h, const Side& side) {
    set_side(side, h.negative_spans, h.negative_buckets);
}

/// The same counts in the buckets of a coarser schema.
Side reduced(const Side& side, std::int32_t from, std::int32_t to) {
    if (from <= to) return side;
    Side out;
    for (const IndexedCount& bucket : side) {
        const std::int64_t index = ((bucket.index - 1) >> (from - to)) + 1;
        if (!out.empty() && out.back().index == index)
            out.back().count += bucket.count;
        else
            out.push_back({index, bucket.count});
    }
    return out;
}

double exponential_bound(std::int64_t index, std::int32_t schema) {
    return bucket_bound(index, schema, {});
}

/// Without the buckets that end inside the zero bucket.
Side beyond(Side side, std::int32_t schema, double threshold) {
    const auto first = std::ranges::find_if(side, [&](const IndexedCount& bucket) {
        return exponential_bound(bucket.index, schema) > threshold;
    });
    side.erase(side.begin(), first);
    return side;
}

Side merged(const Side& into, const Side& other, double sign) {
    Side out;
    out.reserve(into.size() + other.size());
    auto a = into.begin();
    for (const IndexedCount& bucket : other) {
        while (a != into.end() && a->index < bucket.index) out.push_back(*a++);
        if (a != into.end() && a->index == bucket.index)
            out.push_back({bucket.index, (a++)->count + sign * bucket.count});
        else
            out.push_back({bucket.index, sign * bucket.count});
    }
    out.insert(out.end(), a, into.end());
    return out;
}

struct ZeroBucket {
    double count, threshold;
};

/// What the zero bucket holds when it reaches at least to `threshold`: up to the end of the
/// populated bucket in which that lies.
ZeroBucket widened(const Histogram& h, const Side& above, const Side& below, double threshold) {
    if (threshold == h.zero_threshold) return {h.zero_count, threshold};
    for (;;) {
        double count = h.zero_count;
        bool again = false;
        for (const Side* side : {&above, &below}) {
            for (const IndexedCount& bucket : *side) {
                if (exponential_bound(bucket.index - 1, h.schema) >= threshold) break;
                count += bucket.count;
                const double end = exponential_bound(bucket.index, h.schema);
                if (end <= threshold) continue;
                if (bucket.count != 0) {
                    threshold = end;
                    // The other side was looked at with the narrower one.
                    again = side == &below;
                }
                break;
            }
            if (again) break;
        }
        if (!again) return {count, threshold};
    }
}

/// Empties what lies inside the zero bucket and leaves out all that is empty.
void trim(Histogram& h, Side& above, Side& below) {
    for (Side* side : {&above, &below}) {
        for (IndexedCount& bucket : *side) {
            if (exponential_bound(bucket.index - 1, h.schema) >= h.zero_threshold) break;
            bucket.count = 0;
        }
        std::erase_if(*side, [](const IndexedCount& bucket) { return bucket.count == 0; });
    }
}

Histogram::ResetHint hint_of_sum(Histogram::ResetHint a, Histogram::ResetHint b) {
    using Hint = Histogram::ResetHint;
    if (a == b) return a;
    return a == Hint::Gauge || b == Hint::Gauge ? Hint::Gauge : Hint::Unknown;
}

bool same_bits(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool same_bounds(const Histogram& a, const Histogram& b) {
    return std::ranges::equal(a.custom_bounds, b.custom_bounds, same_bits);
}

Incompatible combine(Histogram& into, const Histogram& other, double sign) {
    const bool custom = uses_custom_buckets(into);
    if (custom != uses_custom_buckets(other)) return Incompatible::Schema;
    if (custom && !same_bounds(into, other)) return Incompatible::Bounds;
    into.count += sign * other.count;
    into.sum += sign * other.sum;
    if (custom) {
        set_positive(into, merged(positive(into), positive(other), sign));
        return Incompatible::No;
    }
    Side above = positive(into), below = negative(into);
    Side other_above = positive(other), other_below = negative(other);
    ZeroBucket zero{other.zero_count, other.zero_threshold};
    while (zero.threshold < into.zero_threshold || zero.threshold > into.zero_threshold) {
        if (into.zero_threshold > zero.threshold)
            zero = widened(other, other_above, other_below, into.zero_threshold);
        if (zero.threshold > into.zero_threshold) {
            const ZeroBucket wider = widened(into, above, below, zero.threshold);
            into.zero_count = wider.count;
            into.zero_threshold = wider.threshold;
            trim(into, above, below);
        }
    }
    into.zero_count += sign * zero.count;
    const std::int32_t schema = std::min(into.schema, other.schema);
    const auto joined = [&](const Side& a, const Side& b) {
        return merged(reduced(a, into.schema, schema),
                      beyond(reduced(b, other.schema, schema), schema, into.zero_threshold), sign);
    };
    set_positive(into, joined(above, other_above));
    set_negative(into, joined(below, other_below));
    into.schema = schema;
    return Incompatible::No;
}

void scale(Histogram& h, double (*scaled)(double, double), double by) {
    for (double* value : {&h.zero_count, &h.count, &h.sum}) *value = scaled(*value, by);
    for (double& value : h.positive_buckets) value = scaled(value, by);
    for (double& value : h.negative_buckets) value = scaled(value, by);
}

bool any_smaller(const Side& current, const Side& previous) {
    auto at = current.begin();
    for (const IndexedCount& before : previous) {
        while (at != current.end() && at->index < before.index) ++at;
        // Behind the last bucket there is now, Prometheus looks at one bucket more and no further.
        if (at == current.end()) return before.count != 0;
        if (at->index == before.index ? at->count < before.count : before.count != 0) return true;
    }
    return false;
}

bool same_side(const Side& a, const Side& b) {
    return std::ranges::equal(a, b, [](const IndexedCount& x, const IndexedCount& y) {
        return x.index == y.index && same_bits(x.count, y.count);
    });
}

/// What the zero bucket covers is shown once.
HistogramBucket clipped(HistogramBucket bucket, double threshold) {
    if (bucket.upper < 0 && bucket.upper > -threshold) bucket.upper = -threshold;
    if (bucket.lower > 0 && bucket.lower < threshold) bucket.lower = threshold;
    return bucket;
}

void append_bucket(std::string& out, const HistogramBucket& bucket) {
    out += ", ";
    out += bucket.lower_inclusive ? '[' : '(';
    append_value(out, bucket.lower);
    out += ',';
    append_value(out, bucket.upper);
    out += bucket.upper_inclusive ? "]:" : "):";
    append_value(out, bucket.count);
}

/// Far beyond any double's, so that it may be cut off.
int to_exponent(std::int64_t exponent) {
    return static_cast<int>(std::clamp<std::int64_t>(exponent, -5000, 5000));
}

/// Prometheus's bounds of schema 8 between 1 and 2 lie some units in the last place beside the
/// numbers they stand for: here one more than how many below. Coarser schemas have every second
/// one, every fourth, …
constexpr std::string_view units_below =
    "1111112111211111112311222222222211211121122211221122102211221122"
    "1111112222332132112111211112111111121011213311221222112121332222"
    "2121223322322122222222323233323311221121223321332233212232332232"
    "2243223233433343333333444455435422322333324422333243223333543344";
static_assert(units_below.size() == 1 << exponential_schema_max);

double finest_bound(std::int64_t part) {
    const auto at = static_cast<std::size_t>(part) % units_below.size();
    // Half of the precision is spare, so the rounding to a double is the right one.
    const long double exact = std::exp2(static_cast<long double>(at) / units_below.size());
    const auto bits = std::bit_cast<std::uint64_t>(static_cast<double>(exact));
    return std::bit_cast<double>(bits + 1 - static_cast<std::uint64_t>(units_below[at] - '0'));
}

}  // namespace

std::vector<IndexedCount> indexed_counts(std::span<const Histogram::Span> spans,
                                         std::span<const double> buckets) {
    std::vector<IndexedCount> out;
    out.reserve(buckets.size());
    std::int64_t index = 0;
    for (const Histogram::Span& span : spans) {
        index += span.offset;
        for (std::uint32_t i = 0; i < span.length && out.size() < buckets.size(); ++i, ++index)
            out.push_back({index, buckets[out.size()]});
    }
    return out;
}

double bucket_bound(std::int64_t index, std::int32_t schema,
                    std::span<const double> custom_bounds) {
    if (schema == custom_buckets_schema) {
        if (index < 0) return -infinity;
        const auto at = static_cast<std::size_t>(index);
        return at < custom_bounds.size() ? custom_bounds[at] : infinity;
    }
    constexpr double largest = std::numeric_limits<double>::max();
    if (schema < 0) {
        const std::int64_t exponent = index * (std::int64_t{1} << -schema);
        return exponent == 1024 ? largest : std::ldexp(1.0, to_exponent(exponent));
    }
    const std::int64_t exponent = index >> schema;
    const std::int64_t part = (index - (exponent << schema)) << (exponential_schema_max - schema);
    if (part == 0 && exponent == 1024) return largest;
    return std::ldexp(finest_bound(part), to_exponent(exponent));
}

std::vector<HistogramBucket> all_buckets(const Histogram& h) {
    std::vector<HistogramBucket> out;
    const bool custom = uses_custom_buckets(h);
    const auto bound = [&](std::int64_t index) {
        return bucket_bound(index, h.schema, h.custom_bounds);
    };
    const Side below = negative(h);
    for (auto at = below.rbegin(); at != below.rend(); ++at)
        out.push_back(clipped({-bound(at->index), -bound(at->index - 1), at->count, true, false},
                              h.zero_threshold));
    if (h.zero_count > 0)
        out.push_back({-h.zero_threshold, h.zero_threshold, h.zero_count, true, true});
    for (const IndexedCount& bucket : positive(h)) {
        const HistogramBucket whole{bound(bucket.index - 1), bound(bucket.index), bucket.count,
                                    custom && bucket.index == 0, true};
        out.push_back(custom ? whole : clipped(whole, h.zero_threshold));
    }
    return out;
}

std::string to_string(const Histogram& h) {
    std::string out = "{count:";
    append_value(out, h.count);
    out += ", sum:";
    append_value(out, h.sum);
    Histogram shown = h;
    // Here, unlike elsewhere, buckets are shown with their own bounds.
    shown.zero_threshold = 0;
    shown.zero_count = 0;
    bool zero_shown = h.zero_count == 0;
    const HistogramBucket zero{-h.zero_threshold, h.zero_threshold, h.zero_count, true, true};
    for (const HistogramBucket& bucket : all_buckets(shown)) {
        const bool is_negative = bucket.upper < 0 && !uses_custom_buckets(h);
        if (!is_negative && !std::exchange(zero_shown, true)) append_bucket(out, zero);
        if (bucket.count != 0) append_bucket(out, bucket);
    }
    if (!zero_shown) append_bucket(out, zero);
    return out + '}';
}

Incompatible add(Histogram& into, const Histogram& other) {
    const Incompatible result = combine(into, other, 1);
    if (result == Incompatible::No)
        into.reset_hint = hint_of_sum(into.reset_hint, other.reset_hint);
    return result;
}

Incompatible subtract(Histogram& from, const Histogram& other) {
    return combine(from, other, -1);
}

Incompatible add_to_mean(Histogram& mean, const Histogram& next, double count) {
    Histogram apart = next, part = mean;
    divide(apart, count);
    divide(part, count);
    const Incompatible why = subtract(apart, part);
    return why == Incompatible::No ? add(mean, apart) : why;
}

void multiply(Histogram& h, double factor) {
    scale(h, [](double value, double by) { return value * by; }, factor);
}

void divide(Histogram& h, double divisor) {
    if (divisor == 0) {
        for (auto* spans : {&h.positive_spans, &h.negative_spans}) spans->clear();
        for (auto* buckets : {&h.positive_buckets, &h.negative_buckets}) buckets->clear();
    }
    scale(h, [](double value, double by) { return value / by; }, divisor);
}

void compact(Histogram& h) {
    const auto without_empty = [](Side side) {
        std::erase_if(side, [](const IndexedCount& bucket) { return bucket.count == 0; });
        return side;
    };
    set_positive(h, without_empty(positive(h)));
    set_negative(h, without_empty(negative(h)));
}

Histogram at_schema(const Histogram& h, std::int32_t schema) {
    if (schema == h.schema) return h;
    Histogram out = h;
    out.schema = schema;
    out.reset_hint = Histogram::ResetHint::Unknown;
    set_positive(out, reduced(positive(h), h.schema, schema));
    set_negative(out, reduced(negative(h), h.schema, schema));
    return out;
}

bool same_data(const Histogram& a, const Histogram& b) {
    return a.schema == b.schema && same_bits(a.count, b.count) && same_bits(a.sum, b.sum) &&
           same_bounds(a, b) && a.zero_threshold == b.zero_threshold &&
           same_bits(a.zero_count, b.zero_count) && same_side(positive(a), positive(b)) &&
           same_side(negative(a), negative(b));
}

bool is_reset(const Histogram& current, const Histogram& previous) {
    if (current.reset_hint == Histogram::ResetHint::Reset) return true;
    if (current.reset_hint == Histogram::ResetHint::NotReset) return false;
    if (current.count < previous.count) return true;
    const bool custom = uses_custom_buckets(current);
    if (custom != uses_custom_buckets(previous)) return true;
    if (custom)
        return !same_bounds(current, previous) ||
               any_smaller(positive(current), positive(previous));
    if (current.schema > previous.schema || current.zero_threshold < previous.zero_threshold)
        return true;
    const Side above = positive(previous), below = negative(previous);
    const ZeroBucket zero = widened(previous, above, below, current.zero_threshold);
    if (zero.threshold != current.zero_threshold || current.zero_count < zero.count) return true;
    const auto smaller = [&](const Side& now, const Side& before) {
        return any_smaller(beyond(now, current.schema, current.zero_threshold),
                           beyond(reduced(before, previous.schema, current.schema), current.schema,
                                  current.zero_threshold));
    };
    return smaller(positive(current), above) || smaller(negative(current), below);
}

Histogram::ResetHint stored_reset_hint(const Histogram& sent, const Histogram* previous) {
    using Hint = Histogram::ResetHint;
    if (sent.reset_hint == Hint::Gauge) return Hint::Gauge;
    // What begins a chunk may be anything, even when it was sent as a reset.
    if (sent.reset_hint == Hint::Reset || previous == nullptr ||
        previous->reset_hint == Hint::Gauge || is_stale(previous->sum) ||
        sent.schema != previous->schema || sent.zero_threshold != previous->zero_threshold)
        return Hint::Unknown;
    const bool smaller = sent.count < previous->count || !same_bounds(sent, *previous) ||
                         sent.zero_count < previous->zero_count ||
                         any_smaller(positive(sent), positive(*previous)) ||
                         any_smaller(negative(sent), negative(*previous));
    return smaller ? Hint::Unknown : Hint::NotReset;
}

namespace {

tl::unexpected<Error> refused(std::string where, std::string_view why) {
    return fail(Fault::BadInput, std::move(where) + ": " + std::string(why));
}

Result<void> check_spans(const std::vector<Histogram::Span>& spans, std::size_t buckets,
                         bool custom) {
    std::uint64_t needed = 0;
    for (std::size_t i = 0; i < spans.size(); ++i) {
        if ((i > 0 || custom) && spans[i].offset < 0)
            return refused(fmt::format("span number {} with offset {}", i + 1, spans[i].offset),
                           "histogram has a span whose offset is negative");
        needed += spans[i].length;
    }
    if (needed == buckets) return {};
    return refused(fmt::format("spans need {} buckets, have {} buckets", needed, buckets),
                   "histogram spans specify different number of buckets than provided");
}

Result<void> check_counts(const std::vector<double>& buckets) {
    for (std::size_t i = 0; i < buckets.size(); ++i)
        if (buckets[i] < 0)
            return refused(fmt::format("bucket number {} has observation count of {}", i + 1,
                                       format_value(buckets[i])),
                           "histogram has a bucket whose observation count is negative");
    return {};
}

Result<void> check_custom(const Histogram& h) {
    double before = -infinity;
    for (const double bound : h.custom_bounds) {
        if (!(bound > before))
            return refused(fmt::format("previous bound is {:f} and current is {:f}", before, bound),
                           "histogram custom bounds must be in strictly increasing order");
        before = bound;
    }
    if (before == infinity)
        return refused("last +Inf bound must not be explicitly defined",
                       "histogram custom bounds must be finite");
    if (auto good = check_spans(h.positive_spans, h.positive_buckets.size(), true); !good)
        return good;
    std::uint64_t length = 0;
    for (const Histogram::Span& span : h.positive_spans)
        length += span.length + static_cast<std::uint64_t>(span.offset);
    if (length > h.custom_bounds.size() + 1)
        return refused(fmt::format("only {} custom bounds defined which is insufficient to cover "
                                   "total span length of {}",
                                   h.custom_bounds.size(), length),
                       "histogram custom bounds are too few");
    if (h.zero_count != 0) return fail(Fault::BadInput, "must have zero count of 0");
    if (h.zero_threshold != 0) return fail(Fault::BadInput, "must have zero threshold of 0");
    if (!h.negative_spans.empty()) return fail(Fault::BadInput, "must not have negative spans");
    if (!h.negative_buckets.empty()) return fail(Fault::BadInput, "must not have negative buckets");
    return {};
}

Result<void> check_side(std::string_view side, Result<void> good) {
    if (good) return good;
    return fail(Fault::BadInput, fmt::format("{} side: {}", side, good.error().message));
}

Result<void> check_exponential(const Histogram& h) {
    if (!is_known_schema(h.schema))
        return fail(Fault::BadInput, fmt::format("histogram has the unknown schema {}", h.schema));
    if (auto good =
            check_side("positive", check_spans(h.positive_spans, h.positive_buckets.size(), false));
        !good)
        return good;
    if (auto good =
            check_side("negative", check_spans(h.negative_spans, h.negative_buckets.size(), false));
        !good)
        return good;
    if (auto good = check_side("negative", check_counts(h.negative_buckets)); !good) return good;
    if (h.custom_bounds.empty()) return {};
    return fail(Fault::BadInput, "histogram with exponential schema must not have custom bounds");
}

Result<void> check_total(const Histogram& h) {
    double total = h.zero_count;
    for (const double count : h.positive_buckets) total += count;
    for (const double count : h.negative_buckets) total += count;
    const bool any_nan = std::isnan(h.sum);
    if (any_nan ? total <= h.count : total == h.count) return {};
    return refused(fmt::format("{} observations found in buckets, but the Count field is {}",
                               format_value(total), format_value(h.count)),
                   any_nan ? "histogram's observation count should be at least the number of "
                             "observations found in the buckets"
                           : "histogram's observation count should equal the number of "
                             "observations found in the buckets (in absence of NaN)");
}

}  // namespace

Result<void> validate(const Histogram& h, bool whole) {
    if (uses_custom_buckets(h)) {
        if (const auto good = check_custom(h); !good)
            return fail(Fault::BadInput, "custom buckets: " + good.error().message);
    } else if (auto good = check_exponential(h); !good) {
        return good;
    }
    if (auto good = check_side("positive", check_counts(h.positive_buckets)); !good) return good;
    return whole ? check_total(h) : Result<void>();
}

}  // namespace vedette
