#include <algorithm>
#include <optional>

#include "promql/evaluation/evaluator.h"
#include "promql/evaluation/group_sums.h"
#include "promql/evaluation/strips.h"
#include "promql/functions/bucket_windows.h"
#include "promql/functions/histogram_windows.h"

namespace vedette::promql {

namespace {

using Id = Function::Id;

/// The first and one past the last sample of a left-open window, moving to the right only.
class Slide {
public:
    void to(std::span<const Timestamp> times, std::int64_t begin, std::int64_t end) {
        last_ = after(times, last_, times.size(), end, last_jump_);
        first_ = after(times, first_, last_, begin, first_jump_);
    }
    std::size_t first() const { return first_; }
    std::size_t last() const { return last_; }
    /// By how many samples both edges moved the last time; 0 when not by equally many.
    std::size_t jump() const { return first_jump_ == last_jump_ ? first_jump_ : 0; }
    /// Moves both edges by so many samples, where they are known to belong.
    void by(std::size_t samples) {
        first_ += samples;
        last_ += samples;
    }

private:
    // Past all times up to `ms`. Steady series move by the same number each time: that is tried
    // first.
    static std::size_t after(std::span<const Timestamp> times, std::size_t at, std::size_t limit,
                             std::int64_t ms, std::size_t& jump) {
        const std::size_t guess = at + jump;
        if (guess <= limit && (jump == 0 || times[guess - 1].ms <= ms) &&
            (guess == limit || times[guess].ms > ms))
            return guess;
        const std::size_t from = at;
        while (at < limit && times[at].ms <= ms) ++at;
        jump = at - from;
        return at;
    }

    std::size_t first_ = 0, last_ = 0, first_jump_ = 0, last_jump_ = 0;
};

/// The places at which a counter falls; in strips, because falls are rare and looking is not.
void find_falls(std::span<const double> values, std::vector<std::size_t>& falls) {
    falls.clear();
    std::size_t i = 1;
    const auto look = [&](std::size_t end) {
        for (; i < end; ++i)
            if (values[i] < values[i - 1]) falls.push_back(i);
    };
    while (i + strip_length <= values.size())
        if (any_falls(values.data() + i))
            look(i + strip_length);
        else
            i += strip_length;
    look(values.size());
}

/// Where the windows of a range vector lie.
struct Windows {
    Steps steps;  ///< window ends
    std::int64_t range = 0;
    Steps now;  ///< the evaluation's own times

    WindowSamples at(const SeriesSamples& series, const Slide& slide, std::size_t step) const {
        const std::int64_t end = steps.at(step);
        const std::size_t count = slide.last() - slide.first();
        return {series.times.subspan(slide.first(), count),
                series.values.subspan(slide.first(), count),
                series.histograms.empty() ? series.histograms
                                          : series.histograms.subspan(slide.first(), count),
                end - range,
                end,
                now.at(step)};
    }
};

/// What stands beside the range vector, a value for each step; empty when nothing does.
struct Parameters {
    std::span<const double> first, second;

    void to(WindowArgs& args, std::size_t step) const {
        if (!first.empty()) args.parameter = first[step];
        if (!second.empty()) args.trend = second[step];
    }
};

/// What of one series lies in the windows of a call: as much is in memory at each step.
class InWindows {
public:
    explicit InWindows(std::size_t steps) : at_steps_(steps) {}

