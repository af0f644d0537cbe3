#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/histogram.h"
#include "promql/evaluation/evaluator.h"
#include "promql/evaluation/strips.h"
#include "promql/functions/bucket_windows.h"

namespace vedette::promql {

namespace {

constexpr std::size_t floats_a_bucket = sizeof(Bucket) / sizeof(double);

/// Whether some are stale markers, or a float of the bits that mark histograms.
bool any_reserved(std::span<const double> values) {
    // Both are NaNs, and whether there is any NaN is quickly seen.
    std::size_t i = 0;
    for (; i + strip_length <= values.size(); i += strip_length)
        if (any_nan(values.data() + i) &&
            !std::ranges::all_of(values.subspan(i, strip_length), is_number))
            return true;
    return !std::ranges::all_of(values.subspan(i), is_number);
}

using Hint = Histogram::ResetHint;

HistogramRef counts_of(const Histogram& whole, Hint hint) {
    auto counts = std::make_shared<Histogram>();
    counts->reset_hint = hint;
    counts->count = whole.count;
    counts->sum = whole.sum;
    return counts;
}

/// Copies what is not stale, so that windows need not look, and marks the histograms.
class Fresh {
public:
    explicit Fresh(bool counts_only) : counts_only_(counts_only) {}

    SeriesSamples without_stale(const Column& all) {
        if (all.histograms.empty() && !any_reserved(all.floats))
            return {all.labels, all.times, all.floats, {}};
        times_.clear();
        values_.clear();
        histograms_.clear();
        bool any_histogram = false;
        const Histogram* last = nullptr;
        for (std::size_t i = 0; i < all.times.size(); ++i) {
            const HistogramRef* const histogram =
                all.histograms.empty() || !all.histograms[i] ? nullptr : &all.histograms[i];
            if (is_stale(histogram != nullptr ? (*histogram)->sum : all.floats[i])) continue;
            times_.push_back(all.times[i]);
            values_.push_back(histogram != nullptr ? histogram_marker() : quieted(all.floats[i]));
            histograms_.push_back(histogram == nullptr ? nullptr
                                  : counts_only_       ? without_buckets(**histogram, last)
                                                       : *histogram);
            if (histogram == nullptr) continue;
            last = histogram->get();
            any_histogram = true;
        }
        if (!any_histogram) histograms_.clear();
        return {all.labels, times_, values_, histograms_};
    }

    /// A float that happens to have the bits of the histogram marker becomes an ordinary NaN.
    static double quieted(double value) { return is_histogram(value) ? std::nan("") : value; }

private:
    /// Resets are looked for while the buckets are still there.
    static HistogramRef without_buckets(const Histogram& whole, const Histogram* last) {
        const bool known = whole.reset_hint != Hint::Unknown || last == nullptr;
        return counts_of(whole, known                    ? whole.reset_hint
                                : is_reset(whole, *last) ? Hint::Reset
                                                         : Hint::NotReset);
    }

