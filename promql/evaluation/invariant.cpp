#include <algorithm>
#include <array>

#include "promql/evaluation/evaluator.h"

namespace vedette::promql {

bool is_step_invariant(const Function& function) {
    using Id = Function::Id;
    constexpr std::array ids = {Id::DayOfMonth,    Id::DayOfWeek, Id::DayOfYear, Id::DaysInMonth,
                                Id::Hour,          Id::Minute,    Id::Month,     Id::Year,
                                Id::PredictLinear, Id::Time,      Id::Timestamp};
    return std::find(ids.begin(), ids.end(), function.id) == ids.end();
}

bool is_step_invariant(const Call& call) {
    return is_step_invariant(*call.function) &&
           std::all_of(call.args.begin(), call.args.end(),
                       [](const ExprPtr& arg) { return is_step_invariant(*arg); });
}

const Expr& Evaluator::place_of_arg(const Call& call, std::size_t index) const {
    const Expr& arg = *call.args[index];
    const bool alone = !around_.in_parameter && is_step_invariant(arg) && !is_step_invariant(call);
    return alone ? arg : unwrapped(arg);
}

bool is_step_invariant(const Expr& wrapped) {
    const Expr& expr = unwrapped(wrapped);
    if (const Selector* node = expr.as<Selector>()) return node->shift.at != Shift::At::Step;
    if (const Subquery* node = expr.as<Subquery>()) return node->shift.at != Shift::At::Step;
    // The parameter does not count: in Prometheus `quantile(time(), x @ 5)` is one value for all.
    if (const Aggregate* node = expr.as<Aggregate>()) return is_step_invariant(*node->expr);
    if (const Unary* node = expr.as<Unary>()) return is_step_invariant(*node->expr);
    if (const Binary* node = expr.as<Binary>())
        return is_step_invariant(*node->lhs) && is_step_invariant(*node->rhs);
    if (const Call* node = expr.as<Call>()) return is_step_invariant(*node);
    return true;
}

}  // namespace vedette::promql