    void begin(const SeriesSamples& series) {
        most_ = last_ = 0;
        worth_.clear();
        if (series.histograms.empty()) return;
        worth_.assign(1, 0);  // of all samples before each; a histogram counts for several
        for (const HistogramRef& each : series.histograms)
            worth_.push_back(worth_.back() + (each ? samples_worth(*each) : 1));
    }
    /// Of so many steps from this one on, each with as many samples in its window.
    void add_alike(std::size_t step, std::size_t steps, const Slide& slide) {
        check(worth_.empty(), "samples of a series without histograms are worth one each");
        last_ = static_cast<std::int64_t>(slide.last() - slide.first());
        for (std::size_t i = step; i < step + steps; ++i) at_steps_[i] += last_;
    }
    void add(std::size_t step, const Slide& slide) {
        last_ = static_cast<std::int64_t>(slide.last() - slide.first());
        if (!worth_.empty()) last_ = worth_[slide.last()] - worth_[slide.first()];
        most_ = std::max(most_, last_);
        at_steps_[step] += last_;
    }
    void add(std::size_t step, std::size_t count) {
        last_ = static_cast<std::int64_t>(count);
        most_ = std::max(most_, last_);
        at_steps_[step] += last_;
    }
    std::int64_t most() const { return most_; }
    /// What is there still when the results of the series are there too.
    std::int64_t last() const { return last_; }
    /// Adds to what was read at each step; one window may have been that of all.
    void add_to(StepCounts& read) const {
        for (std::size_t i = 0; i < read.size(); ++i)
            read[i] += at_steps_[at_steps_.size() == read.size() ? i : 0];
    }

private:
    StepCounts at_steps_;
    std::vector<std::int64_t> worth_;
    std::int64_t most_ = 0, last_ = 0;
};

/// Asks now and then, while the windows of one series are worked through, whether the answer is
/// still wanted: ten thousand windows of ten thousand samples take seconds.
class Patience {
public:
    explicit Patience(QueryContext& context) : context_(context) {}
    /// After a window of `samples`. False when the query is over; `good` says why.
    bool lasts(std::size_t samples) {
        constexpr std::size_t samples_between = std::size_t{1} << 18;
        looked_at_ += samples + 1;
        if (looked_at_ < samples_between) return true;
        looked_at_ = 0;
        good_ = context_.charge(0);
        return good_.has_value();
    }
    const Result<void>& good() const { return good_; }

private:
    QueryContext& context_;
    std::size_t looked_at_ = 0;
    Result<void> good_;
};

void fill_windows(std::span<double> row, const SeriesSamples& series, const Windows& windows,
                  WindowFunction function, const Parameters& parameters, WindowArgs& args,
                  InWindows& seen, Patience& patience) {
    Slide slide;
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::int64_t end = windows.steps.at(i);
        slide.to(series.times, end - windows.range, end);
        seen.add(i, slide);
        if (slide.first() == slide.last()) continue;
        parameters.to(args, i);
        row[i] = function(windows.at(series, slide, i), args);
        if (!patience.lasts(slide.last() - slide.first())) return;
    }
}

/// The rates of windows that lie like the one before them, moved on by as many samples as time: a
/// steady series has little else, and of those only the values differ.
///
///   samples      ·a···│····b·│··a'··│···b'·│          jump 7: a' and b' are 7 samples and one
///   window       └─── i ─────┘                        step after a and b, and so are the samples
///                       └── i + 1 ──┘                 just outside
class AlikeWindows {
public:
    AlikeWindows(const SeriesSamples& series, std::int64_t step) : series_(series), step_(step) {}

    /// Writes `rates[1]`, `rates[2]` … as far as windows are like that of `slide`, which is the one
    /// of `rates[0]`, the factor is the same and no sample before `end` is passed. Returns how
    /// many.
    std::size_t fill(std::span<double> rates, const Slide& slide, std::size_t end,
                     const Extrapolation& extrapolation) const {
        const std::size_t jump = slide.jump(), first = slide.first(), last = slide.last();
        if (jump == 0 || first == 0 || last == series_.times.size()) return 0;
        const Timestamp* const before = series_.times.data() + first - 1;
        const Timestamp* const after = series_.times.data() + last;
        const double* const values = series_.values.data();
        const std::size_t most = std::min(rates.size() - 1, (end - last) / jump);
        std::int64_t later = step_;
        std::size_t moved = jump;
        for (std::size_t i = 1; i <= most; ++i, moved += jump, later += step_) {
            // The last window may end with the last sample; who comes after is looked at elsewhere.
            const bool alike = before[moved].ms == before[0].ms + later &&
                               before[moved + 1].ms == before[1].ms + later &&
                               after[moved - 1].ms == after[-1].ms + later &&
                               last + moved < series_.times.size() &&
                               after[moved].ms == after[0].ms + later;
            const double from = values[first + moved], change = values[last + moved - 1] - from;
            if (!alike || !extrapolation.is_factor_plain(from, change)) return i - 1;
            rates[i] = change * extrapolation.plain_factor();
        }
        return most;
    }

private:
    const SeriesSamples& series_;
    std::int64_t step_;
};

/// rate, increase, delta. Counter resets are found once a series; a window adds those inside it.
void fill_extrapolated(std::span<double> row, const SeriesSamples& series, const Windows& windows,
                       Id id, std::vector<std::size_t>& resets, InWindows& seen,
                       Patience& patience) {
    const bool is_counter = id != Id::Delta;
    Extrapolation extrapolation(is_counter, id == Id::Rate);
    resets.clear();
    if (is_counter) find_falls(series.values, resets);
    const AlikeWindows alike(series, windows.steps.step);
    Slide slide;
    std::size_t next_reset = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::int64_t end = windows.steps.at(i);
        slide.to(series.times, end - windows.range, end);
        seen.add(i, slide);
        const std::size_t first = slide.first(), last = slide.last() - 1;
        if (slide.last() - slide.first() < 2) continue;
        double change = series.values[last] - series.values[first];
        while (next_reset < resets.size() && resets[next_reset] <= slide.first()) ++next_reset;
        for (std::size_t r = next_reset; r < resets.size() && resets[r] < slide.last(); ++r)
            change += series.values[resets[r] - 1];
        const std::int64_t begins = series.times[first].ms, ends = series.times[last].ms;
        const WindowTimes times{begins - (end - windows.range), end - ends, ends - begins,
                                windows.range, last - first + 1};
        row[i] = change * extrapolation.factor(times, series.values[first], change);
        if (!patience.lasts(resets.size() - next_reset)) return;
        const std::size_t until =
            next_reset < resets.size() ? resets[next_reset] : series.times.size();
        if (until < slide.last()) continue;
        const std::size_t more = alike.fill(row.subspan(i), slide, until, extrapolation);
        if (more == 0) continue;
        slide.by(more * slide.jump());
        seen.add_alike(i + 1, more, slide);
        i += more;
    }
}

