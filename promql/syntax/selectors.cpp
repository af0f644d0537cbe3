#include "promql/syntax/selectors.h"

#include "promql/functions/functions.h"

namespace vedette::promql {
namespace {

struct Collector {
    bool absent_too = true;
    std::vector<const Selector*> found;

    void collect(const Expr* expr) {
        if (expr == nullptr) return;
        if (const auto* selector = expr->as<Selector>()) found.push_back(selector);
        if (const auto* subquery = expr->as<Subquery>()) collect(subquery->expr.get());
        if (const auto* unary = expr->as<Unary>()) collect(unary->expr.get());
        if (const auto* paren = expr->as<Paren>()) collect(paren->expr.get());
        if (const auto* binary = expr->as<Binary>()) {
            collect(binary->lhs.get());
            collect(binary->rhs.get());
        }
        if (const auto* call = expr->as<Call>(); call != nullptr && wants(*call))
            for (const ExprPtr& argument : call->args) collect(argument.get());
        if (const auto* aggregate = expr->as<Aggregate>()) {
            collect(aggregate->param.get());
            collect(aggregate->expr.get());
        }
    }
    bool wants(const Call& call) const {
        using Id = Function::Id;
        return absent_too ||
               (call.function->id != Id::Absent && call.function->id != Id::AbsentOverTime);
    }
};

}  // namespace

std::vector<const Selector*> selectors_of(const Expr& expr) {
    Collector all;
    all.collect(&expr);
    return std::move(all.found);
}

std::vector<const Selector*> expected_selectors(const Expr& expr) {
    Collector some{false, {}};
    some.collect(&expr);
    return std::move(some.found);
}

std::vector<std::vector<Matcher>> selectors_in(const Expr& expr) {
    std::vector<std::vector<Matcher>> out;
    for (const Selector* selector : selectors_of(expr)) out.push_back(selector->matchers);
    return out;
}

}  // namespace vedette::promql
