#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>

#include "promql/evaluation/evaluator.h"
#include "promql/evaluation/ranking.h"
#include "promql/functions/go_math.h"
#include "promql/functions/windows.h"

namespace vedette::promql {

namespace {

using Id = Function::Id;
using Math = double (*)(double);

Math math_function(Id id) {
    switch (id) {
        case Id::Abs:
            return [](double v) { return std::abs(v); };
        case Id::Ceil:
            return [](double v) { return std::ceil(v); };
        case Id::Floor:
            return [](double v) { return std::floor(v); };
        case Id::Exp:
            return go::exp;
        case Id::Ln:
            return go::log;
        case Id::Log2:
            return go::log2;
        case Id::Log10:
            return go::log10;
        case Id::Sqrt:
            return [](double v) { return std::sqrt(v); };
        case Id::Sin:
            return go::sin;
        case Id::Cos:
            return go::cos;
        case Id::Tan:
            return go::tan;
        case Id::Asin:
            return go::asin;
        case Id::Acos:
            return go::acos;
        case Id::Atan:
            return go::atan;
        case Id::Sinh:
            return go::sinh;
        case Id::Cosh:
            return go::cosh;
        case Id::Tanh:
            return go::tanh;
        case Id::Asinh:
            return go::asinh;
        case Id::Acosh:
            return go::acosh;
        case Id::Atanh:
            return go::atanh;
        case Id::Deg:
            return [](double v) { return v * 180 / std::numbers::pi; };
        case Id::Rad:
            return [](double v) { return v * std::numbers::pi / 180; };
        case Id::Sgn:
            return [](double v) { return v < 0 ? -1.0 : v > 0 ? 1.0 : v; };
        default:
            return nullptr;
    }
}

/// A moment in UTC, from days since 1970 by the civil calendar.
struct Moment {
    std::int64_t year = 0;
    int month = 0, day = 0, weekday = 0, day_of_year = 0, hour = 0, minute = 0;
};

bool is_leap(std::int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/// Counts, as Go does, unsigned from a March in the far past: times out of range wrap around there.
Moment moment_of(std::int64_t seconds) {
    constexpr std::int64_t eras_before = 730'692'556;  // of 400 years before the year 0
    constexpr std::uint64_t days_before = 719'468 + std::uint64_t{eras_before} * 146'097;
    const std::uint64_t since = static_cast<std::uint64_t>(seconds) + days_before * 86'400;
    const std::uint64_t days = since / 86'400;
    Moment out;
    const auto rest = static_cast<int>(since % 86'400);
    out.hour = rest / 3600;
    out.minute = rest / 60 % 60;
    out.weekday = static_cast<int>((days + 3) % 7);  // the first of that March was a Wednesday
    // Years counted from March, so that the leap day is the last of its year.
    const auto era = static_cast<std::int64_t>(days / 146'097);
    const auto day_of_era = static_cast<std::int64_t>(days % 146'097);
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const auto day =
        static_cast<int>(day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100));
    const int march_month = (5 * day + 2) / 153;
    out.day = day - (153 * march_month + 2) / 5 + 1;
    out.month = march_month < 10 ? march_month + 3 : march_month - 9;
    out.year = year_of_era + (era - eras_before) * 400 + (out.month <= 2 ? 1 : 0);
    out.day_of_year = out.month > 2 ? day + 60 + (is_leap(out.year) ? 1 : 0) : day - 305;
    return out;
}

double date_part(Id id, double seconds) {
    constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    // What does not fit, NaN too, converts to the smallest number in Go.
    const bool fits = seconds >= -0x1p63 && seconds < 0x1p63;
    const Moment at = moment_of(fits ? static_cast<std::int64_t>(seconds)
                                     : std::numeric_limits<std::int64_t>::min());
    switch (id) {
        case Id::Minute:
            return at.minute;
        case Id::Hour:
            return at.hour;
        case Id::DayOfWeek:
            return at.weekday;
        case Id::DayOfMonth:
            return at.day;
        case Id::DayOfYear:
            return at.day_of_year;
        case Id::Month:
            return at.month;
        case Id::Year:
            return static_cast<double>(at.year);
        default:
            break;
    }
    return at.month == 2 && is_leap(at.year) ? 29 : days[static_cast<std::size_t>(at.month - 1)];
}

bool is_date(Id id) {
    constexpr std::array ids = {Id::Minute,    Id::Hour,        Id::DayOfWeek, Id::DayOfMonth,
                                Id::DayOfYear, Id::DaysInMonth, Id::Month,     Id::Year};
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

Labels labels_of_matchers(const Selector& selector) {
    LabelsBuilder builder;
    std::vector<std::string_view> had;
    for (const Matcher& matcher : selector.matchers) {
        if (matcher.name == metric_name_label) continue;
        const bool again = std::find(had.begin(), had.end(), matcher.name) != had.end();
        if (matcher.op == Matcher::Op::Equal && !again) {
            builder.set(matcher.name, matcher.value);
            had.push_back(matcher.name);
        } else {
            builder.del(matcher.name);
        }
    }
    return builder.build();
}

/// As Go has them: -0 is below 0, and only an infinity is stronger than NaN.
double smaller(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return a == -INFINITY || b == -INFINITY ? -INFINITY : NAN;
    return a < b || (a == b && std::signbit(a)) ? a : b;
}
double larger(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return a == INFINITY || b == INFINITY ? INFINITY : NAN;
    return a > b || (a == b && !std::signbit(a)) ? a : b;
}

}  // namespace

Labels labels_of_absent(const Expr& arg) {
    const Selector* selector = unwrapped(arg).as<Selector>();
    return selector == nullptr ? Labels() : labels_of_matchers(*selector);
}

Result<Block> Evaluator::eval_math(const Call& call, double (*function)(double)) {
    Result<Block> block = eval(*call.args[0]);
    if (!block) return block;
    block->leave_histograms_out();
    for (double& value : block->values)
        if (!is_absent(value)) value = function(value);
    if (!lose_names(*block, Meeting::Merge)) return fail(Fault::BadInput, std::string(same_labels));
    return block;
}

Result<Block> Evaluator::eval_clamp(const Call& call) {
    const Id id = call.function->id;
    Result<Block> block = eval(*call.args[0]);
    if (!block) return block;
    block->leave_histograms_out();
    Result<Block> low = eval(*call.args[1]);
    if (!low) return low;
    Result<Block> high = id == Id::Clamp ? eval(*call.args[2]) : low;
    if (!high) return high;
    for (std::size_t r = 0; r < block->rows(); ++r) {
        const auto row = block->row(r);
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (is_absent(row[i])) continue;
            const double a = low->values[i], b = high->values[i];
            if (id == Id::Clamp && b < a)
                row[i] = absent_value();
            else if (id == Id::ClampMax)
                row[i] = smaller(b, row[i]);
            else if (id == Id::ClampMin)
                row[i] = larger(a, row[i]);
            else
                row[i] = larger(a, smaller(b, row[i]));
        }
    }
    drop_empty_rows(*block);
    if (!lose_names(*block, Meeting::Merge)) return fail(Fault::BadInput, std::string(same_labels));
    return block;
}

Result<Block> Evaluator::eval_round(const Call& call) {
    Result<Block> block = eval(*call.args[0]);
    if (!block) return block;
    block->leave_histograms_out();
    Result<Block> to = call.args.size() > 1 ? eval(*call.args[1]) : scalar(1);
    if (!to) return to;
    for (std::size_t r = 0; r < block->rows(); ++r) {
        const auto row = block->row(r);
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (is_absent(row[i])) continue;
            // Rounded up at half; by the inverse, which is exact for 0.1 and its like.
            const double inverse = 1.0 / to->values[i];
            row[i] = std::floor(row[i] * inverse + 0.5) / inverse;
        }
    }
    if (!lose_names(*block, Meeting::Merge)) return fail(Fault::BadInput, std::string(same_labels));
    return block;
}

Result<Block> Evaluator::eval_date(const Call& call) {
    Block block(steps_.count);
    if (call.args.empty()) {
        const auto row = block.add({});
        for (std::size_t i = 0; i < row.size(); ++i)
            row[i] = static_cast<double>(steps_.at(i)) / 1000;
    } else {
        Result<Block> arg = eval(*call.args[0]);
        if (!arg) return arg;
        block = std::move(*arg);
        block.leave_histograms_out();
    }
    for (double& value : block.values)
        if (!is_absent(value)) value = date_part(call.function->id, value);
    if (!lose_names(block, Meeting::Merge)) return fail(Fault::BadInput, std::string(same_labels));
    return block;
}

Result<Block> Evaluator::eval_timestamp(const Call& call) {
    const Expr& arg = unwrapped(*call.args[0]);
    const bool selects = arg.as<Selector>() != nullptr;
    Result<Block> block = selects ? eval_selector(arg, true) : eval(arg);
    if (!block) return block;
    for (std::size_t r = 0; !selects && r < block->rows(); ++r) {
        const auto row = block->row(r);
        for (std::size_t i = 0; i < row.size(); ++i)
            if (!is_absent(row[i])) row[i] = static_cast<double>(steps_.at(i)) / 1000;
    }
    if (!lose_names(*block, Meeting::Merge)) return fail(Fault::BadInput, std::string(same_labels));
    return block;
}

Result<Block> Evaluator::eval_absent(const Call& call) {
    Result<Block> arg = eval(*call.args[0]);
    if (!arg) return arg;
    Block block(steps_.count);
    const auto row = block.add(labels_of_absent(*call.args[0]));
    std::ranges::fill(row, 1.0);
    for (std::size_t r = 0; r < arg->rows(); ++r)
        for (std::size_t i = 0; i < row.size(); ++i)
            if (!is_absent(arg->row(r)[i])) row[i] = absent_value();
    drop_empty_rows(block);
    return block;
}

Result<Block> Evaluator::eval_scalar(const Call& call) {
    Result<Block> arg = eval(*call.args[0]);
    if (!arg) return arg;
    Block block = scalar(std::nan(""));
    for (std::size_t i = 0; i < steps_.count; ++i) {
        std::size_t count = 0;
        double value = 0;
        for (std::size_t r = 0; r < arg->rows(); ++r) {
            if (!is_number(arg->row(r)[i])) continue;
            value = arg->row(r)[i];
            ++count;
        }
        if (count == 1) block.values[i] = value;
    }
    return block;
}

Result<Block> Evaluator::eval_sort(const Call& call) {
    Result<Block> block = eval(*call.args[0]);
    if (block) block->leave_histograms_out();
    // Over a range, series come in label order whatever their values.
    if (!block || steps_.count != 1) return block;
    const bool descending = call.function->id == Id::SortDesc;
    std::vector<Ranked> order;
    for (std::size_t r = 0; r < block->rows(); ++r) order.push_back({block->values[r], r});
    rank_sort(order, descending);
    Block sorted(1);
    sorted.nameless = block->nameless;
    for (const Ranked& one : order) sorted.add_row_of(*block, one.row);
    return sorted;
}

Result<Block> Evaluator::eval_call(const Expr& expr) {
    const Call& call = *expr.as<Call>();
    const Id id = call.function->id;
    if (id == Id::AbsentOverTime) return eval_absent_over_time(call);
    if (std::any_of(call.function->args.begin(), call.function->args.end(),
                    [](Type type) { return type == Type::Matrix; }))
        return eval_range_call(call);
    if (const Math math = math_function(id)) return eval_math(call, math);
    if (is_date(id)) return eval_date(call);
    switch (id) {
        case Id::Clamp:
        case Id::ClampMin:
        case Id::ClampMax:
            return eval_clamp(call);
        case Id::Round:
            return eval_round(call);
        case Id::Timestamp:
            return eval_timestamp(call);
        case Id::Absent:
            return eval_absent(call);
        case Id::Scalar:
            return eval_scalar(call);
        case Id::Vector:
            return eval(*call.args[0]);
        case Id::Pi:
            return scalar(std::numbers::pi);
        case Id::Sort:
        case Id::SortDesc:
            return eval_sort(call);
        case Id::SortByLabel:
        case Id::SortByLabelDesc:
            return eval_sort_by_label(call);
        case Id::Info:
            return eval_info(call);
        case Id::LabelReplace:
            return eval_label_replace(call);
        case Id::LabelJoin:
            return eval_label_join(call);
        case Id::HistogramQuantile:
            return eval_histogram_quantile(call);
        case Id::HistogramFraction:
            return eval_histogram_fraction(call);
        case Id::Time: {
            Block block = scalar(0);
            for (std::size_t i = 0; i < steps_.count; ++i)
                block.values[i] = static_cast<double>(steps_.at(i)) / 1000;
            return block;
        }
        default:
            break;
    }
    return eval_histogram_number(call);
}

}  // namespace vedette::promql
