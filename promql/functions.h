#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "promql/ast.h"

namespace vedette::promql {

/// What is known of a function before it is called. The table is in functions.cpp.
struct Function {
    enum class Id {
        Abs,
        Absent,
        AbsentOverTime,
        Acos,
        Acosh,
        Asin,
        Asinh,
        Atan,
        Atanh,
        AvgOverTime,
        Ceil,
        Changes,
        Clamp,
        ClampMax,
        ClampMin,
        Cos,
        Cosh,
        CountOverTime,
        DayOfMonth,
        DayOfWeek,
        DayOfYear,
        DaysInMonth,
        Deg,
        Delta,
        Deriv,
        Exp,
        Floor,
        HistogramAvg,
        HistogramCount,
        HistogramFraction,
        HistogramQuantile,
        HistogramStddev,
        HistogramStdvar,
        HistogramSum,
        Hour,
        Idelta,
        Increase,
        Irate,
        LabelJoin,
        LabelReplace,
        LastOverTime,
        Ln,
        Log10,
        Log2,
        MaxOverTime,
        MinOverTime,
        Minute,
        Month,
        Pi,
        PredictLinear,
        PresentOverTime,
        QuantileOverTime,
        Rad,
        Rate,
        Resets,
        Round,
        Scalar,
        Sgn,
        Sin,
        Sinh,
        Sort,
        SortDesc,
        Sqrt,
        StddevOverTime,
        StdvarOverTime,
        SumOverTime,
        Tan,
        Tanh,
        Time,
        Timestamp,
        Vector,
        Year,
        Experimental,
    };
    std::string_view name;
    Id id;
    Type returns;
    std::vector<Type> args;
    int variadic =
        0;  ///< how many more of the last argument may be left out or added; -1: any number
};

/// Null when Prometheus 3.5 has no function of that name.
const Function* find_function(std::string_view name);
/// In alphabetical order, those behind Prometheus's feature flag included.
std::span<const Function> all_functions();

}  // namespace vedette::promql
