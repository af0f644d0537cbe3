#include "promql/functions/histogram_windows.h"

#include <algorithm>

#include "core/histogram.h"

namespace vedette::promql {

namespace {

using Id = Function::Id;
using Hint = Histogram::ResetHint;

RangeNote note_of(Incompatible why) {
    return why == Incompatible::Schema ? MixedSchemas : MixedBounds;
}

std::size_t count_floats(const WindowSamples& w) {
    return static_cast<std::size_t>(std::ranges::count_if(w.values, is_number));
}

/// Functions that look at floats only: says so when there are both.
Cell of_floats(Id id, const WindowSamples& w, WindowArgs& args, RangeNotes& notes) {
    std::vector<Timestamp> times;
    std::vector<double> values;
    for (std::size_t i = 0; i < w.values.size(); ++i) {
        if (is_histogram(w.values[i])) continue;
        times.push_back(w.times[i]);
        values.push_back(w.values[i]);
    }
    // What is wrong with its factors is said before its samples are looked at.
    if (values.empty() && id != Id::DoubleExponentialSmoothing) return {};
    if (!values.empty()) notes |= HistogramsLeft;
    return Cell(window_function(id)({times, values, {}, w.begin, w.end, w.now}, args));
}

Cell sum_over(const WindowSamples& w, RangeNotes& notes) {
    auto sum = std::make_shared<Histogram>(*w.histograms.front());
    for (const HistogramRef& each : w.histograms.subspan(1)) {
        const Incompatible why = add(*sum, *each);
        if (why == Incompatible::No) continue;
        notes |= note_of(why);
        return {};
    }
    return Cell(HistogramRef(std::move(sum)));
}

Cell avg_over(const WindowSamples& w, RangeNotes& notes) {
    auto mean = std::make_shared<Histogram>(*w.histograms.front());
    for (std::size_t i = 1; i < w.histograms.size(); ++i) {
        const Incompatible why = add_to_mean(*mean, *w.histograms[i], static_cast<double>(i + 1));
        if (why == Incompatible::No) continue;
        notes |= note_of(why);
        return {};
    }
    return Cell(HistogramRef(std::move(mean)));
}

/// Nothing but the layout: what is there after a reset that nobody needs to look behind.
Histogram nothing_like(const Histogram& h) {
    Histogram out;
    out.schema = h.schema;
    out.custom_bounds = h.custom_bounds;
    return out;
}

/// What rate and its kin ask of the samples between the first and the last. False when the answer
/// is nothing.
bool inspect_counter(const WindowSamples& w, bool custom, std::int32_t& schema, RangeNotes& notes) {
    for (const HistogramRef& each : w.histograms.subspan(1, w.histograms.size() - 2)) {
        if (each->reset_hint == Hint::Gauge) notes |= NotCounter;
        schema = std::min(schema, each->schema);
        if (uses_custom_buckets(*each) == custom) continue;
        notes = MixedSchemas;
        return false;
    }
    return true;
}

/// The change from the first histogram to the last, resets of counters made good.
std::shared_ptr<Histogram> change_over(const WindowSamples& w, bool is_counter, RangeNotes& all) {
    const Histogram &first = *w.histograms.front(), &last = *w.histograms.back();
    const Histogram& second = *w.histograms[1];
    const bool any_gauge = first.reset_hint == Hint::Gauge || last.reset_hint == Hint::Gauge;
    RangeNotes notes = 0;
    if (is_counter && any_gauge) notes |= NotCounter;
    // What was before a reset at once need not even have the same kind of buckets.
    const bool reset_first = is_counter && is_reset(second, first);
    const Histogram nothing = reset_first ? nothing_like(second) : Histogram();
    const Histogram* before = reset_first ? &nothing : &first;
    const bool custom = uses_custom_buckets(*before);
    std::int32_t schema = std::min(last.schema, before->schema);
    if (uses_custom_buckets(last) != custom) {
        all |= notes | MixedSchemas;
        return nullptr;
    }
    if (is_counter && !inspect_counter(w, custom, schema, notes)) {
        all |= notes;
        return nullptr;
    }
    auto change = std::make_shared<Histogram>(at_schema(last, schema));
    Incompatible why = subtract(*change, *before);
    for (std::size_t i = 1; is_counter && why == Incompatible::No && i < w.histograms.size(); ++i) {
        const Histogram& now = *w.histograms[i];
        if (is_reset(now, *before)) why = add(*change, *before);
        before = &now;
    }
    if (why != Incompatible::No) {
        all |= note_of(why);
        return nullptr;
    }
    if (!is_counter && (first.reset_hint != Hint::Gauge || last.reset_hint != Hint::Gauge))
        notes |= NotGauge;
    all |= notes;
    change->reset_hint = Hint::Gauge;
    compact(*change);
    return change;
}

Cell rate_over(Id id, const WindowSamples& w, RangeNotes& notes) {
    if (w.values.size() < 2) return {};
    const bool is_counter = id != Id::Delta;
    const auto change = change_over(w, is_counter, notes);
    if (change == nullptr) return {};
    // Unlike a float, a histogram is followed below zero.
    Extrapolation extrapolation(false, id == Id::Rate);
    multiply(*change, extrapolation.factor(WindowTimes::of(w), 0, 0));
    return Cell(HistogramRef(change));
}

/// irate and idelta of the last two samples, of which one at least is a histogram.
Cell last_change_over(Id id, const WindowSamples& w, RangeNotes& notes) {
    const std::size_t n = w.values.size();
    if (n < 2) return {};
    if (!is_histogram(w.values[n - 1]) || !is_histogram(w.values[n - 2])) {
        notes |= MixedTypes;
        return {};
    }
    const Histogram &last = *w.histograms[n - 1], &before = *w.histograms[n - 2];
    const bool is_rate = id == Id::Irate;
    const bool any_gauge = last.reset_hint == Hint::Gauge || before.reset_hint == Hint::Gauge;
    const bool all_gauge = last.reset_hint == Hint::Gauge && before.reset_hint == Hint::Gauge;
    if (is_rate && any_gauge) notes |= NotCounter;
    if (!is_rate && !all_gauge) notes |= NotGauge;
    auto change = std::make_shared<Histogram>(last);
    if (!is_rate || !is_reset(last, before)) {
        const Incompatible why = subtract(*change, before);
        if (why != Incompatible::No) {
            notes |= note_of(why);
            return {};
        }
    }
    change->reset_hint = Hint::Gauge;
    compact(*change);
    if (is_rate)
        divide(*change, static_cast<double>((w.times[n - 1] - w.times[n - 2]).count()) / 1000);
    return Cell(HistogramRef(std::move(change)));
}

/// Empty buckets apart: Prometheus stores one layout for many samples of a series.
bool same_counts(const Histogram& a, const Histogram& b) {
    if (same_data(a, b)) return true;
    if (a.count != b.count) return false;
    Histogram x = a, y = b;
    compact(x);
    compact(y);
    return same_data(x, y);
}

/// changes and resets: each step from a float to a histogram or back is one.
Cell count_steps(Id id, const WindowSamples& w) {
    std::size_t count = 0;
    for (std::size_t i = 1; i < w.values.size(); ++i) {
        const bool was = is_histogram(w.values[i - 1]), is = is_histogram(w.values[i]);
        if (was != is) {
            ++count;
        } else if (is) {
            const Histogram &now = *w.histograms[i], &before = *w.histograms[i - 1];
            count += id == Id::Resets ? is_reset(now, before) : !same_counts(now, before);
        } else {
            WindowArgs none;
            const WindowSamples two{
                w.times.subspan(i - 1, 2), w.values.subspan(i - 1, 2), {}, 0, 0, 0};
            count += window_function(id)(two, none) > 0;
        }
    }
    return Cell(static_cast<double>(count));
}

}  // namespace

Cell over_histograms(Id id, const WindowSamples& w, WindowArgs& args, RangeNotes& notes) {
    const std::size_t floats = count_floats(w);
    switch (id) {
        case Id::CountOverTime:
            return Cell(static_cast<double>(w.values.size()));
        case Id::PresentOverTime:
            return Cell(1.0);
        case Id::TsOfLastOverTime:
            return Cell(window_function(id)(w, args));
        case Id::LastOverTime:
            return is_histogram(w.values.back()) ? Cell(w.histograms.back())
                                                 : Cell(w.values.back());
        case Id::Changes:
        case Id::Resets:
            return count_steps(id, w);
        case Id::Irate:
        case Id::Idelta:
            if (is_number(w.values.back()) && w.values.size() > 1 &&
                is_number(w.values[w.values.size() - 2]))
                return Cell(window_function(id)(w, args));
            return last_change_over(id, w, notes);
        case Id::DoubleExponentialSmoothing:
            // Its factors are looked at even when there is nothing to smooth.
            if (floats == 0) {
                const WindowSamples none{{}, {}, {}, w.begin, w.end, w.now};
                return Cell(window_function(id)(none, args));
            }
            return of_floats(id, w, args, notes);
        case Id::SumOverTime:
        case Id::AvgOverTime:
        case Id::Rate:
        case Id::Increase:
        case Id::Delta:
            break;
        default:
            return of_floats(id, w, args, notes);
    }
    if (floats > 0) {
        notes |= MixedTypes;
        return {};
    }
    if (id == Id::SumOverTime) return sum_over(w, notes);
    if (id == Id::AvgOverTime) return avg_over(w, notes);
    return rate_over(id, w, notes);
}

}  // namespace vedette::promql
