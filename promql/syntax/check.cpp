#include <fmt/format.h>

#include <algorithm>

#include "promql/functions/functions.h"
#include "promql/labels/regex.h"
#include "promql/syntax/parser.h"

namespace vedette::promql {

namespace {

/// Walks a tree, children first, and keeps the first complaint. Every step says whether all is
/// well. Little stands on the stack between a node and its children: the tree may be deep.
class Checker {
public:
    explicit Checker(std::string_view text) {
        for (std::size_t i = 0; i < text.size(); ++i)
            if (text[i] == '\n') newlines_.push_back(static_cast<std::uint32_t>(i));
    }
    bool check(Expr& expr);
    std::optional<Complaint> take() { return std::move(complaint_); }

private:
    bool selector(const Selector& selector, Place at);
    bool binary(Binary& binary, Place at);
    bool operators(Binary& binary, Place at);
    bool set_operator(Binary& binary, Place at, bool vectors);
    bool call(const Call& call, Place at);
    bool arity(const Call& call, Place at);
    bool info_selector(Expr& arg, Place call_at);
    bool aggregate(const Aggregate& aggregate);
    bool unary(const Unary& unary, Place at);
    bool subquery(const Subquery& subquery, Place at);
    bool wrong_type(const Expr& expr, Type wanted, std::string_view context);
    bool wrong(Place at, std::string message, std::string advice = {});

    void place(Expr& expr) const;

