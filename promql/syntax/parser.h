#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "promql/features.h"
#include "promql/syntax/ast.h"
#include "promql/syntax/lexer.h"
#include "promql/syntax/parse.h"

namespace vedette::promql {

/// What went wrong first: the rest of a broken text is not looked at.
struct Complaint {
    Place at;
    std::string message;
    std::string advice;
    bool is_limit = false;
};

/// What a failing step returns: false, or no expression.
struct Failure {
    operator bool() const { return false; }
    operator ExprPtr() const { return nullptr; }
};

/// How tightly an operator binds; a sign binds its operand like `^`: -a^b is -(a^b).
inline constexpr int unary_operand = 6;
inline int precedence(Op op) {
    switch (op) {
        case Op::Or:
            return 1;
        case Op::And:
        case Op::Unless:
            return 2;
        case Op::Add:
        case Op::Sub:
            return 4;
        case Op::Mul:
        case Op::Div:
        case Op::Mod:
        case Op::Atan2:
            return 5;
        case Op::Pow:
            return 6;
        default:
            return 3;
    }
}

inline Place joined(Place a, Place b) {
    return {a.begin, b.end};
}

/// Counts a level while it lives.
struct Nested {
    explicit Nested(std::size_t& depth) : depth_(depth) { ++depth_; }
    ~Nested() { --depth_; }
    std::size_t& depth_;
};

/// Recursive descent over one query; binary operators by precedence climbing. Functions on the
/// recursive path keep little on the stack: five thousand levels must fit. On failure every
/// function returns null and `complaint()` is set.
///
///   expr    := unary { operator [bool] [on|ignoring (…) [group_left|group_right [(…)]]] expr }
///   unary   := [+|-] postfix
///   postfix := primary { '[' range [':' [step]] ']' | offset duration | '@' time }
///   primary := number | string | '(' expr ')' | selector | function '(' … ')' | aggregation
///
/// Ranges, steps and offsets (parser_ranges.cpp):
///
///   duration := [+|-] duration | duration operator duration | '(' duration ')' | number
///   offset   := [+|-] number | duration that begins otherwise
///
/// so that `a offset 1m + 2` is a sum of a vector and 2, and `a offset (1m) + 2` a longer offset.
class Parser {
public:
    Parser(std::string_view text, Features features);

    /// The whole text as one expression, types not yet checked.
    ExprPtr parse_all();
    /// As `parse_all`, of a text that is one series selector and nothing else.
    ExprPtr parse_all_as_selector();
    const std::optional<Complaint>& complaint() const { return complaint_; }

private:
    ExprPtr parse_expr(int min_precedence);
    ExprPtr parse_unary();
    ExprPtr parse_signed();
    ExprPtr parse_postfix();
    ExprPtr parse_primary();
    ExprPtr parse_binary(ExprPtr lhs);
    bool parse_matching(Binary& binary);

    ExprPtr parse_number();
    ExprPtr parse_paren();
    ExprPtr parse_selector(Token name);
    bool parse_matchers(Selector& selector);
    bool parse_matcher(Selector& selector);
    ExprPtr parse_call(const Token& name);
    ExprPtr finish_call(const Token& name, std::vector<ExprPtr> args);
    Failure trailing_comma(Place comma);
    Failure too_deep(Place at);
    ExprPtr parse_aggregate(const Token& name);
    bool parse_args(std::vector<ExprPtr>& args);
    bool parse_grouping(std::vector<std::string>& labels);
    bool parse_aggregate_modifier(Aggregate& aggregate);
    ExprPtr finish_aggregate(Aggregate aggregate, std::vector<ExprPtr> args, Place at);

    // parser_ranges.cpp
    ExprPtr parse_range(ExprPtr expr);
    ExprPtr parse_subquery(ExprPtr expr, ExprPtr range);
    ExprPtr parse_offset(ExprPtr expr);
    ExprPtr parse_offset_duration();
    ExprPtr parse_at(ExprPtr expr);
    bool parse_at_time(Shift& shift, Place whole);
    bool parse_at_seconds(double& seconds);

    ExprPtr parse_duration(int min_precedence);
    ExprPtr parse_duration_operand();
    ExprPtr parse_duration_number();
    ExprPtr parse_duration_paren();
    ExprPtr parse_duration_binary(ExprPtr lhs);
    ExprPtr parse_positive_duration();
    ExprPtr with_sign(const Token& sign, ExprPtr operand);
    /// Where durations stand behind a feature flag that is off.
    bool duration_arithmetic_allowed(Place at);
    /// As `complain`, but what the lexer found wrong in the next token came first.
    Failure complain_after_token(Place at, std::string message, std::string advice = {});
    bool number_value(const Token& token, double& out);

    ExprPtr make(Expr::Node node, Place at, Type type, std::uint32_t child_depth = 0);

    Token take();
    bool is(Token::Kind kind) const { return token_.kind == kind; }
    bool is(Token::Keyword keyword) const { return token_.keyword == keyword; }
    bool names_a_metric() const;
    bool starts_an_expression() const;
    /// Keeps the first complaint.
    Failure complain(Place at, std::string message, std::string advice = {});
    Failure unexpected(std::string_view context = {}, std::string_view expected = {},
                       std::string advice = {});

    Lexer lexer_;
    Token token_;            ///< the next one, not yet taken
    std::uint32_t end_ = 0;  ///< of the last one taken
    std::size_t nesting_ = 0;
    std::size_t aggregations_open_ = 0;  ///< Prometheus says so in its messages
    std::string_view duration_context_, duration_expected_;  ///< for messages
    Features features_;
    std::optional<Complaint> complaint_;
};

/// Checks types and meanings in a tree, in Prometheus's order, and settles what depends on them;
/// gives every node its line and column in `text`.
std::optional<Complaint> check_types(Expr& expr, std::string_view text);

/// Computes the durations of one node that are expressions; zero where that cannot be done, of which
/// `check_durations` speaks.
void settle_durations(Expr& node);
/// What a number or an expression of durations is worth. Fails in Prometheus's words.
Result<Milliseconds> duration_of(const Expr& expr, bool may_be_negative);

}  // namespace vedette::promql
