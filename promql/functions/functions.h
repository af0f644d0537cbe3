#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "promql/syntax/ast.h"

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
        DoubleExponentialSmoothing,
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
        Info,
        Irate,
        LabelJoin,
        LabelReplace,
        LastOverTime,
        Ln,
        Log10,
        Log2,
        MadOverTime,
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
        SortByLabel,
        SortByLabelDesc,
        SortDesc,
        Sqrt,
        StddevOverTime,
        StdvarOverTime,
        SumOverTime,
        Tan,
        Tanh,
        Time,
        Timestamp,
        TsOfLastOverTime,
        TsOfMaxOverTime,
        TsOfMinOverTime,
        Vector,
        Year,
    };
    std::string_view name;
    Id id;
    Type returns;
    std::vector<Type> args;
    /// How many more of the last argument may be left out or added; -1: any number.
    int variadic = 0;
    bool experimental = false;  ///< stands behind `promql-experimental-functions`
};

/// Null when Prometheus 3.5 has no function of that name.
const Function* find_function(std::string_view name);
/// In alphabetical order, those behind Prometheus's feature flag included.
std::span<const Function> all_functions();

}  // namespace vedette::promql