/// The same for a series whose older samples are buckets.
void fill_from_buckets(std::span<double> row, const SeriesSamples& series, const Windows& windows,
                       Id id, InWindows& seen, Patience& patience) {
    std::vector<Timestamp> ends;
    ends.reserve(series.buckets.size());
    for (const Bucket& bucket : series.buckets) ends.push_back(bucket.end);
    Slide buckets, samples;
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::int64_t end = windows.steps.at(i), begin = end - windows.range;
        buckets.to(ends, begin, end);
        samples.to(series.times, begin, end);
        const std::size_t whole = buckets.last() - buckets.first();
        const std::size_t count = whole + samples.last() - samples.first();
        seen.add(i, count);
        if (count == 0) continue;
        row[i] = over_buckets(id, {series.buckets.subspan(buckets.first(), whole),
                                   windows.at(series, samples, i), series.buckets_to});
        if (!patience.lasts(count)) return;
    }
}

/// The same for a series that has histograms among its samples, into the last row.
void fill_mixed(Block& block, const SeriesSamples& series, const Windows& windows, Id id,
                const Parameters& parameters, WindowArgs& args, RangeNotes& notes, InWindows& seen,
                Patience& patience) {
    const std::size_t row = block.rows() - 1;
    const bool is_rate = id == Id::Rate || id == Id::Increase || id == Id::Delta;
    std::vector<std::size_t> resets;
    InWindows again(1);
    Slide slide;
    for (std::size_t i = 0; i < block.steps; ++i) {
        const std::int64_t end = windows.steps.at(i);
        slide.to(series.times, end - windows.range, end);
        seen.add(i, slide);
        if (slide.first() == slide.last()) continue;
        if (!patience.lasts(slide.last() - slide.first())) return;
        parameters.to(args, i);
        WindowSamples window = windows.at(series, slide, i);
        if (std::ranges::any_of(window.values, is_histogram)) {
            block.put(row, i, over_histograms(id, window, args, notes));
            continue;
        }
        window.histograms = {};
        if (!is_rate) {
            block.row(row)[i] = window_function(id)(window, args);
            continue;
        }
        const Windows one{{end, 1, 1}, windows.range, {windows.now.at(i), 1, 1}};
        fill_extrapolated(block.row(row).subspan(i, 1),
                          {series.labels, window.times, window.values, {}}, one, id, resets, again,
                          patience);
    }
}

bool looks_like_a_counter(std::string_view name) {
    return name.empty() || name.ends_with("_total") || name.ends_with("_sum") ||
           name.ends_with("_count") || name.ends_with("_bucket");
}

void say(QueryContext& context, const Expr& at, RangeNotes notes, std::string_view name) {
    const auto warn = [&](RangeNote note, std::string_view text) {
        if ((notes & note) != 0) context.warn(at, std::string(text) + ' ' + quote(name));
    };
    warn(MixedTypes, "encountered a mix of histograms and floats for metric name");
    warn(NotCounter, "this native histogram metric is not a counter:");
    warn(NotGauge, "this native histogram metric is not a gauge:");
    warn(MixedSchemas, mixed_schemas);
    warn(MixedBounds, mixed_bounds);
    if ((notes & HistogramsLeft) != 0)
        context.inform(at,
                       "ignored histograms in a range containing both floats and histograms "
                       "for metric name " +
                           quote(name));
}

