#include "promql/functions/functions.h"

#include <algorithm>

namespace vedette::promql {

namespace {

using Id = Function::Id;
constexpr Type S = Type::Scalar, T = Type::String, V = Type::Vector, M = Type::Matrix;

const std::vector<Function>& table() {
    static const std::vector<Function> functions = {
        {"abs", Id::Abs, V, {V}},
        {"absent", Id::Absent, V, {V}},
        {"absent_over_time", Id::AbsentOverTime, V, {M}},
        {"acos", Id::Acos, V, {V}},
        {"acosh", Id::Acosh, V, {V}},
        {"asin", Id::Asin, V, {V}},
        {"asinh", Id::Asinh, V, {V}},
        {"atan", Id::Atan, V, {V}},
        {"atanh", Id::Atanh, V, {V}},
        {"avg_over_time", Id::AvgOverTime, V, {M}},
        {"ceil", Id::Ceil, V, {V}},
        {"changes", Id::Changes, V, {M}},
        {"clamp", Id::Clamp, V, {V, S, S}},
        {"clamp_max", Id::ClampMax, V, {V, S}},
        {"clamp_min", Id::ClampMin, V, {V, S}},
        {"cos", Id::Cos, V, {V}},
        {"cosh", Id::Cosh, V, {V}},
        {"count_over_time", Id::CountOverTime, V, {M}},
        {"day_of_month", Id::DayOfMonth, V, {V}, 1},
        {"day_of_week", Id::DayOfWeek, V, {V}, 1},
        {"day_of_year", Id::DayOfYear, V, {V}, 1},
        {"days_in_month", Id::DaysInMonth, V, {V}, 1},
        {"deg", Id::Deg, V, {V}},
        {"delta", Id::Delta, V, {M}},
        {"deriv", Id::Deriv, V, {M}},
        {"double_exponential_smoothing", Id::DoubleExponentialSmoothing, V, {M, S, S}, 0, true},
        {"exp", Id::Exp, V, {V}},
        {"floor", Id::Floor, V, {V}},
        {"histogram_avg", Id::HistogramAvg, V, {V}},
        {"histogram_count", Id::HistogramCount, V, {V}},
        {"histogram_fraction", Id::HistogramFraction, V, {S, S, V}},
        {"histogram_quantile", Id::HistogramQuantile, V, {S, V}},
        {"histogram_stddev", Id::HistogramStddev, V, {V}},
        {"histogram_stdvar", Id::HistogramStdvar, V, {V}},
        {"histogram_sum", Id::HistogramSum, V, {V}},
        {"hour", Id::Hour, V, {V}, 1},
        {"idelta", Id::Idelta, V, {M}},
        {"increase", Id::Increase, V, {M}},
        {"info", Id::Info, V, {V, V}, 1, true},
        {"irate", Id::Irate, V, {M}},
        {"label_join", Id::LabelJoin, V, {V, T, T, T}, -1},
        {"label_replace", Id::LabelReplace, V, {V, T, T, T, T}},
        {"last_over_time", Id::LastOverTime, V, {M}},
        {"ln", Id::Ln, V, {V}},
        {"log10", Id::Log10, V, {V}},
        {"log2", Id::Log2, V, {V}},
        {"mad_over_time", Id::MadOverTime, V, {M}, 0, true},
        {"max_over_time", Id::MaxOverTime, V, {M}},
        {"min_over_time", Id::MinOverTime, V, {M}},
        {"minute", Id::Minute, V, {V}, 1},
        {"month", Id::Month, V, {V}, 1},
        {"pi", Id::Pi, S, {}},
        {"predict_linear", Id::PredictLinear, V, {M, S}},
        {"present_over_time", Id::PresentOverTime, V, {M}},
        {"quantile_over_time", Id::QuantileOverTime, V, {S, M}},
        {"rad", Id::Rad, V, {V}},
        {"rate", Id::Rate, V, {M}},
        {"resets", Id::Resets, V, {M}},
        {"round", Id::Round, V, {V, S}, 1},
        {"scalar", Id::Scalar, S, {V}},
        {"sgn", Id::Sgn, V, {V}},
        {"sin", Id::Sin, V, {V}},
        {"sinh", Id::Sinh, V, {V}},
        {"sort", Id::Sort, V, {V}},
        {"sort_by_label", Id::SortByLabel, V, {V, T}, -1, true},
        {"sort_by_label_desc", Id::SortByLabelDesc, V, {V, T}, -1, true},
        {"sort_desc", Id::SortDesc, V, {V}},
        {"sqrt", Id::Sqrt, V, {V}},
        {"stddev_over_time", Id::StddevOverTime, V, {M}},
        {"stdvar_over_time", Id::StdvarOverTime, V, {M}},
        {"sum_over_time", Id::SumOverTime, V, {M}},
        {"tan", Id::Tan, V, {V}},
        {"tanh", Id::Tanh, V, {V}},
        {"time", Id::Time, S, {}},
        {"timestamp", Id::Timestamp, V, {V}},
        {"ts_of_last_over_time", Id::TsOfLastOverTime, V, {M}, 0, true},
        {"ts_of_max_over_time", Id::TsOfMaxOverTime, V, {M}, 0, true},
        {"ts_of_min_over_time", Id::TsOfMinOverTime, V, {M}, 0, true},
        {"vector", Id::Vector, V, {S}},
        {"year", Id::Year, V, {V}, 1},
    };
    return functions;
}

}  // namespace

const Function* find_function(std::string_view name) {
    const auto& functions = table();
    const auto at =
        std::lower_bound(functions.begin(), functions.end(), name,
                         [](const Function& f, std::string_view n) { return f.name < n; });
    return at != functions.end() && at->name == name ? &*at : nullptr;
}

std::span<const Function> all_functions() {
    return table();
}

}  // namespace vedette::promql
