#include "tests/promql/slow_evaluator.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "promql/evaluation/evaluator.h"
#include "tests/promql/slow_histograms.h"

namespace vedette::promql {

namespace {

constexpr std::int64_t lookback = 300'000;
using Hint = Histogram::ResetHint;

HistogramRef only_counts(const Histogram& whole, Hint hint) {
    Histogram out;
    out.reset_hint = hint;
    out.count = whole.count;
    out.sum = whole.sum;
    return std::make_shared<const Histogram>(std::move(out));
}

HistogramRef without_hint(Histogram histogram) {
    if (histogram.reset_hint != Hint::Gauge) histogram.reset_hint = Hint::Unknown;
    return std::make_shared<const Histogram>(std::move(histogram));
}

bool matches(const Labels& labels, const std::vector<Matcher>& matchers) {
    for (const Matcher& matcher : matchers) {
        const std::string value(labels.get(matcher.name));
        const bool equal = matcher.op == Matcher::Op::Equal || matcher.op == Matcher::Op::NotEqual;
        const bool wanted = matcher.op == Matcher::Op::Equal || matcher.op == Matcher::Op::Match;
        if ((equal ? value == matcher.value : RE2::FullMatch(value, matcher.value)) != wanted)
            return false;
    }
    return true;
}

}  // namespace

std::int64_t SlowEvaluator::shifted(const Shift& shift, std::int64_t now) const {
    if (shift.at == Shift::At::Time) now = shift.time.ms;
    if (shift.at == Shift::At::Start) now = start_;
    if (shift.at == Shift::At::End) now = end_;
    return now - shift.offset.count();
}

SlowEvaluator::Times SlowEvaluator::shifted(const Shift& shift, const Times& times) const {
    Times out;
    for (const std::int64_t now : times) out.push_back(shifted(shift, now));
    return out;
}

SlowTimeline SlowEvaluator::selected(const Expr& expr, const Times& times, bool want_times) const {
    const Selector& selector = *expr.as<Selector>();
    SlowTimeline out;
    for (std::int64_t now : shifted(selector.shift, times)) {
        // timestamp() reads by the offset of a fixed time, then forgets it.
        const std::int64_t read_from = now - lookback, read_to = now;
        if (want_times && selector.shift.at != Shift::At::Step)
            now += selector.shift.offset.count();
        SlowVector vector;
        for (const auto& [labels, series] : source_.series()) {
            if (!matches(labels, selector.matchers)) continue;
            std::int64_t newest = now - lookback;
            double value = stale_marker();
            HistogramRef histogram;
            for (std::size_t i = 0; i < series.times.size(); ++i) {
                if (series.times[i].ms <= newest || series.times[i].ms > now) continue;
                if (series.times[i].ms <= read_from || series.times[i].ms > read_to) continue;
                newest = series.times[i].ms;
                value = series.floats[i];
                histogram = series.histograms.empty() ? nullptr : series.histograms[i];
            }
            if (is_stale(value_of(value, histogram))) continue;
            if (&expr == counts_only_ && histogram)
                histogram = only_counts(*histogram, histogram->reset_hint);
            if (want_times)
                vector.push_back({labels, static_cast<double>(newest) / 1000});
            else
                vector.push_back({labels, value, {}, histogram});
        }
        out.push_back(vector);
    }
    return out;
}

/// All samples that a range vector could show in a window that ends at one of `ends`.
Result<std::vector<SlowEvaluator::Series>> SlowEvaluator::samples(const Expr& matrix,
                                                                  const Times& ends) {
    std::vector<Series> out;
    if (const Selector* selector = matrix.as<Selector>()) {
        for (const auto& [labels, series] : source_.series()) {
            if (!matches(labels, selector->matchers)) continue;
            Series one{labels, {}};
            HistogramRef last;
            for (std::size_t i = 0; i < series.times.size(); ++i) {
                HistogramRef histogram = series.histograms.empty() ? nullptr : series.histograms[i];
                if (is_stale(value_of(series.floats[i], histogram))) continue;
                const HistogramRef whole = histogram;
                if (&matrix == counts_only_ && histogram) {
                    Hint hint = histogram->reset_hint;
                    if (hint == Hint::Unknown && last)
                        hint = is_reset(*histogram, *last) ? Hint::Reset : Hint::NotReset;
                    histogram = only_counts(*histogram, hint);
                }
                if (whole) last = whole;
                one.points.push_back({series.times[i].ms, series.floats[i], histogram});
            }
            out.push_back(one);
        }
        return out;
    }
    const Subquery& subquery = *matrix.as<Subquery>();
    const std::int64_t step = subquery.step.count() > 0 ? subquery.step.count() : 60'000;
    Times times;
    for (std::int64_t at = ends.front() - subquery.range.count() + 1; at <= ends.back(); ++at)
        if (at % step == 0) times.push_back(at);
    if (times.empty()) return out;
    const auto inner = eval(*subquery.expr, times);
    if (!inner) return fail(inner.error());
    std::map<Labels, std::vector<SlowPoint>> found;
    for (std::size_t i = 0; i < times.size(); ++i)
        for (const SlowItem& item : (*inner)[i])
            found[item.labels].push_back(
                {times[i], item.value, item.histogram ? without_hint(*item.histogram) : nullptr});
    for (const auto& [labels, points] : found) out.push_back({labels, points});
    return out;
}

namespace {

const Shift& shift_of(const Expr& matrix) {
    const Subquery* subquery = matrix.as<Subquery>();
    return subquery != nullptr ? subquery->shift : matrix.as<Selector>()->shift;
}

std::int64_t range_of(const Expr& matrix) {
    const Subquery* subquery = matrix.as<Subquery>();
    return (subquery != nullptr ? subquery->range : matrix.as<Selector>()->range).count();
}

SlowWindow window(const std::vector<SlowPoint>& points, std::int64_t end, std::int64_t range,
                  std::int64_t now) {
    SlowWindow out{{}, end - range, end, now};
    for (const SlowPoint& point : points)
        if (point.ms > out.begin && point.ms <= out.end) out.points.push_back(point);
    return out;
}

}  // namespace

Result<SlowTimeline> SlowEvaluator::over_time(const Call& call, const Times& times) {
    const std::string_view name = call.function->name;
    const std::size_t matrix_at = name == "quantile_over_time" ? 1 : 0;
    SlowTimeline parameters;
    if (call.args.size() > 1) {
        auto evaluated = eval(*call.args[1 - matrix_at], times);
        if (!evaluated) return evaluated;
        parameters = std::move(*evaluated);
    }
    const Expr& matrix = unwrapped(*call.args[matrix_at]);
    const Times ends = shifted(shift_of(matrix), times);
    const auto series = samples(matrix, ends);
    if (!series) return fail(series.error());
    SlowTimeline out(times.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
        for (const Series& one : *series) {
            const double parameter = parameters.empty() ? 0 : parameters[i].front().value;
            const SlowWindow seen = window(one.points, ends[i], range_of(matrix), times[i]);
            const bool mixed = std::any_of(seen.points.begin(), seen.points.end(),
                                           [](const SlowPoint& point) { return point.histogram; });
            if (mixed) {
                if (const auto value = slow_mixed_over_time(name, seen, parameter)) {
                    out[i].push_back({one.labels});
                    set_value(out[i].back(), *value);
                }
            } else if (const auto value = slow_over_time(name, seen, parameter)) {
                out[i].push_back({one.labels, *value});
            }
        }
    }
    return name == "last_over_time" ? std::move(out) : unnamed(std::move(out), true);
}

Result<SlowTimeline> SlowEvaluator::absent_over_time(const Call& call, const Times& times) {
    const Expr& matrix = unwrapped(*call.args[0]);
    const Times ends = shifted(shift_of(matrix), times);
    const auto series = samples(matrix, ends);
    if (!series) return fail(series.error());
    SlowTimeline out(times.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
        bool any = false;
        for (const Series& one : *series)
            any |= !window(one.points, ends[i], range_of(matrix), times[i]).points.empty();
        if (!any) out[i].push_back({absent_labels(matrix), 1});
    }
    return out;
}

Result<SlowVector> SlowEvaluator::fold(const Aggregate& aggregate, const SlowVector& vector,
                                       double param) const {
    using A = Aggregator;
    const bool numbers_only = aggregate.op == A::Min || aggregate.op == A::Max ||
                              aggregate.op == A::Stddev || aggregate.op == A::Stdvar ||
                              aggregate.op == A::Quantile || aggregate.op == A::TopK ||
                              aggregate.op == A::BottomK;
    std::vector<std::pair<Labels, SlowVector>> groups;
    for (const SlowItem& item : numbers_only ? numbers_of(vector) : vector) {
        LabelsBuilder builder(item.labels);
        if (aggregate.without)
            for (const std::string& name : aggregate.grouping) builder.del(name);
        else
            builder.keep(aggregate.grouping);
        if (aggregate.without) builder.del(metric_name_label);
        const Labels key = builder.build();
        auto at = std::find_if(groups.begin(), groups.end(),
                               [&](const auto& group) { return group.first == key; });
        if (at == groups.end()) at = groups.insert(at, {key, {}});
        at->second.push_back(item);
    }
    SlowVector out;
    for (auto& [labels, items] : groups) {
        std::vector<double> values;
        for (const SlowItem& item : items) values.push_back(item.value);
        const std::vector<double> rest(values.begin() + 1, values.end());
        if (aggregate.op == A::TopK || aggregate.op == A::BottomK) {
            for (const SlowItem& item : best_of(items, param, aggregate.op == A::TopK))
                out.push_back(item);
            continue;
        }
        if (aggregate.op == A::CountValues) {
            const std::string& label = unwrapped(*aggregate.param).as<Text>()->value;
            bool left_out = aggregate.without && label == metric_name_label;
            for (const std::string& name : aggregate.grouping)
                left_out |= aggregate.without && label == name;
            for (const SlowItem& item : items) {
                const std::string text =
                    item.histogram ? to_string(*item.histogram) : slow_plain(item.value);
                Labels counted = labels;
                if (!left_out) counted = LabelsBuilder(labels).set(label, text).build();
                const auto at = std::find_if(out.begin(), out.end(), [&](const SlowItem& other) {
                    return other.labels == counted;
                });
                if (at == out.end())
                    out.push_back({counted, 1});
                else
                    ++at->value;
            }
            continue;
        }
        if ((aggregate.op == A::Sum || aggregate.op == A::Avg) &&
            numbers_of(items).size() < items.size()) {
            if (const auto value = slow_mixed_fold(aggregate.op == A::Avg, items)) {
                out.push_back({labels});
                set_value(out.back(), *value);
            }
            continue;
        }
        double value = 1;  // group
        if (aggregate.op == A::Sum) value = slow_sum(rest, values.front());
        if (aggregate.op == A::Avg) value = slow_mean(values);
        if (aggregate.op == A::Count) value = static_cast<double>(values.size());
        if (aggregate.op == A::Stdvar) value = slow_variance(values);
        if (aggregate.op == A::Stddev) value = std::sqrt(slow_variance(values));
        if (aggregate.op == A::Quantile) value = slow_quantile(param, values);
        if (aggregate.op == A::Min || aggregate.op == A::Max) {
            sort_by_value(items, aggregate.op == A::Max);
            value = items.front().value;
        }
        out.push_back({labels, value});
    }
    return out;
}

Result<SlowTimeline> SlowEvaluator::aggregate(const Aggregate& aggregate, const Times& times) {
    SlowTimeline param;
    if (aggregate.param != nullptr && aggregate.param->type == Type::Scalar) {
        auto evaluated = eval(*aggregate.param, times);
        if (!evaluated) return evaluated;
        param = std::move(*evaluated);
    }
    auto vectors = eval(*aggregate.expr, times);
    if (!vectors) return vectors;
    const bool ranks = aggregate.op == Aggregator::TopK || aggregate.op == Aggregator::BottomK;
    bool any = false, keeps_any = false;
    for (std::size_t i = 0; i < times.size(); ++i) {
        any |= !(*vectors)[i].empty();
        keeps_any |= ranks && !(param[i].front().value < 1);
    }
    if (ranks && (!any || !keeps_any)) return SlowTimeline(times.size());
    for (std::size_t i = 0; ranks && i < times.size(); ++i) {
        const double k = param[i].front().value;
        if (!(*vectors)[i].empty() && (std::isnan(k) || std::abs(k) >= 0x1p63))
            return fail(Fault::BadInput, "Scalar value " + format_value(k) + " overflows int64");
    }
    for (std::size_t i = 0; i < times.size(); ++i) {
        auto folded = fold(aggregate, (*vectors)[i], param.empty() ? 0 : param[i].front().value);
        if (!folded) return fail(folded.error());
        (*vectors)[i] = std::move(*folded);
    }
    return vectors;
}

Result<SlowTimeline> SlowEvaluator::eval(const Expr& wrapped, const Times& times) {
    const Expr& expr = unwrapped(wrapped);
    if (times.size() > 1 && is_step_invariant(expr)) {
        const auto once = eval(expr, {times.front()});
        if (!once) return once;
        return SlowTimeline(times.size(), once->front());
    }
    if (const Number* number = expr.as<Number>())
        return SlowTimeline(times.size(), SlowVector{{{}, number->value}});
    if (expr.as<Selector>() != nullptr) return selected(expr, times, false);
    if (const Binary* node = expr.as<Binary>()) return binary(*node, times);
    if (const Aggregate* node = expr.as<Aggregate>()) return aggregate(*node, times);
    if (expr.as<Call>() != nullptr) return call(expr, times);
    const Unary& unary = *expr.as<Unary>();
    auto vectors = eval(*unary.expr, times);
    if (!vectors || unary.op == Op::Add) return vectors;
    for (SlowVector& vector : *vectors)
        for (SlowItem& item : vector) {
            item.value = -item.value;
            if (!item.histogram) continue;
            Histogram negated = *item.histogram;
            multiply(negated, -1);
            item.histogram = std::make_shared<const Histogram>(std::move(negated));
        }
    return unary.expr->type == Type::Scalar ? std::move(vectors)
                                            : unnamed(std::move(*vectors), true);
}

Result<QueryResult> SlowEvaluator::instant(const Expr& expr, Timestamp at) {
    start_ = end_ = at.ms;
    counts_only_ = selector_without_buckets(expr);
    QueryResult out;
    out.at = at;
    if (expr.type == Type::Matrix) {
        out.kind = QueryResult::Kind::Matrix;
        const Expr& matrix = unwrapped(expr);
        const std::int64_t end = shifted(shift_of(matrix), at.ms);
        const auto series = samples(matrix, {end});
        if (!series) return fail(series.error());
        for (const Series& one : *series) {
            QueryResult::Series shown{one.labels, {}};
            for (const SlowPoint& point : window(one.points, end, range_of(matrix), at.ms).points)
                shown.samples.push_back({{point.ms}, value_of(point.value, point.histogram)});
            if (!shown.samples.empty()) out.series.push_back(shown);
        }
        return out;
    }
    if (expr.type == Type::Scalar) out.kind = QueryResult::Kind::Scalar;
    const auto vectors = eval(expr, {at.ms});
    if (!vectors) return fail(vectors.error());
    for (const SlowItem& item : vectors->front())
        out.series.push_back({item.labels, {{at, value_of(item.value, item.histogram)}}});
    return out;
}

Result<QueryResult> SlowEvaluator::range(const Expr& expr, Timestamp start, Timestamp end,
                                         Milliseconds step) {
    start_ = start.ms;
    end_ = end.ms;
    counts_only_ = selector_without_buckets(expr);
    Times times;
    for (std::int64_t at = start.ms; at <= end.ms; at += step.count()) times.push_back(at);
    const auto vectors = eval(expr, times);
    if (!vectors) return fail(vectors.error());
    std::map<Labels, std::vector<Sample>> found;
    for (std::size_t i = 0; i < times.size(); ++i)
        for (const SlowItem& item : (*vectors)[i])
            found[item.labels].push_back({{times[i]}, value_of(item.value, item.histogram)});
    QueryResult out;
    out.kind = QueryResult::Kind::Matrix;
    out.at = end;
    for (const auto& [labels, points] : found) out.series.push_back({labels, points});
    return out;
}

}  // namespace vedette::promql
