#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/series.h"
#include "core/time.h"

namespace vedette::promql {

struct Expr;
struct Function;
using ExprPtr = std::unique_ptr<Expr>;

/// Bytes of the query text: `begin` is the first, `end` one past the last.
struct Place {
    std::uint32_t begin = 0, end = 0;
    auto operator<=>(const Place&) const = default;
};

enum class Type { Scalar, String, Vector, Matrix };
/// As Prometheus's messages name it: `scalar`, `string`, `instant vector`, `range vector`.
std::string_view to_string(Type type);

enum class Op {
    Or,
    And,
    Unless,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Atan2,
    Pow,
};
std::string_view to_string(Op op);
inline bool is_comparison(Op op) {
    return op >= Op::Equal && op <= Op::GreaterEqual;
}
inline bool is_set_operator(Op op) {
    return op <= Op::Unless;
}

enum class Aggregator {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    TopK,
    BottomK,
    CountValues,
    Quantile,
    LimitK,
    LimitRatio,
};
std::string_view to_string(Aggregator aggregator);
/// Those that take a parameter before the vector.
inline bool has_parameter(Aggregator aggregator) {
    return aggregator >= Aggregator::TopK;
}

struct Number {
    double value = 0;
    bool duration = false;  ///< written as `5m`; prints as one
};

struct Text {
    std::string value;
};

/// Arithmetic on durations, as `promql-duration-expr` allows it: `5m + 30`, `-(1m)`. Its leaves are
/// numbers.
struct DurationExpr {
    Op op = Op::Add;
    ExprPtr lhs;  ///< null: a sign
    ExprPtr rhs;
    bool wrapped = false;  ///< stood in parentheses
};

/// The time at which a selector looks, when not at the step's own: `@ 10`, `@ start()`, `offset
/// 5m`.
struct Shift {
    enum class At { Step, Time, Start, End };
    At at = At::Step;
    Timestamp time;
    Milliseconds offset{0};
    ExprPtr offset_expr;  ///< what `offset` was computed from; null when it was a number
};

/// `name{matchers}`, with a range when it asks for one (its type is Matrix then). The name's own
/// matcher is among `matchers`.
struct Selector {
    std::string name;  ///< as written before the braces; empty when it stood inside or nowhere
    std::vector<Matcher> matchers;
    Milliseconds range{0};  ///< zero in a matrix: shorter than a millisecond
    ExprPtr range_expr;     ///< what `range` was computed from; null when it was a number
    Shift shift;
};

struct Subquery {
    ExprPtr expr;
    Milliseconds range{0};
    Milliseconds step{0};  ///< zero: the engine's default
    ExprPtr range_expr, step_expr;
    Shift shift;
};

struct Unary {
    Op op = Op::Sub;  ///< Add or Sub
    ExprPtr expr;
};

/// Which series of the two sides meet.
struct Matching {
    enum class Card { OneToOne, ManyToOne, OneToMany, ManyToMany };
    Card card = Card::OneToOne;
    bool on = false;
    std::vector<std::string> labels;
    std::vector<std::string> include;

    bool operator==(const Matching&) const = default;
};

struct Binary {
    Op op = Op::Add;
    bool return_bool = false;
    ExprPtr lhs, rhs;
    Matching matching;  ///< says nothing unless both sides are vectors
    Place op_at;        ///< from the end of the left side to the start of the right
};

struct Call {
    const Function* function = nullptr;
    std::vector<ExprPtr> args;
};

struct Aggregate {
    Aggregator op = Aggregator::Sum;
    ExprPtr param;  ///< null for those without
    ExprPtr expr;
    bool without = false;
    std::vector<std::string> grouping;
};

struct Paren {
    ExprPtr expr;
};

/// One node of a query. `depth` is 1 for a leaf; a tree deeper than limits::query_depth_max is
/// never built, so walking one recursively is safe.
struct Expr {
    using Node =
        std::variant<Number, Text, Selector, Subquery, Unary, Binary, Call, Aggregate, Paren,
                     DurationExpr>;
    Node node;
    Place at;
    Type type = Type::Scalar;
    std::uint32_t depth = 1;
    std::uint32_t line = 1, column = 1;  ///< of `at.begin`; annotations name them

    template <typename T>
    const T* as() const {
        return std::get_if<T>(&node);
    }
    template <typename T>
    T* as() {
        return std::get_if<T>(&node);
    }
};

/// Whether two trees say the same, wherever they stood in their texts.
bool same(const Expr& a, const Expr& b);

/// `expr` without the parentheses around it.
const Expr& unwrapped(const Expr& expr);

}  // namespace vedette::promql