    bool counts_only_;
    std::vector<Timestamp> times_;
    std::vector<double> values_;
    std::vector<HistogramRef> histograms_;
};

/// Leaves of the last row's histograms count and sum.
void leave_counts(Block& block) {
    const std::size_t row = block.rows() - 1;
    for (std::size_t i = 0; block.has_histograms() && i < block.steps; ++i)
        if (is_histogram(block.row(row)[i]))
            block.put(row, i,
                      counts_of(*block.histogram(row, i), block.histogram(row, i)->reset_hint));
}

/// How much longer a sample stays current because times are rounded where it is from.
std::int64_t rounded_by(std::span<const RolledUp> rolled_up, std::int64_t at) {
    for (const RolledUp& each : rolled_up)
        if (each.as == RolledUp::As::Rounded && each.times.holds({at}))
            return each.resolution.count();
    return 0;
}

/// At each step the newest sample not older than the look-back, unless it says the series ended.
/// True when there are histograms among them.
bool fill_latest(Block& block, const Column& column, const Steps& steps, std::int64_t lookback,
                 std::span<const RolledUp> rolled_up, bool want_times) {
    bool any_histogram = false;
    const std::size_t index = block.rows() - 1;
    const std::span<double> row = block.row(index);
    std::size_t seen = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::int64_t now = steps.at(i);
        while (seen < column.times.size() && column.times[seen].ms <= now) ++seen;
        if (seen == 0) continue;
        const std::int64_t at = column.times[seen - 1].ms;
        if (at <= now - lookback && at <= now - lookback - rounded_by(rolled_up, at)) continue;
        const double value = column.floats[seen - 1];
        const bool histogram = !column.histograms.empty() && column.histograms[seen - 1];
        if (is_stale(histogram ? column.histograms[seen - 1]->sum : value)) continue;
        any_histogram |= histogram;
        if (want_times)
            row[i] = static_cast<double>(at) / 1000;
        else if (histogram)
            block.put(index, i, column.histograms[seen - 1]);
        else
            row[i] = Fresh::quieted(value);
    }
    return any_histogram;
}

Window common(Window a, Window b) {
    return {std::max(a.from, b.from), std::min(a.to, b.to)};
}

/// A histogram counts for several.
std::int64_t samples_of(const SeriesSamples& series) {
    auto count = static_cast<std::int64_t>(series.times.size());
    for (const HistogramRef& each : series.histograms)
        if (each) count += samples_worth(*each) - 1;
    return count;
}

/// The samples between those that a subquery takes may have been resets: whether there was one is
/// to be found out anew.
HistogramRef with_open_hint(HistogramRef histogram) {
    if (histogram->reset_hint == Hint::Unknown || histogram->reset_hint == Hint::Gauge)
        return histogram;
    auto open = std::make_shared<Histogram>(*histogram);
    open->reset_hint = Hint::Unknown;
    return open;
}

}  // namespace

Surroundings::Subqueries Surroundings::from(std::size_t first) const {
    Subqueries all;
    for (std::size_t i = first; i < subqueries.size(); ++i) {
        if (subqueries[i].at) all = {0, 0, subqueries[i].at};
        all.offset += subqueries[i].offset;
        all.range += subqueries[i].range;
    }
    return all;
}

Surroundings Evaluator::inside(const Subquery& subquery, std::int64_t end, bool begins_here) const {
    Surroundings out = around_;
    out.end = end;
    out.subqueries.push_back(
        {subquery.shift.offset.count(), subquery.range.count(), time_of(subquery.shift)});
    if (!begins_here) out.since = out.subqueries.size();
    out.goes_on |= out.subqueries.back().at && around_.end > steps_.start;
    return out;
}

std::optional<std::int64_t> Evaluator::time_of(const Shift& shift) const {
    if (shift.at == Shift::At::Time) return shift.time.ms;
    if (shift.at == Shift::At::Step || around_.in_parameter) return std::nullopt;
    return (shift.at == Shift::At::Start ? context_.start : context_.end).ms;
}

Evaluator::View Evaluator::view_of(const Shift& shift) const {
    View view{steps_, false};
    if (const auto at = time_of(shift)) {
        const Surroundings::Subqueries near = around_.from(around_.since);
        view.steps = {*at + near.offset + (near.at ? steps_.start - *near.at : 0), 1, 1};
        view.fixed = true;
    }
    view.steps.start -= shift.offset.count();
    return view;
}

Window Evaluator::read_window(const Shift& shift, std::int64_t reach) const {
    const Surroundings::Subqueries all = around_.from(0);
    const auto at = time_of(shift);
    Window window{at       ? Timestamp{*at}
                  : all.at ? Timestamp{*all.at}
                           : context_.start,
                  at       ? Timestamp{*at}
                  : all.at ? Timestamp{*all.at}
                           : context_.end};
    if (!at) {
        window.from.ms -= all.offset + all.range;
        window.to.ms -= all.offset;
    }
    window.from.ms -= reach - 1 + shift.offset.count();
    window.to.ms -= shift.offset.count();
    return window;
}

Block Evaluator::spread(Block one) const {
    Block all(steps_.count);
    all.nameless = one.nameless;
    all.values.reserve(one.rows() * steps_.count);
    for (std::size_t i = 0; i < one.rows(); ++i) {
        std::ranges::fill(all.add(one.labels[i]), one.values[i]);
        all.name_goes.back() = one.name_goes[i];
        if (!is_histogram(one.values[i])) continue;
        for (std::size_t step = 0; step < all.steps; ++step) all.put(i, step, one.cell(i, 0));
    }
    return all;
}

