#include <vector>

#include "promql/evaluation/evaluator.h"

namespace vedette::promql {

namespace {

constexpr std::size_t none = SIZE_MAX;

/// A node and the place of the one around it.
struct Visit {
    const Expr* expr;
    std::size_t around = none;
};

/// The nodes inside, in the order in which Prometheus walks them.
std::vector<const Expr*> inside(const Expr& expr) {
    if (const Subquery* node = expr.as<Subquery>()) return {node->expr.get()};
    if (const Unary* node = expr.as<Unary>()) return {node->expr.get()};
    if (const Paren* node = expr.as<Paren>()) return {node->expr.get()};
    if (const Binary* node = expr.as<Binary>()) return {node->lhs.get(), node->rhs.get()};
    std::vector<const Expr*> out;
    if (const Aggregate* node = expr.as<Aggregate>()) {
        out.push_back(node->expr.get());
        if (node->param != nullptr) out.push_back(node->param.get());
    } else if (const Call* call = expr.as<Call>()) {
        for (const ExprPtr& arg : call->args) out.push_back(arg.get());
    }
    return out;
}

/// Whether the innermost of the functions that decide it asks for counts.
bool asks_for_counts(const std::vector<Visit>& visits, std::size_t selector) {
    using Id = Function::Id;
    for (std::size_t at = visits[selector].around; at != none && visits[at].around != none;
         at = visits[at].around) {
        const Call* call = visits[at].expr->as<Call>();
        if (call == nullptr) continue;
        const Id id = call->function->id;
        if (id == Id::HistogramCount || id == Id::HistogramSum || id == Id::HistogramAvg)
            return true;
        if (id == Id::HistogramQuantile || id == Id::HistogramFraction) return false;
    }
    return false;
}

}  // namespace

const Expr* selector_without_buckets(const Expr& query) {
    // With a stack of its own: the tree may be deep.
    std::vector<Visit> visits;
    std::vector<Visit> waiting = {{&query}};
    while (!waiting.empty()) {
        visits.push_back(waiting.back());
        waiting.pop_back();
        const Expr& expr = *visits.back().expr;
        const std::size_t here = visits.size() - 1;
        if (expr.as<Selector>() != nullptr) return asks_for_counts(visits, here) ? &expr : nullptr;
        const std::vector<const Expr*> nodes = inside(expr);
        for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
            waiting.push_back({*node, here});
    }
    return nullptr;
}

}  // namespace vedette::promql
