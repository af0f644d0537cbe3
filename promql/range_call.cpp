#include <algorithm>

#include "promql/evaluator.h"
#include "promql/histogram_windows.h"
#include "promql/strips.h"

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
                  Patience& patience) {
    Slide slide;
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::int64_t end = windows.steps.at(i);
        slide.to(series.times, end - windows.range, end);
        if (slide.first() == slide.last()) continue;
        parameters.to(args, i);
        row[i] = function(windows.at(series, slide, i), args);
        if (!patience.lasts(slide.last() - slide.first())) return;
    }
}

/// rate, increase, delta. Counter resets are found once a series; a window adds those inside it.
void fill_extrapolated(std::span<double> row, const SeriesSamples& series, const Windows& windows,
                       Id id, std::vector<std::size_t>& resets, Patience& patience) {
    const bool is_counter = id != Id::Delta;
    Extrapolation extrapolation(is_counter, id == Id::Rate);
    resets.clear();
    if (is_counter) find_falls(series.values, resets);
    Slide slide;
    std::size_t next_reset = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::int64_t end = windows.steps.at(i);
        slide.to(series.times, end - windows.range, end);
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
    }
}

/// The same for a series that has histograms among its samples, into the last row.
void fill_mixed(Block& block, const SeriesSamples& series, const Windows& windows, Id id,
                const Parameters& parameters, WindowArgs& args, RangeNotes& notes,
                Patience& patience) {
    const std::size_t row = block.rows() - 1;
    const bool is_rate = id == Id::Rate || id == Id::Increase || id == Id::Delta;
    std::vector<std::size_t> resets;
    Slide slide;
    for (std::size_t i = 0; i < block.steps; ++i) {
        const std::int64_t end = windows.steps.at(i);
        slide.to(series.times, end - windows.range, end);
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
                          {series.labels, window.times, window.values, {}}, one, id, resets,
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

Result<Block> Evaluator::eval_range_call(const Call& call) {
    const Id id = call.function->id;
    const std::size_t matrix_index = id == Id::QuantileOverTime ? 1 : 0;
    const Expr& matrix = *call.args[matrix_index];
    std::vector<Block> values;
    for (std::size_t i = 0; i < call.args.size(); ++i) {
        if (i == matrix_index) continue;
        Result<Block> value = eval(*call.args[i]);
        if (!value) return value;
        values.push_back(std::move(*value));
    }
    Parameters parameters;
    if (!values.empty()) parameters.first = values[0].values;
    if (values.size() > 1) parameters.second = values[1].values;
    const Expr& inner = unwrapped(matrix);
    const Subquery* subquery = inner.as<Subquery>();
    const Shift& shift = subquery != nullptr ? subquery->shift : inner.as<Selector>()->shift;
    const View view = view_of(shift);
    const Windows windows{
        view.steps, (subquery != nullptr ? subquery->range : inner.as<Selector>()->range).count(),
        steps_};
    const bool is_rate = id == Id::Rate || id == Id::Increase || id == Id::Delta;
    const bool wants_counter = id == Id::Rate || id == Id::Increase;
    // What takes parameters may differ by step, and predict_linear looks from the step itself.
    const bool all_steps = call.args.size() > 1;
    Windows used = windows;
    if (view.fixed && all_steps) used.steps = {view.steps.start, 0, steps_.count};
    Block block(used.steps.count);
    std::vector<std::size_t> resets;
    WindowArgs args;
    Patience patience(context_);
    const Expr nowhere;  // 1:1, where Prometheus puts what it says of a subquery
    const auto done = each_series(matrix, [&](const SeriesSamples& series) -> Result<void> {
        const std::span<double> row = block.add(*series.labels);
        const std::string_view name = series.labels->get(metric_name_label);
        const Expr& place = subquery != nullptr ? nowhere : place_of_arg(call, matrix_index);
        if (!series.histograms.empty()) {
            RangeNotes notes = 0;
            fill_mixed(block, series, used, id, parameters, args, notes, patience);
            say(context_, id == Id::QuantileOverTime ? place_of_arg(call, 0) : place, notes, name);
        } else if (is_rate) {
            fill_extrapolated(row, series, used, id, resets, patience);
        } else {
            fill_windows(row, series, used, window_function(id), parameters, args, patience);
        }
        if (!patience.good()) return patience.good();
        if (!args.refusal.empty()) return fail(Fault::BadInput, args.refusal);
        if (std::ranges::all_of(row, is_absent)) {
            block.keep_rows(block.rows() - 1);
            return {};
        }
        if (wants_counter && !looks_like_a_counter(name) && std::ranges::any_of(row, is_number))
            context_.inform(place,
                            "metric might not be a counter, name does not end in "
                            "_total/_sum/_count/_bucket: " +
                                quote(name));
        const std::size_t begin = (block.rows() - 1) * block.steps;
        const auto made = std::span(block.histograms)
                              .subspan(block.has_histograms() ? begin : 0,
                                       block.has_histograms() ? block.steps : 0);
        return context_.charge(row.size() + samples_worth(made));
    });
    if (!done) return fail(done.error());
    if (id == Id::QuantileOverTime)
        for (std::size_t i = 0; i < block.steps; ++i)
            if (any_present_at(block, i))
                context_.warn_quantile(place_of_arg(call, 0), parameters.first[i]);
    if (id != Id::LastOverTime && !lose_names(block, Meeting::Refuse))
        return fail(Fault::BadInput, std::string(same_labels));
    return block.steps != steps_.count ? spread(std::move(block)) : std::move(block);
}

Result<Block> Evaluator::eval_absent_over_time(const Call& call) {
    const Expr& inner = unwrapped(*call.args[0]);
    const Subquery* subquery = inner.as<Subquery>();
    const Selector* selector = inner.as<Selector>();
    const View view = view_of(subquery != nullptr ? subquery->shift : selector->shift);
    const std::int64_t range = (subquery != nullptr ? subquery->range : selector->range).count();
    Block block(view.steps.count);
    block.add(labels_of_absent(*call.args[0]));
    std::ranges::fill(block.row(0), 1.0);
    const auto done = each_series(inner, [&](const SeriesSamples& series) -> Result<void> {
        Slide slide;
        for (std::size_t i = 0; i < block.steps; ++i) {
            slide.to(series.times, view.steps.at(i) - range, view.steps.at(i));
            if (slide.first() != slide.last()) block.row(0)[i] = absent_value();
        }
        return {};
    });
    if (!done) return fail(done.error());
    if (block.steps != steps_.count) block = spread(std::move(block));
    drop_empty_rows(block);
    return block;
}

}  // namespace vedette::promql