Result<Block> Evaluator::select_latest(std::span<const Matcher> matchers, const Latest& wanted) {
    const Steps& steps = wanted.steps;
    Hints hints;
    hints.step = Milliseconds(steps.count == 1 ? 0 : steps.step);
    hints.range = context_.settings.lookback;
    // Buckets are looked for where the steps are.
    if (wanted.window.to.ms == steps.last()) hints.wanted = Hints::Wanted::Newest;
    hints.latest_only = steps.count == 1 && wanted.window.to.ms <= steps.start;
    return read_in_parts(
        matchers, wanted.window, hints,
        [&](Evaluator& part, SeriesCursor& cursor) { return part.read_latest(cursor, wanted); });
}

Result<Block> Evaluator::read_latest(SeriesCursor& cursor, const Latest& wanted) {
    const Steps& steps = wanted.steps;
    Block block(steps.count);
    Column column;
    while (cursor.next(column)) {
        ++context_.series;
        const std::size_t row = block.rows(), before = floats_of(block);
        block.add(*column.labels);
        if (fill_latest(block, column, steps, context_.settings.lookback.count(),
                        cursor.rolled_up(), wanted.want_times) &&
            wanted.floats_only)
            return fail(Fault::BadInput, "this should be an info metric, with float samples: " +
                                             in_braces(*column.labels));
        if (wanted.counts_only) leave_counts(block);
        const std::int64_t samples = samples_in_row(block, row);
        if (samples == 0)
            block.keep_rows(row);
        else if (const auto good = count_selected(block, row, samples); !good)
            return fail(good.error());
        if (const auto good = context_.charge(floats_of(block) - before); !good)
            return fail(good.error());
    }
    note_rolled_up(cursor, "");
    if (const auto good = context_.charge(0); !good) return fail(good.error());
    return block;
}

Result<void> Evaluator::count_selected(const Block& block, std::size_t row, std::int64_t samples) {
    if (block.steps == steps_.count) {
        add_samples_of_row(block, row, read_);
        return context_.hold(samples);
    }
    // One time, looked at anew at every step.
    for (std::int64_t& read : read_) read += samples;
    return context_.hold(samples * static_cast<std::int64_t>(steps_.count));
}

Result<Block> Evaluator::eval_selector(const Expr& expr, bool want_times) {
    const Selector& selector = *expr.as<Selector>();
    View view = view_of(selector.shift);
    const std::int64_t lookback = context_.settings.lookback.count();
    const bool forgets_offset = want_times && view.fixed;
    if (forgets_offset)  // `timestamp(x @ 10 offset 1m)`, after reading by it
        view.steps.start = *time_of(selector.shift);
    else if (view.fixed && around_.in_parameter)
        view = {{view.steps.start, steps_.step, steps_.count}, false};
    Window window{{view.steps.start - lookback}, {view.steps.last()}};
    if (forgets_offset || around_.are_odd())
        window = common(window, read_window(selector.shift, lookback));
    Result<Block> block = select_latest(
        selector.matchers, {window, view.steps, want_times, &expr == context_.counts_only});
    return block && view.fixed && steps_.count > 1 ? spread(std::move(*block)) : std::move(block);
}

Result<void> Evaluator::each_raw(const Expr& matrix, const Take& take) {
    const Expr& expr = unwrapped(matrix);
    if (const Subquery* subquery = expr.as<Subquery>()) {
        Result<Inner> inner = eval_subquery(*subquery);
        if (!inner) return fail(inner.error());
        read_[0] += inner->read;
        return each_of(std::move(*inner), take);
    }
    return each_selected(expr, nullptr, [&](const SeriesSamples& series) -> Result<void> {
        const std::int64_t samples = samples_of(series);
        read_[0] += samples;
        if (const auto good = context_.hold(samples); !good) return good;
        if (const auto good = context_.charge(2 * series.times.size()); !good) return good;
        return take(series);
    });
}

Result<void> Evaluator::each_selected(const Expr& expr, const Function* function,
                                      const Take& take) {
    const Selector& selector = *expr.as<Selector>();
    const Stretch stretch = stretch_of(selector, function);
    auto cursor =
        context_.source.select(selector.matchers, stretch.window, stretch.hints, context_.stop);
    if (!cursor) return fail(cursor.error());
    return each_read(**cursor, expr, function, take);
}

