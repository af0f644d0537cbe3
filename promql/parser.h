#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "promql/ast.h"
#include "promql/lexer.h"
#include "promql/parse.h"

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

/// Recursive descent over one query; binary operators by precedence climbing. Functions on the
/// recursive path keep little on the stack: five thousand levels must fit. On failure every
/// function returns null and `complaint()` is set.
///
///   expr    := unary { operator [bool] [on|ignoring (…) [group_left|group_right [(…)]]] expr }
///   unary   := [+|-] postfix
///   postfix := primary { '[' range [':' [step]] ']' | offset duration | '@' time }
///   primary := number | string | '(' expr ')' | selector | function '(' … ')' | aggregation
class Parser {
public:
    explicit Parser(std::string_view text);

    /// The whole text as one expression, types not yet checked.
    ExprPtr parse_all();
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

    ExprPtr parse_range(ExprPtr expr);
    ExprPtr parse_offset(ExprPtr expr);
    ExprPtr parse_at(ExprPtr expr);
    bool parse_at_time(Shift& shift, Place whole);
    /// A number or duration with an optional sign; in seconds.
    bool parse_seconds(std::string_view context, std::string_view expected, double& seconds,
                       Place& at);
    bool parse_milliseconds(std::string_view context, std::string_view expected, Milliseconds& out,
                            Place& at);
    bool parse_positive(std::string_view context, std::string_view expected, Milliseconds& out);
    bool number_value(const Token& token, double& out);

    template <typename Node>
    ExprPtr make(Node node, Place at, Type type, std::uint32_t child_depth = 0);

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
    std::optional<Complaint> complaint_;
};

/// Checks types and meanings in a tree, in Prometheus's order, and settles what depends on them;
/// gives every node its line and column in `text`.
std::optional<Complaint> check_types(Expr& expr, std::string_view text);

}  // namespace vedette::promql
