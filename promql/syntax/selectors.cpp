#include "promql/syntax/selectors.h"

namespace vedette::promql {
namespace {

void collect(const Expr* expr, std::vector<std::vector<Matcher>>& out) {
    if (expr == nullptr) return;
    if (const auto* selector = expr->as<Selector>()) out.push_back(selector->matchers);
    if (const auto* subquery = expr->as<Subquery>()) collect(subquery->expr.get(), out);
    if (const auto* unary = expr->as<Unary>()) collect(unary->expr.get(), out);
    if (const auto* paren = expr->as<Paren>()) collect(paren->expr.get(), out);
    if (const auto* binary = expr->as<Binary>()) {
        collect(binary->lhs.get(), out);
        collect(binary->rhs.get(), out);
    }
    if (const auto* call = expr->as<Call>())
        for (const ExprPtr& argument : call->args) collect(argument.get(), out);
    if (const auto* aggregate = expr->as<Aggregate>()) {
        collect(aggregate->param.get(), out);
        collect(aggregate->expr.get(), out);
    }
}

}  // namespace

std::vector<std::vector<Matcher>> selectors_in(const Expr& expr) {
    std::vector<std::vector<Matcher>> out;
    collect(&expr, out);
    return out;
}

}  // namespace vedette::promql
