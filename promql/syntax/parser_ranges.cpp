#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/limits.h"
#include "promql/syntax/parser.h"

namespace vedette::promql {

namespace {

using Kind = Token::Kind;
using Keyword = Token::Keyword;

/// What Go's Duration, 64 bits of nanoseconds, can hold, in seconds.
constexpr double duration_seconds_max = 9223372036854775807.0 / 1e9;

bool is_sign(const Token& token) {
    return token.kind == Kind::Operator && (token.op == Op::Add || token.op == Op::Sub);
}

bool is_arithmetic(const Token& token) {
    return token.kind == Kind::Operator && precedence(token.op) >= precedence(Op::Add) &&
           token.op != Op::Atan2;
}

Milliseconds milliseconds_of(double seconds) {
    return Milliseconds(static_cast<std::int64_t>(std::round(seconds * 1e9)) / 1'000'000);
}

/// Puts a parsed duration where it belongs: a number's value at once, an expression to be computed
/// when the types are checked.
void settle_duration(ExprPtr duration, Milliseconds& value, ExprPtr& expr) {
    if (const Number* number = duration->as<Number>())
        value = milliseconds_of(number->value);
    else
        expr = std::move(duration);
}

std::uint32_t depth_of(const ExprPtr& expr) {
    return expr == nullptr ? 0 : expr->depth;
}

Shift* shift_of(Expr& expr) {
    if (Selector* selector = expr.as<Selector>()) return &selector->shift;
    if (Subquery* subquery = expr.as<Subquery>()) return &subquery->shift;
    return nullptr;
}

constexpr std::string_view wants_selector =
    " modifier must be preceded by an instant vector selector or range vector selector or a "
    "subquery";

}  // namespace

Failure Parser::complain_after_token(Place at, std::string message, std::string advice) {
    if (is(Kind::Error)) return unexpected();
    return complain(at, std::move(message), std::move(advice));
}

// ── durations ──

bool Parser::duration_arithmetic_allowed(Place at) {
    if (features_.duration_expressions) return true;
    return complain(at, "experimental duration expression is not enabled",
                    "one duration, as in 5m; --enable-feature=promql-duration-expr allows more");
}

ExprPtr Parser::parse_duration_number() {
    const Token token = take();
    Number number;
    number.duration = token.kind == Kind::Duration;
    if (!number_value(token, number.value)) return nullptr;
    if (!(std::abs(number.value) <= duration_seconds_max))
        return complain(token.at, "duration out of range");
    return make(number, token.at, Type::Scalar);
}

ExprPtr Parser::with_sign(const Token& sign, ExprPtr operand) {
    if (Number* number = operand->as<Number>()) {
        if (sign.op == Op::Sub) number->value = -number->value;
        operand->at.begin = sign.at.begin;
        return operand;
    }
    if (sign.op == Op::Add) return operand;
    const Place at = joined(sign.at, operand->at);
    const std::uint32_t depth = operand->depth;
    return make(DurationExpr{Op::Sub, nullptr, std::move(operand)}, at, Type::Scalar, depth);
}

ExprPtr Parser::parse_duration_paren() {
    take();
    ExprPtr inner = parse_duration(0);
    if (inner == nullptr) return nullptr;
    if (!is(Kind::RightParen)) return unexpected(duration_context_, duration_expected_);
    take();
    if (!duration_arithmetic_allowed(inner->at)) return nullptr;
    if (DurationExpr* expr = inner->as<DurationExpr>()) expr->wrapped = true;
    return inner;
}

ExprPtr Parser::parse_duration_operand() {
    if (is_sign(token_)) {
        const Token sign = take();
        ExprPtr operand = parse_duration(unary_operand);
        return operand == nullptr ? nullptr : with_sign(sign, std::move(operand));
    }
    if (is(Kind::LeftParen)) return parse_duration_paren();
    if (is(Kind::Number) || is(Kind::Duration)) return parse_duration_number();
    return unexpected(duration_context_, duration_expected_);
}

ExprPtr Parser::parse_duration(int min_precedence) {
    const Nested nested(nesting_);
    if (nesting_ > limits::query_depth_max) return too_deep(token_.at);
    ExprPtr lhs = parse_duration_operand();
    while (lhs != nullptr && is_arithmetic(token_) && precedence(token_.op) >= min_precedence)
        lhs = parse_duration_binary(std::move(lhs));
    return lhs;
}

ExprPtr Parser::parse_duration_binary(ExprPtr lhs) {
    const Token op = take();
    ExprPtr rhs = parse_duration(precedence(op.op) + (op.op == Op::Pow ? 0 : 1));
    if (rhs == nullptr) return nullptr;
    if (is(Kind::Error)) return unexpected();
    if (!duration_arithmetic_allowed(lhs->at)) return nullptr;
    const Number* divisor = rhs->as<Number>();
    if (divisor != nullptr && divisor->value == 0 && (op.op == Op::Div || op.op == Op::Mod))
        return complain(op.at, op.op == Op::Div ? "division by zero" : "modulo by zero");
    const Place at = joined(lhs->at, rhs->at);
    const std::uint32_t depth = std::max(lhs->depth, rhs->depth);
    return make(DurationExpr{op.op, std::move(lhs), std::move(rhs)}, at, Type::Scalar, depth);
}

ExprPtr Parser::parse_positive_duration() {
    ExprPtr duration = parse_duration(0);
    if (duration == nullptr) return nullptr;
    const Number* number = duration->as<Number>();
    if (number != nullptr && !(number->value > 0))
        return complain_after_token(duration->at, "duration must be greater than 0");
    return duration;
}

// ── ranges ──

ExprPtr Parser::parse_range(ExprPtr expr) {
    const Place open = take().at;
    duration_context_ = "subquery selector";
    duration_expected_ = "number or duration";
    ExprPtr range = parse_positive_duration();
    if (range == nullptr) return nullptr;
    if (is(Kind::Colon)) return parse_subquery(std::move(expr), std::move(range));
    if (!is(Kind::RightBracket)) return unexpected("subquery or range", "\":\" or \"]\"");
    take();
    Selector* selector = expr->as<Selector>();
    if (selector == nullptr || expr->type == Type::Matrix)
        return complain(open, "ranges only allowed for vector selectors",
                        "a subquery has a colon: [5m:]");
    if (selector->shift.offset.count() != 0)
        return complain(open, "no offset modifiers allowed before range",
                        "the range comes first: name[5m] offset 1m");
    if (selector->shift.at == Shift::At::Time)
        return complain(open, "no @ modifiers allowed before range",
                        "the range comes first: name[5m] @ 10");
    settle_duration(std::move(range), selector->range, selector->range_expr);
    expr->type = Type::Matrix;
    expr->at.end = end_;
    expr->depth = std::max(expr->depth, depth_of(selector->range_expr) + 1);
    return expr->depth > limits::query_depth_max ? too_deep(expr->at) : std::move(expr);
}

ExprPtr Parser::parse_subquery(ExprPtr expr, ExprPtr range) {
    take();
    Subquery subquery;
    std::uint32_t depth = std::max(expr->depth, range->depth);
    settle_duration(std::move(range), subquery.range, subquery.range_expr);
    if (!is(Kind::RightBracket)) {
        duration_expected_ = "number or duration or \"]\"";
        ExprPtr step = parse_positive_duration();
        if (step == nullptr) return nullptr;
        depth = std::max(depth, step->depth);
        settle_duration(std::move(step), subquery.step, subquery.step_expr);
    }
    if (!is(Kind::RightBracket)) return unexpected("subquery selector", "\"]\"");
    const Place at = joined(expr->at, take().at);
    subquery.expr = std::move(expr);
    return make(std::move(subquery), at, Type::Matrix, depth);
}

// ── offset, @ ──

/// One number with one sign ends the offset; everything else is a duration with all its operators.
ExprPtr Parser::parse_offset_duration() {
    duration_context_ = "offset";
    duration_expected_ = "number or duration";
    if (is(Kind::Number) || is(Kind::Duration)) return parse_duration_number();
    ExprPtr duration;
    if (is_sign(token_)) {
        const Token sign = take();
        if (is(Kind::Number) || is(Kind::Duration)) {
            duration = parse_duration_number();
            return duration == nullptr ? nullptr : with_sign(sign, std::move(duration));
        }
        duration = parse_duration(unary_operand);
        if (duration != nullptr) duration = with_sign(sign, std::move(duration));
    } else {
        duration = parse_duration_operand();
    }
    while (duration != nullptr && is_arithmetic(token_))
        duration = parse_duration_binary(std::move(duration));
    // To know that it ends here Prometheus has looked further, too.
    if (duration != nullptr && is(Kind::Error)) return unexpected();
    return duration;
}

ExprPtr Parser::parse_offset(ExprPtr expr) {
    take();
    ExprPtr offset = parse_offset_duration();
    if (offset == nullptr) return nullptr;
    Shift* shift = shift_of(*expr);
    if (shift == nullptr) return complain(expr->at, fmt::format("offset{}", wants_selector));
    if (shift->offset.count() != 0 || shift->offset_expr != nullptr)
        return complain(expr->at, "offset may not be set multiple times");
    settle_duration(std::move(offset), shift->offset, shift->offset_expr);
    expr->at.end = end_;
    expr->depth = std::max(expr->depth, depth_of(shift->offset_expr) + 1);
    return expr->depth > limits::query_depth_max ? too_deep(expr->at) : std::move(expr);
}

ExprPtr Parser::parse_at(ExprPtr expr) {
    take();
    Shift parsed;
    if (!parse_at_time(parsed, expr->at)) return nullptr;
    Shift* shift = shift_of(*expr);
    if (shift == nullptr) return complain(expr->at, fmt::format("@{}", wants_selector));
    if (shift->at != Shift::At::Step)
        return complain(expr->at, "@ <timestamp> may not be set multiple times");
    shift->at = parsed.at;
    shift->time = parsed.time;
    expr->at.end = end_;
    return expr;
}

bool Parser::parse_at_seconds(double& seconds) {
    double sign = 1;
    if (is_sign(token_)) sign = take().op == Op::Sub ? -1 : 1;
    if (!is(Kind::Number) && !is(Kind::Duration)) return unexpected("@", "timestamp");
    if (!number_value(take(), seconds)) return false;
    seconds *= sign;
    return true;
}

bool Parser::parse_at_time(Shift& shift, Place whole) {
    if (is(Keyword::Start) || is(Keyword::End)) {
        shift.at = take().keyword == Keyword::Start ? Shift::At::Start : Shift::At::End;
        for (const Kind kind : {Kind::LeftParen, Kind::RightParen}) {
            if (!is(kind)) return unexpected("@", "timestamp");
            take();
        }
        return true;
    }
    double seconds = 0;
    if (!parse_at_seconds(seconds)) return false;
    // Beyond this a count of milliseconds no longer fits in 64 bits.
    if (!(std::abs(seconds) < 9223372036854775.0)) {
        const std::string shown =
            std::isfinite(seconds) ? fmt::format("{:f}", seconds) : format_value(seconds);
        return complain(whole, "timestamp out of bounds for @ modifier: " + shown);
    }
    shift.at = Shift::At::Time;
    shift.time = {static_cast<std::int64_t>(std::round(seconds * 1000))};
    return true;
}

}  // namespace vedette::promql