    std::vector<std::uint32_t> newlines_;
    std::optional<Complaint> complaint_;
};

void Checker::place(Expr& expr) const {
    const auto line = std::lower_bound(newlines_.begin(), newlines_.end(), expr.at.begin);
    expr.line = static_cast<std::uint32_t>(line - newlines_.begin()) + 1;
    expr.column = expr.at.begin - (line == newlines_.begin() ? 0 : line[-1] + 1) + 1;
}

bool Checker::wrong(Place at, std::string message, std::string advice) {
    complaint_ = Complaint{at, std::move(message), std::move(advice)};
    return false;
}

bool Checker::wrong_type(const Expr& expr, Type wanted, std::string_view context) {
    std::string advice;
    if (wanted == Type::Matrix && expr.type == Type::Vector)
        advice = "a range in brackets is missing, as in [5m]";
    return wrong(expr.at,
                 fmt::format("expected type {} in {}, got {}", to_string(wanted), context,
                             to_string(expr.type)),
                 std::move(advice));
}

bool Checker::selector(const Selector& selector, Place at) {
    if (!selector.name.empty()) {
        const auto named =
            std::find_if(selector.matchers.begin(), selector.matchers.end() - 1,
                         [](const Matcher& m) { return m.name == metric_name_label; });
        if (named == selector.matchers.end() - 1) return true;
        return wrong(at, fmt::format("metric name must not be set twice: {} or {}",
                                     quote(selector.name), quote(named->value)));
    }
    const bool selects_something = std::any_of(selector.matchers.begin(), selector.matchers.end(),
                                               [](const Matcher& m) { return !matches(m, ""); });
    if (selects_something) return true;
    return wrong(at, "vector selector must contain at least one non-empty matcher");
}

bool Checker::set_operator(Binary& binary, Place at, bool vectors) {
    if (!vectors && !binary.matching.labels.empty())
        return wrong(at, "vector matching only allowed between instant vectors");
    if (vectors && (binary.matching.card == Matching::Card::ManyToOne ||
                    binary.matching.card == Matching::Card::OneToMany))
        return wrong(
            at, fmt::format("no grouping allowed for {} operation", quote(to_string(binary.op))));
    if (!vectors)
        return wrong(at, fmt::format("set operator {} not allowed in binary scalar expression",
                                     quote(to_string(binary.op))));
    binary.matching.card = Matching::Card::ManyToMany;
    return true;
}

bool Checker::binary(Binary& binary, Place at) {
    return check(*binary.lhs) && check(*binary.rhs) && operators(binary, at);
}

bool Checker::operators(Binary& binary, Place at) {
    const Type left = binary.lhs->type, right = binary.rhs->type;
    if (binary.return_bool && !is_comparison(binary.op))
        return wrong(binary.op_at, "bool modifier can only be used on comparison operators");
    if (is_comparison(binary.op) && !binary.return_bool && left == Type::Scalar &&
        right == Type::Scalar)
        return wrong(binary.op_at, "comparisons between scalars must use BOOL modifier",
                     fmt::format("{} bool", to_string(binary.op)));
    if (binary.matching.on)
        for (const std::string& label : binary.matching.labels)
            if (std::find(binary.matching.include.begin(), binary.matching.include.end(), label) !=
                binary.matching.include.end())
                return wrong(binary.op_at,
                             fmt::format("label {} must not occur in ON and GROUP clause at once",
                                         quote(label)));
    for (const Expr* side : {binary.lhs.get(), binary.rhs.get()})
        if (side->type != Type::Scalar && side->type != Type::Vector)
            return wrong(side->at,
                         "binary expression must contain only scalar and instant vector types");
    const bool vectors = left == Type::Vector && right == Type::Vector;
    if (is_set_operator(binary.op)) return set_operator(binary, at, vectors);
    if (vectors) return true;
    if (!binary.matching.labels.empty())
        return wrong(at, "vector matching only allowed between instant vectors");
    binary.matching = {};
    return true;
}

bool Checker::arity(const Call& call, Place at) {
    const Function& function = *call.function;
    const std::size_t known = function.args.size(), given = call.args.size();
    const auto expected = [&](std::string_view bound, std::size_t wanted) {
        return wrong(at, fmt::format("expected {}{} argument(s) in call to {}, got {}", bound,
                                     wanted, quote(function.name), given));
    };
    if (function.variadic == 0) return given == known || expected("", known);
    if (given + 1 < known) return expected("at least ", known - 1);
    const std::size_t most = known - 1 + static_cast<std::size_t>(std::max(function.variadic, 0));
    return function.variadic < 0 || given <= most || expected("at most ", most);
}

/// `info(vector, {data label selectors})`: what the second argument selects labels by may match
/// everything.
bool Checker::info_selector(Expr& arg, Place call_at) {
    place(arg);
    settle_durations(arg);
    const Selector* selector = arg.as<Selector>();
    if (arg.type != Type::Vector)
        return wrong(call_at,
                     fmt::format("expected type {} in call to function \"info\", got {}",
                                 to_string(Type::Vector), to_string(arg.type)));
    if (selector == nullptr)
        return wrong(arg.at, "expected label selectors only, got another expression instead");
    return selector->name.empty() ||
           wrong(arg.at, "expected label selectors only, got vector selector instead");
}

bool Checker::call(const Call& call, Place at) {
    if (!arity(call, at)) return false;
    const Function& function = *call.function;
    const bool is_info = function.id == Function::Id::Info && call.args.size() == 2;
    if (is_info && !info_selector(*call.args[1], at)) return false;
    for (std::size_t i = 0; i < call.args.size(); ++i) {
        if (is_info && i == 1) break;
        if (!check(*call.args[i])) return false;
        const Type wanted = function.args[std::min(i, function.args.size() - 1)];
        if (call.args[i]->type != wanted)
            return wrong_type(*call.args[i], wanted,
                              fmt::format("call to function {}", quote(function.name)));
    }
    return true;
}

bool Checker::aggregate(const Aggregate& aggregate) {
    if (!check(*aggregate.expr)) return false;
    if (aggregate.expr->type != Type::Vector)
        return wrong_type(*aggregate.expr, Type::Vector, "aggregation expression");
    if (aggregate.param == nullptr) return true;
    if (!check(*aggregate.param)) return false;
    const Type wanted = aggregate.op == Aggregator::CountValues ? Type::String : Type::Scalar;
    return aggregate.param->type == wanted ||
           wrong_type(*aggregate.param, wanted, "aggregation parameter");
}

bool Checker::unary(const Unary& unary, Place at) {
    const Type type = unary.expr->type;
    if (type == Type::Scalar || type == Type::Vector) return true;
    return wrong(at, fmt::format("unary expression only allowed on expressions of type scalar or "
                                 "instant vector, got {}",
                                 quote(to_string(type))));
}

/// The name of a type where Prometheus forgets to translate it.
std::string_view short_name(Type type) {
    return type == Type::Matrix ? "matrix" : type == Type::Vector ? "vector" : to_string(type);
}

bool Checker::subquery(const Subquery& subquery, Place at) {
    const Type type = subquery.expr->type;
    return type == Type::Vector ||
           wrong(at, fmt::format("subquery is only allowed on instant vector, got {} instead",
                                 short_name(type)));
}

bool Checker::check(Expr& expr) {
    place(expr);
    settle_durations(expr);
    if (const Selector* node = expr.as<Selector>()) return selector(*node, expr.at);
    if (Binary* node = expr.as<Binary>()) return binary(*node, expr.at);
    if (const Call* node = expr.as<Call>()) return call(*node, expr.at);
    if (const Aggregate* node = expr.as<Aggregate>()) return aggregate(*node);
    if (const Paren* node = expr.as<Paren>()) return check(*node->expr);
    if (const Unary* node = expr.as<Unary>()) return check(*node->expr) && unary(*node, expr.at);
    if (const Subquery* node = expr.as<Subquery>())
        return check(*node->expr) && subquery(*node, expr.at);
    return true;
}

}  // namespace

std::optional<Complaint> check_types(Expr& expr, std::string_view text) {
    Checker checker(text);
    checker.check(expr);
    return checker.take();
}

}  // namespace vedette::promql
