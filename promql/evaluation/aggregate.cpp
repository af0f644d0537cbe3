#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <unordered_map>

#include "core/histogram.h"
#include "promql/evaluation/evaluator.h"
#include "promql/evaluation/group_sums.h"
#include "promql/evaluation/ranking.h"
#include "promql/functions/windows.h"
#include "promql/labels/group_key.h"
#include "promql/labels/label_hash.h"
#include "promql/syntax/text.h"

namespace vedette::promql {

namespace {

/// The rows of each group, in the order in which groups and rows first appear.
struct Grouping {
    std::vector<Labels> labels;
    std::vector<std::vector<std::size_t>> rows;
};

Grouping group(const Aggregate& aggregate, const Block& block) {
    Grouping out;
    GroupKey key(aggregate.grouping, aggregate.without);
    std::unordered_map<std::string, std::size_t> known;
    for (std::size_t i = 0; i < block.rows(); ++i) {
        const std::string& text = key.of(block.labels[i], block.nameless);
        auto at = known.find(text);
        if (at == known.end()) {
            at = known.emplace(text, out.rows.size()).first;
            out.labels.push_back(key.labels(block.labels[i], block.nameless));
            out.rows.emplace_back();
        }
        out.rows[at->second].push_back(i);
    }
    return out;
}

/// The row that a group becomes. Where names go late, that of its first row says whether it does.
std::span<double> add_group(Block& out, const Block& block, const Grouping& groups,
                            std::size_t index) {
    const std::span<double> row = out.add(groups.labels[index]);
    out.name_goes.back() = block.name_goes[groups.rows[index].front()];
    return row;
}

/// Folds the rows of one group into `out`, row by row; `State` is kept for every step.
template <typename State>
void fold(const Block& block, const std::vector<std::size_t>& rows, std::vector<State>& states,
          std::span<double> out) {
    states.assign(block.steps, State{});
    for (const std::size_t r : rows) {
        const double* row = block.row(r).data();
        for (std::size_t i = 0; i < block.steps; ++i)
            if (!is_absent(row[i])) states[i].add(row[i]);
    }
    for (std::size_t i = 0; i < block.steps; ++i)
        if (states[i].count > 0) out[i] = states[i].value();
}

struct SumState {
    std::size_t count = 0;
    FastSum sum;
    void add(double value) {
        if (count++ == 0)
            sum.sum = value;
        else
            sum.add(value);
    }
    double value() const { return sum.total(); }
};

struct AvgState {
    std::size_t count = 0;
    KahanMean mean;
    void add(double value) {
        ++count;
        mean.add(value);
    }
    double value() const { return mean.mean(); }
};

struct CountState {
    std::size_t count = 0;
    void add(double) { ++count; }
    double value() const { return static_cast<double>(count); }
};

struct GroupState {
    std::size_t count = 0;
    void add(double) { ++count; }
    double value() const { return 1; }
};

template <bool smallest>
struct ExtremeState {
    std::size_t count = 0;
    double extreme = 0;
    void add(double value) {
        const bool better = smallest ? value < extreme : value > extreme;
        if (count++ == 0 || better || std::isnan(extreme)) extreme = value;
    }
    double value() const { return extreme; }
};

template <bool root>
struct VarianceState {
    std::size_t count = 0;
    double mean = 0, squares = 0;
    void add(double value) {
        if (count++ == 0) {
            mean = value;
            squares = std::isfinite(value) ? 0 : std::nan("");
            return;
        }
        const double delta = value - mean;
        mean += delta / static_cast<double>(count);
        squares += delta * (value - mean);
    }
    double value() const {
        const double variance = squares / static_cast<double>(count);
        return root ? std::sqrt(variance) : variance;
    }
};

template <typename State>
Block fold_all(const Block& block, const Grouping& groups) {
    Block out(block.steps);
    std::vector<State> states;
    for (std::size_t g = 0; g < groups.rows.size(); ++g)
        fold(block, groups.rows[g], states, add_group(out, block, groups, g));
    return out;
}

/// Sum or average at one step of a group that has histograms among its values.
struct MixedState {
    bool is_mean = false, has_float = false, has_histogram = false, incompatible = false;
    std::size_t count = 0;
    SumState sum;
    AvgState mean;
    std::shared_ptr<Histogram> histogram;