bool any_present_at(const Block& block, std::size_t step) {
    for (std::size_t r = 0; r < block.rows(); ++r)
        if (!is_absent(block.row(r)[step])) return true;
    return false;
}

}  // namespace

/// The values of what stands beside the range vector. What is inside a subquery is computed before
/// them, as in Prometheus.
struct Evaluator::RangeArgs {
    std::size_t matrix = 0;
    const Expr* expr = nullptr;          ///< the range vector
    const Subquery* subquery = nullptr;  ///< when it is one
    std::optional<Inner> inner;          ///< then
    std::vector<Block> beside;

    const Shift& shift() const {
        return subquery != nullptr ? subquery->shift : expr->as<Selector>()->shift;
    }
    std::int64_t range() const {
        return (subquery != nullptr ? subquery->range : expr->as<Selector>()->range).count();
    }
};

Result<Evaluator::RangeArgs> Evaluator::eval_range_args(const Call& call) {
    RangeArgs args;
    args.matrix = call.function->id == Id::QuantileOverTime ? 1 : 0;
    args.expr = &unwrapped(*call.args[args.matrix]);
    args.subquery = args.expr->as<Subquery>();
    if (args.subquery != nullptr) {
        Result<Inner> inner = eval_subquery(*args.subquery);
        if (!inner) return fail(inner.error());
        args.inner = std::move(*inner);
    }
    for (std::size_t i = 0; i < call.args.size(); ++i) {
        if (i == args.matrix) continue;
        Result<Block> value = eval(*call.args[i]);
        if (!value) return fail(value.error());
        args.beside.push_back(std::move(*value));
    }
    return args;
}

Result<void> Evaluator::each_series(RangeArgs& args, const Function& function, const Take& take) {
    return args.inner ? each_of(std::move(*args.inner), take)
                      : each_selected(*args.expr, &function, take);
}

/// Counts what of one series is in memory: the windows, one at a time, and the results.
Result<void> Evaluator::count_windows(std::int64_t most, std::int64_t last, std::int64_t results) {
    if (auto good = context_.reach(most); !good) return good;
    if (auto good = context_.hold(results); !good) return good;
    return context_.reach(last);
}

/// A function over ranges, with all that is the same for every series.
struct Evaluator::RangeWork {
    Id id;
    Windows windows;
    Parameters parameters;
    const Expr& place;        ///< of what is said about floats
    const Expr& mixed_place;  ///< of what is said where there are histograms
};

/// The metric names of rows that are summed count no more.
void Evaluator::hand_over(Block& rows, GroupSums& sums) {
    rows.nameless = true;
    sums.add(rows);
    rows.nameless = false;
    context_.release(floats_of(rows));
    rows.keep_rows(0);
}

Result<Block> Evaluator::eval_windows(const RangeWork& work,
                                      const std::function<Result<void>(const Take&)>& each,
                                      GroupSums* sums) {
    constexpr std::size_t rows_at_once = 32;  // few enough for the nearest cache
    const auto& [id, windows, parameters, place, mixed_place] = work;
    const bool is_rate = id == Id::Rate || id == Id::Increase || id == Id::Delta;
    const bool wants_counter = id == Id::Rate || id == Id::Increase;
    Block block(windows.steps.count);
    std::vector<std::size_t> resets;
    WindowArgs args;
    Patience patience(context_);
    InWindows seen(block.steps);
    const auto done = each([&](const SeriesSamples& series) -> Result<void> {
        seen.begin(series);
        const std::span<double> row = block.add(*series.labels);
        const std::string_view name = series.labels->get(metric_name_label);
        if (!series.histograms.empty()) {
            RangeNotes notes = 0;
            fill_mixed(block, series, windows, id, parameters, args, notes, seen, patience);
            say(context_, mixed_place, notes, name);
        } else if (!series.buckets.empty()) {
            fill_from_buckets(row, series, windows, id, seen, patience);
        } else if (is_rate) {
            fill_extrapolated(row, series, windows, id, resets, seen, patience);
        } else {
            fill_windows(row, series, windows, window_function(id), parameters, args, seen,
                         patience);
        }
        if (!patience.good()) return patience.good();
        if (!args.refusal.empty()) return fail(Fault::BadInput, args.refusal);
        const std::int64_t results = samples_in_row(block, block.rows() - 1);
        if (auto good = count_windows(seen.most(), seen.last(), results); !good) return good;
        if (results == 0) {
            block.keep_rows(block.rows() - 1);
            return {};
        }
        if (wants_counter && !looks_like_a_counter(name) && std::ranges::any_of(row, is_number))
            context_.inform(place,
                            "metric might not be a counter, name does not end in "
                            "_total/_sum/_count/_bucket: " +
                                quote(name));
        if (sums != nullptr && block.has_histograms()) {
            sums->refuse();
            return fail(Fault::Cancelled, "to be read at once");
        }
        auto good = context_.charge(floats_of(block) / block.rows());
        if (sums != nullptr && block.rows() == rows_at_once) hand_over(block, *sums);
        return good;
    });
    if (!done) return fail(done.error());
    seen.add_to(read_);
    if (sums != nullptr && block.rows() > 0) hand_over(block, *sums);
    return block;
}

