#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "promql/functions/go_math.h"
#include "promql/syntax/parse.h"
#include "promql/syntax/parser.h"

namespace vedette::promql {

namespace {

/// Prometheus names the bytes of these, from and to, not line and column.
tl::unexpected<Error> refuse(const Expr& expr, std::string_view why) {
    return fail(Fault::BadInput, fmt::format("{}:{}: {}", expr.at.begin, expr.at.end, why));
}

Result<double> seconds_of(const Expr& expr) {
    if (const Number* number = expr.as<Number>()) return number->value;
    const DurationExpr& node = *expr.as<DurationExpr>();
    double left = 0;
    if (node.lhs != nullptr) {
        const Result<double> lhs = seconds_of(*node.lhs);
        if (!lhs) return lhs;
        left = *lhs;
    }
    const Result<double> rhs = seconds_of(*node.rhs);
    if (!rhs) return rhs;
    switch (node.op) {
        case Op::Add:
            return left + *rhs;
        case Op::Sub:
            return node.lhs == nullptr ? -*rhs : left - *rhs;
        case Op::Mul:
            return left * *rhs;
        case Op::Div:
            if (*rhs == 0) return refuse(expr, "division by zero");
            return left / *rhs;
        case Op::Mod:
            if (*rhs == 0) return refuse(expr, "modulo by zero");
            return std::fmod(left, *rhs);
        default:
            return go::pow(left, *rhs);
    }
}

/// Says why one duration cannot be computed.
Result<void> check_one(const ExprPtr& expr, bool may_be_negative) {
    if (expr == nullptr) return {};
    const Result<Milliseconds> value = duration_of(*expr, may_be_negative);
    return value ? Result<void>() : fail(value.error());
}

void settle_one(const ExprPtr& expr, bool may_be_negative, Milliseconds& out) {
    if (expr != nullptr) out = duration_of(*expr, may_be_negative).value_or(Milliseconds(0));
}

/// In Prometheus's order: a node before its children, left before right.
class Durations {
public:
    Result<void> walk(const Expr& expr) {
        if (Result<void> own = of_node(expr); !own) return own;
        if (const Subquery* node = expr.as<Subquery>()) return walk(*node->expr);
        if (const Unary* node = expr.as<Unary>()) return walk(*node->expr);
        if (const Paren* node = expr.as<Paren>()) return walk(*node->expr);
        if (const Binary* node = expr.as<Binary>()) {
            if (Result<void> left = walk(*node->lhs); !left) return left;
            return walk(*node->rhs);
        }
        if (const Aggregate* node = expr.as<Aggregate>()) {
            if (Result<void> inner = walk(*node->expr); !inner) return inner;
            return node->param == nullptr ? Result<void>() : walk(*node->param);
        }
        if (const Call* node = expr.as<Call>())
            for (const ExprPtr& arg : node->args)
                if (Result<void> good = walk(*arg); !good) return good;
        return {};
    }

private:
    static Result<void> of_node(const Expr& expr) {
        if (const Selector* node = expr.as<Selector>()) {
            if (Result<void> good = check_one(node->shift.offset_expr, true); !good)
                return good;
            return check_one(node->range_expr, false);
        }
        if (const Subquery* node = expr.as<Subquery>()) {
            if (Result<void> good = check_one(node->shift.offset_expr, true); !good)
                return good;
            if (Result<void> good = check_one(node->step_expr, false); !good) return good;
            return check_one(node->range_expr, false);
        }
        return {};
    }
};

}  // namespace

Result<Milliseconds> duration_of(const Expr& expr, bool may_be_negative) {
    const Result<double> seconds = seconds_of(expr);
    if (!seconds) return fail(seconds.error());
    if (!may_be_negative && *seconds <= 0) return refuse(expr, "duration must be greater than 0");
    // Go converts what does not fit, NaN too, to the smallest number, and wraps its nanoseconds.
    constexpr double fits = 9223372036854775807.0;
    const double ms = *seconds * 1000;
    const std::int64_t whole = ms < fits && ms >= -fits ? static_cast<std::int64_t>(ms)
                                                        : std::numeric_limits<std::int64_t>::min();
    const auto nanoseconds =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(whole) * std::uint64_t{1'000'000});
    return Milliseconds(nanoseconds / 1'000'000);
}

void settle_durations(Expr& expr) {
    if (Selector* node = expr.as<Selector>()) {
        settle_one(node->shift.offset_expr, true, node->shift.offset);
        settle_one(node->range_expr, false, node->range);
    }
    if (Subquery* node = expr.as<Subquery>()) {
        settle_one(node->shift.offset_expr, true, node->shift.offset);
        settle_one(node->range_expr, false, node->range);
        settle_one(node->step_expr, false, node->step);
    }
}

Result<void> check_durations(const Expr& expr) {
    return Durations().walk(expr);
}

}  // namespace vedette::promql