    void add_float(double value) {
        if (incompatible) return;
        has_float = true;
        ++count;
        is_mean ? mean.add(value) : sum.add(value);
    }
    /// What is found incompatible with the histograms before.
    Incompatible add_histogram(const Histogram& next) {
        if (incompatible) return Incompatible::No;
        has_histogram = true;
        if (++count == 1) histogram = std::make_shared<Histogram>(next);
        // After a float the answer is nothing in any case.
        if (count == 1 || histogram == nullptr) return Incompatible::No;
        const Incompatible why = is_mean ? add_to_mean(*histogram, next, static_cast<double>(count))
                                         : vedette::add(*histogram, next);
        incompatible = why != Incompatible::No;
        return why;
    }
    Cell value() {
        if (count == 0 || incompatible || (has_float && has_histogram)) return {};
        if (!has_histogram) return Cell(is_mean ? mean.value() : sum.value());
        compact(*histogram);
        return Cell(HistogramRef(std::move(histogram)));
    }
};

Block fold_mixed(const Block& block, const Grouping& groups, bool is_mean, QueryContext& context,
                 const Expr& at) {
    Block out(block.steps);
    std::vector<MixedState> states;
    for (std::size_t g = 0; g < groups.rows.size(); ++g) {
        MixedState none;
        none.is_mean = is_mean;
        states.assign(block.steps, none);
        for (const std::size_t r : groups.rows[g]) {
            for (std::size_t i = 0; i < block.steps; ++i) {
                const double value = block.row(r)[i];
                if (is_number(value)) states[i].add_float(value);
                if (!is_histogram(value)) continue;
                const Incompatible why = states[i].add_histogram(*block.histogram(r, i));
                if (why == Incompatible::No) continue;
                const std::string_view name =
                    block.nameless ? std::string_view() : block.labels[r].get(metric_name_label);
                context.warn(
                    at, std::string(why == Incompatible::Schema ? mixed_schemas : mixed_bounds) +
                            ' ' + quote(name));
            }
        }
        add_group(out, block, groups, g);
        for (std::size_t i = 0; i < block.steps; ++i) {
            if (states[i].has_float && states[i].has_histogram)
                context.warn(at, "encountered a mix of histograms and floats for aggregation");
            out.put(g, i, states[i].value());
        }
    }
    drop_empty_rows(out);
    return out;
}

Block quantiles(const Block& block, const Grouping& groups, std::span<const double> q) {
    Block out(block.steps);
    std::vector<double> values;
    for (std::size_t g = 0; g < groups.rows.size(); ++g) {
        const auto row = add_group(out, block, groups, g);
        for (std::size_t i = 0; i < block.steps; ++i) {
            values.clear();
            for (const std::size_t r : groups.rows[g])
                if (!is_absent(block.row(r)[i])) values.push_back(block.row(r)[i]);
            if (!values.empty()) row[i] = quantile(q[i], values);
        }
    }
    return out;
}

/// Times NaN, even the zero bucket that there is none of holds something. Prometheus gives up.
bool cannot_be_printed(const Histogram& histogram) {
    return uses_custom_buckets(histogram) && histogram.zero_count != 0;
}

Result<Block> count_values(const Aggregate& aggregate, const Block& block, const Grouping& groups,
                           QueryContext& context) {
    const std::string& label = text_of(*aggregate.param);
    // What stands in `without` is left out, the counted label too.
    const auto& names = aggregate.grouping;
    const bool shown =
        !aggregate.without ||
        (label != metric_name_label && std::find(names.begin(), names.end(), label) == names.end());
    Block out(block.steps);
    std::unordered_map<std::string, std::size_t> rows;
    for (std::size_t g = 0; g < groups.rows.size(); ++g) {
        for (const std::size_t r : groups.rows[g]) {
            for (std::size_t i = 0; i < block.steps; ++i) {
                const double value = block.row(r)[i];
                if (is_absent(value)) continue;
                if (is_histogram(value) && cannot_be_printed(*block.histogram(r, i)))
                    return fail(Fault::BadInput,
                                "histograms with custom buckets have no zero bucket");
                const std::string text =
                    is_histogram(value) ? to_string(*block.histogram(r, i)) : plain_number(value);
                Labels labels = groups.labels[g];
                if (shown) labels = LabelsBuilder(labels).set(label, text).build();
                // Two groups may meet here, when the label counted into was one they differ by.
                const auto [at, is_new] = rows.try_emplace(to_string(labels), out.rows());
                if (is_new) {
                    // Values may be many, and each is a row.
                    if (auto good = context.charge(block.steps); !good) return fail(good.error());
                    out.add(std::move(labels));
                }
                double& count = out.row(at->second)[i];
                count = is_absent(count) ? 1 : count + 1;
            }
        }
    }
    return out;
}

/// Leaves of each group the k best at each step. `order` receives rows as the first step ranks
/// them.
void keep_best(Block& block, const Grouping& groups, std::span<const double> k, bool largest,
               std::vector<std::size_t>& order) {
    std::vector<Ranked> rows;
    for (const std::vector<std::size_t>& members : groups.rows) {
        for (std::size_t i = 0; i < block.steps; ++i) {
            rows.clear();
            for (const std::size_t r : members)
                if (!is_absent(block.row(r)[i])) rows.push_back({block.row(r)[i], r});
            for (const Ranked& one : rows) block.row(one.row)[i] = absent_value();
            const double wanted = std::clamp(k[i], 0.0, static_cast<double>(rows.size()));
            if (!(wanted >= 1)) continue;
            for (const Ranked& one : best(rows, static_cast<std::size_t>(wanted), largest)) {
                block.row(one.row)[i] = one.value;
                if (i == 0) order.push_back(one.row);
            }
        }
    }
}

/// Leaves of each group, at each step, the first of its rows for which `keeps(row, how many before,
/// step)` holds. `order` receives rows as Prometheus's heap has them at the first step.
template <typename Keeps>
void keep_some(Block& block, const Grouping& groups, std::vector<std::size_t>& order,
               const Keeps& keeps) {
    std::vector<Ranked> kept;
    for (const std::vector<std::size_t>& members : groups.rows) {
        for (std::size_t i = 0; i < block.steps; ++i) {
            kept.clear();
            for (const std::size_t r : members) {
                const double value = block.row(r)[i];
                if (is_absent(value)) continue;
                if (keeps(r, kept.size(), i))
                    kept.push_back({is_histogram(value) ? 0 : value, r});
                else
                    block.row(r)[i] = absent_value();
            }
            if (i > 0) continue;
            for (const Ranked& one : heaped(kept)) order.push_back(one.row);
        }
    }
}

void keep_first(Block& block, const Grouping& groups, std::span<const double> k,
                std::vector<std::size_t>& order) {
    keep_some(block, groups, order, [&](std::size_t, std::size_t before, std::size_t step) {
        return k[step] >= 1 && static_cast<double>(before) < std::floor(k[step]);
    });
}

void keep_sampled(Block& block, const Grouping& groups, std::span<const double> ratios,
                  std::vector<std::size_t>& order) {
    std::vector<std::uint64_t> hashes;
    for (std::size_t r = 0; r < block.rows(); ++r)
        hashes.push_back(label_hash(block.shown_labels(r)));
    keep_some(block, groups, order, [&](std::size_t row, std::size_t, std::size_t step) {
        const double ratio = std::clamp(ratios[step], -1.0, 1.0);
        return ratio != 0 && is_sampled(hashes[row], ratio);
    });
}

void warn_of_ratios(QueryContext& context, const Expr& at, std::span<const double> ratios) {
    double least = 0, most = 0;
    bool any_nan = false;
    for (const double ratio : ratios) {
        any_nan |= std::isnan(ratio);
        least = std::min(least, ratio);
        most = std::max(most, ratio);
    }
    // Beside NaN only an infinity is larger or smaller than all others.
    if (any_nan && !std::isinf(least)) least = 0;
    if (any_nan && !std::isinf(most)) most = 0;
    const auto warn = [&](double got, int capped) {
        context.warn(at,
                     fmt::format("ratio value should be between -1 and 1, got {}, capping to {}",
                                 format_value(got), capped));
    };
    if (most > 1) warn(most, 1);
    if (least < -1) warn(least, -1);
}

Block in_order(Block block, const std::vector<std::size_t>& order) {
    Block out(block.steps);
    out.nameless = block.nameless;
    for (const std::size_t r : order) out.add_row_of(block, r);
    return out;
}

/// Of all steps' quantiles, Prometheus names the worst to each side, and NaN.
void warn_of_extremes(QueryContext& context, const Expr& at, std::span<const double> quantiles) {
    double least = 0, most = 1;
    bool any_nan = false;
    for (const double q : quantiles) {
        any_nan |= std::isnan(q);
        least = std::min(least, q);
        most = std::max(most, q);
    }
    if (any_nan) {
        // Beside NaN only an infinity is larger or smaller than all others.
        context.warn_quantile(at, std::nan(""));
        if (!std::isinf(least)) least = 0;
        if (!std::isinf(most)) most = 1;
    }
    context.warn_quantile(at, least);
    context.warn_quantile(at, most);
}

/// Looked at where there is something to keep, step by step.
Result<void> check_k(std::span<const double> k, const Block& block) {
    for (std::size_t i = 0; i < k.size(); ++i) {
        if (k[i] <= 9223372036854774784.0 && k[i] >= -9223372036854774784.0) continue;
        for (std::size_t r = 0; r < block.rows(); ++r)
            if (!is_absent(block.row(r)[i]))
                return fail(Fault::BadInput,
                            "Scalar value " + format_value(k[i]) + " overflows int64");
    }
    return {};
}

/// The function over ranges whose rows a sum may take as they come: one value for each series of
/// one name, at each step of its own.
const Call* summable_call(const Aggregate& aggregate) {
    using Id = Function::Id;
    const Call* call = unwrapped(*aggregate.expr).as<Call>();
    if (aggregate.op != Aggregator::Sum || call == nullptr || call->args.size() != 1 ||
        call->function->args.front() != Type::Matrix || call->function->id == Id::LastOverTime ||
        call->function->id == Id::AbsentOverTime)
        return nullptr;
    const Selector* selector = unwrapped(*call->args.front()).as<Selector>();
    if (selector == nullptr || selector->shift.at != Shift::At::Step) return nullptr;
    const bool one_name = std::ranges::any_of(selector->matchers, [](const Matcher& each) {
        return each.name == metric_name_label && each.op == Matcher::Op::Equal &&
               !each.value.empty();
    });
    return one_name ? call : nullptr;
}

bool is_choice(Aggregator op) {
    return op == Aggregator::TopK || op == Aggregator::BottomK || op == Aggregator::LimitK ||
           op == Aggregator::LimitRatio;
}

/// One row for each group.
Result<Block> fold_groups(const Aggregate& aggregate, const Block& block, const Grouping& groups,
                          std::span<const double> parameters, QueryContext& context) {
    const bool is_mean = aggregate.op == Aggregator::Avg;
    if ((is_mean || aggregate.op == Aggregator::Sum) && block.has_histograms())
        return fold_mixed(block, groups, is_mean, context, unwrapped(*aggregate.expr));
    switch (aggregate.op) {
        case Aggregator::Avg:
            return fold_all<AvgState>(block, groups);
        case Aggregator::Count:
            return fold_all<CountState>(block, groups);
        case Aggregator::Group:
            return fold_all<GroupState>(block, groups);
        case Aggregator::Min:
            return fold_all<ExtremeState<true>>(block, groups);
        case Aggregator::Max:
            return fold_all<ExtremeState<false>>(block, groups);
        case Aggregator::Stddev:
            return fold_all<VarianceState<true>>(block, groups);
        case Aggregator::Stdvar:
            return fold_all<VarianceState<false>>(block, groups);
        case Aggregator::Quantile:
            warn_of_extremes(context, unwrapped(*aggregate.param), parameters);
            return quantiles(block, groups, parameters);
        default:
            break;
    }
    return count_values(aggregate, block, groups, context);
}

}  // namespace

/// The rows that an aggregation is made of, but for those that `sums` took in already.
Result<Block> Evaluator::eval_aggregated(const Aggregate& aggregate, GroupSums& sums) {
    const Call* call = delays_names() ? nullptr : summable_call(aggregate);
    if (call == nullptr) return eval(*aggregate.expr);
    const QueryContext::Held before = context_.held;
    Result<Block> rest = eval_range_call(*call, &sums);
    if (sums.refused()) {
        context_.held = before;
        sums = GroupSums(aggregate, steps_.count);
        return eval(*aggregate.expr);
    }
    if (!rest) return rest;
    context_.held.floats = before.floats;
    if (const auto good = context_.charge(floats_of(*rest)); !good) return fail(good.error());
    return rest;
}

void Evaluator::inform_of_ignored(const Expr& at, Aggregator op) {
    context_.inform(at, fmt::format("ignored histogram in {} aggregation", to_string(op)));
}

Result<Block> Evaluator::eval_aggregate(const Aggregate& aggregate, const Expr& at) {
    Block param(steps_.count);
    if (aggregate.param != nullptr && aggregate.op != Aggregator::CountValues) {
        const bool was_inside = std::exchange(around_.in_parameter, true);
        Result<Block> value = eval(*aggregate.param);
        around_.in_parameter = was_inside;
        if (!value) return value;
        param = std::move(*value);
    }
    if (aggregate.op == Aggregator::CountValues) {
        const std::string& label = text_of(*aggregate.param);
        if (label.empty() || !is_utf8(label))
            return fail(Fault::BadInput, "invalid label name " + quote(label));
    }
    GroupSums sums(aggregate, steps_.count);
    Result<Block> block = eval_aggregated(aggregate, sums);
    if (!block) return block;
    if (const auto good = context_.charge(0); !good) return fail(good.error());
    if (is_choice(aggregate.op)) return eval_choice(aggregate, at, std::move(*block), param.values);
    const bool ignores = aggregate.op == Aggregator::Min || aggregate.op == Aggregator::Max ||
                         aggregate.op == Aggregator::Stddev || aggregate.op == Aggregator::Stdvar ||
                         aggregate.op == Aggregator::Quantile;
    if (aggregate.op == Aggregator::Sum && !block->has_histograms()) {
        sums.add(*block);
        return sums.take();
    }
    // Groups stand where their first series does, be there only histograms in it.
    const Grouping groups = group(aggregate, *block);
    const bool ignored = ignores && block->blank_histograms();
    if (ignored) inform_of_ignored(unwrapped(*aggregate.expr), aggregate.op);
    Result<Block> out = fold_groups(aggregate, *block, groups, param.values, context_);
    if (out && ignored) drop_empty_rows(*out);
    return out;
}

Result<Block> Evaluator::eval_ratio(const Aggregate& aggregate, Block block,
                                    std::span<const double> ratios) {
    if (std::ranges::all_of(ratios, [](double ratio) { return ratio == 0; }))
        return Block(steps_.count);
    warn_of_ratios(context_, unwrapped(*aggregate.param), ratios);
    if (block.rows() == 0) return block;
    if (std::ranges::any_of(ratios, [](double ratio) { return std::isnan(ratio); }))
        return fail(Fault::BadInput, "Ratio value NaN is NaN");
    std::vector<std::size_t> order;
    keep_sampled(block, group(aggregate, block), ratios, order);
    if (steps_.count == 1) return in_order(std::move(block), order);
    drop_empty_rows(block);
    return block;
}

/// Those that keep some of the series as they are.
Result<Block> Evaluator::eval_choice(const Aggregate& aggregate, const Expr& at, Block all,
                                     std::span<const double> parameters) {
    if (aggregate.op == Aggregator::LimitRatio)
        return eval_ratio(aggregate, std::move(all), parameters);
    // Only a k that would keep something is looked at closely.
    const bool keeps_any =
        std::any_of(parameters.begin(), parameters.end(), [](double k) { return !(k < 1); });
    if (all.rows() == 0 || !keeps_any) return Block(steps_.count);
    if (const auto good = check_k(parameters, all); !good) return fail(good.error());
    const bool is_first = aggregate.op == Aggregator::LimitK;
    const Grouping groups = group(aggregate, all);
    if (!is_first && all.blank_histograms()) inform_of_ignored(at, aggregate.op);
    std::vector<std::size_t> order;
    if (is_first)
        keep_first(all, groups, parameters, order);
    else
        keep_best(all, groups, parameters, aggregate.op == Aggregator::TopK, order);
    // One step: the answer stands in order of rank.
    if (steps_.count == 1) return in_order(std::move(all), order);
    drop_empty_rows(all);
    return all;
}

}  // namespace vedette::promql