Result<Block> Evaluator::eval_range_call(const Call& call, GroupSums* sums) {
    const Id id = call.function->id;
    Result<RangeArgs> range_args = eval_range_args(call);
    if (!range_args) return fail(range_args.error());
    const std::vector<Block>& values = range_args->beside;
    Parameters parameters;
    if (!values.empty()) parameters.first = values[0].values;
    if (values.size() > 1) parameters.second = values[1].values;
    const View view = view_of(range_args->shift());
    Windows windows{view.steps, range_args->range(), steps_};
    // What takes parameters may differ by step, and predict_linear looks from the step itself.
    if (view.fixed && call.args.size() > 1) windows.steps = {view.steps.start, 0, steps_.count};
    const Expr nowhere;  // 1:1, where Prometheus puts what it says of a subquery
    const Expr& place =
        range_args->subquery != nullptr ? nowhere : place_of_arg(call, range_args->matrix);
    const RangeWork work{id, windows, parameters, place,
                         id == Id::QuantileOverTime ? place_of_arg(call, 0) : place};
    const auto all = [&]() -> Result<Block> {
        if (range_args->inner)
            return eval_windows(work, [&](const Take& take) {
                return each_of(std::move(*range_args->inner), take);
            });
        const Selector& selector = *range_args->expr->as<Selector>();
        const Stretch stretch = stretch_of(selector, call.function);
        return read_in_parts(selector.matchers, stretch.window, stretch.hints,
                             [&](Evaluator& part, SeriesCursor& cursor) {
                                 // Sums are made in order: what is read in parts is summed
                                 // when all of it is there.
                                 return part.eval_windows(
                                     work,
                                     [&](const Take& take) {
                                         return part.each_read(cursor, *range_args->expr,
                                                                call.function, take);
                                     },
                                     &part == this ? sums : nullptr);
                             });
    };
    Result<Block> block = all();
    if (!block) return block;
    if (id == Id::QuantileOverTime)
        for (std::size_t i = 0; i < block->steps; ++i)
            if (any_present_at(*block, i))
                context_.warn_quantile(place_of_arg(call, 0), parameters.first[i]);
    if (id != Id::LastOverTime && !lose_names(*block, Meeting::Refuse))
        return fail(Fault::BadInput, std::string(same_labels));
    return block->steps != steps_.count ? spread(std::move(*block)) : std::move(block);
}

Result<Block> Evaluator::eval_absent_over_time(const Call& call) {
    Result<RangeArgs> range_args = eval_range_args(call);
    if (!range_args) return fail(range_args.error());
    const View view = view_of(range_args->shift());
    const std::int64_t range = range_args->range();
    Block block(view.steps.count);
    block.add(labels_of_absent(*call.args[0]));
    std::ranges::fill(block.row(0), 1.0);
    InWindows seen(block.steps);
    const auto look = [&](const SeriesSamples& series) -> Result<void> {
        seen.begin(series);
        Slide slide;
        std::int64_t found = 0;
        for (std::size_t i = 0; i < block.steps; ++i) {
            slide.to(series.times, view.steps.at(i) - range, view.steps.at(i));
            seen.add(i, slide);
            if (slide.first() == slide.last()) continue;
            block.row(0)[i] = absent_value();
            ++found;
        }
        return count_windows(seen.most(), seen.last(), found);
    };
    const auto done = each_series(*range_args, *call.function, look);
    if (!done) return fail(done.error());
    seen.add_to(read_);
    if (block.steps != steps_.count) block = spread(std::move(block));
    drop_empty_rows(block);
    return block;
}

}  // namespace vedette::promql