Evaluator::Stretch Evaluator::stretch_of(const Selector& selector, const Function* function) const {
    const Steps steps = view_of(selector.shift).steps;
    Stretch stretch{{{steps.start - selector.range.count()}, {steps.last()}}, {}};
    if (around_.are_odd())
        stretch.window =
            common(stretch.window, read_window(selector.shift, selector.range.count()));
    stretch.hints.step = Milliseconds(steps.count == 1 ? 0 : steps.step);
    stretch.hints.range = selector.range;
    if (function == nullptr) return stretch;
    stretch.hints.function = function->name;
    if (!around_.are_odd()) stretch.hints.wanted = wanted_by(function->id);
    return stretch;
}

void Evaluator::note_rolled_up(const SeriesCursor& cursor, std::string_view function) {
    for (const RolledUp& each : cursor.rolled_up()) context_.note(each, function);
}

Result<void> Evaluator::each_read(SeriesCursor& cursor, const Expr& expr, const Function* function,
                                  const Take& take) {
    Fresh fresh(&expr == context_.counts_only);
    Column column;
    while (cursor.next(column)) {
        ++context_.series;
        // Two floats for time and value of each sample, as long as this series is looked at.
        const std::size_t room = 2 * column.times.size() + floats_a_bucket * column.buckets.size();
        if (const auto good = context_.charge(room); !good) return good;
        SeriesSamples samples = fresh.without_stale(column);
        samples.buckets = column.buckets;
        for (const RolledUp& each : cursor.rolled_up())
            samples.buckets_to = std::max(samples.buckets_to, each.times.to.ms);
        if (!samples.times.empty() || !samples.buckets.empty())
            if (const auto good = take(samples); !good) return good;
        context_.release(room);
    }
    note_rolled_up(cursor, function == nullptr ? "" : function->name);
    return context_.charge(0);
}

Result<Evaluator::Inner> Evaluator::eval_subquery(const Subquery& subquery) {
    const View view = view_of(subquery.shift);
    // A fixed one goes on as long as the steps around it do, though nobody looks there.
    const std::int64_t end = view.steps.start + (around_.end - steps_.start);
    const std::int64_t step =
        subquery.step.count() > 0 ? subquery.step.count() : context_.settings.subquery_step.count();
    // Steps of a subquery are whole multiples of its step, whatever the query's own.
    const std::int64_t from = view.steps.start - subquery.range.count();
    std::int64_t first = step * (from / step);
    if (first <= from) first += step;
    if (first > end) return Inner{{}, Block(0), 0};
    const auto count = static_cast<std::size_t>((end - first) / step) + 1;
    // For the values, and for counting them.
    if (const auto good = context_.charge(3 * count); !good) return fail(good.error());
    Evaluator inner(context_, {first, step, count}, inside(subquery, end, first == steps_.start));
    Result<Block> block = inner.eval(*subquery.expr);
    if (!block) return fail(block.error());
    block->show_labels();
    return Inner{inner.steps_, std::move(*block),
                 std::accumulate(inner.read_.begin(), inner.read_.end(), std::int64_t{0})};
}

Result<void> Evaluator::each_of(Inner inner, const Take& take) {
    const Block& block = inner.block;
    std::vector<Timestamp> times;
    std::vector<double> values;
    std::vector<HistogramRef> histograms;
    for (std::size_t i = 0; i < block.rows(); ++i) {
        times.clear();
        values.clear();
        histograms.clear();
        const auto row = block.row(i);
        for (std::size_t at = 0; at < block.steps; ++at) {
            if (is_absent(row[at])) continue;
            times.push_back({inner.steps.at(at)});
            values.push_back(row[at]);
            if (!is_histogram(row[at])) continue;
            histograms.resize(values.size());
            histograms.back() = with_open_hint(block.histogram(i, at));
        }
        if (times.empty()) continue;
        if (!histograms.empty()) histograms.resize(values.size());
        if (const auto good =
                take({&block.labels[i], times, values, histograms, block.name_goes[i] != 0});
            !good)
            return good;
    }
    context_.held.samples -= samples_in(block);
    return {};
}

}  // namespace vedette::promql
