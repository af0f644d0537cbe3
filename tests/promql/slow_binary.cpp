#include <cmath>
#include <map>
#include <set>

#include "promql/functions/go_math.h"
#include "tests/promql/slow_evaluator.h"
#include "tests/promql/slow_histograms.h"

namespace vedette::promql {

namespace {

double arithmetic(Op op, double a, double b) {
    if (op == Op::Add) return a + b;
    if (op == Op::Sub) return a - b;
    if (op == Op::Mul) return a * b;
    if (op == Op::Div) return a / b;
    if (op == Op::Mod) return std::fmod(a, b);
    return op == Op::Pow ? go::pow(a, b) : go::atan2(a, b);
}

bool compare(Op op, double a, double b) {
    if (op == Op::Equal) return a == b;
    if (op == Op::NotEqual) return a != b;
    if (op == Op::Less) return a < b;
    if (op == Op::LessEqual) return a <= b;
    return op == Op::Greater ? a > b : a >= b;
}

/// The labels two sides must share to meet.
Labels meeting_labels(const Matching& matching, const Labels& labels) {
    LabelsBuilder builder(labels);
    if (matching.on) return builder.keep(matching.labels).build();
    for (const std::string& name : matching.labels) builder.del(name);
    return builder.del(metric_name_label).build();
}

Labels joined_labels(const Binary& binary, const Labels& many, const Labels& one) {
    const bool named = is_comparison(binary.op) && !binary.return_bool;
    const Matching& matching = binary.matching;
    LabelsBuilder builder(many);
    if (!named) builder.del(metric_name_label);
    if (matching.card == Matching::Card::OneToOne && matching.on) builder.keep(matching.labels);
    if (matching.card == Matching::Card::OneToOne && !matching.on)
        for (const std::string& name : matching.labels) builder.del(name);
    for (const std::string& name : matching.include) builder.set(name, one.get(name));
    if (binary.return_bool) builder.del(metric_name_label);
    return builder.build();
}

/// What `a op b` is; false when a comparison filters it out.
bool operate(const Binary& binary, double a, double b, double kept, double& out) {
    if (!is_comparison(binary.op)) {
        out = arithmetic(binary.op, a, b);
        return true;
    }
    const bool holds = compare(binary.op, a, b);
    out = binary.return_bool ? (holds ? 1 : 0) : kept;
    return holds || binary.return_bool;
}

/// The same where one of them may be a histogram.
std::optional<Value> operate(const Binary& binary, const Value& a, const Value& b,
                             const Value& kept) {
    const double *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
    if (x == nullptr || y == nullptr) return slow_mixed_operate(binary, a, b);
    double out = 0;
    if (!operate(binary, *x, *y, std::get<double>(kept), out)) return std::nullopt;
    return out;
}

SlowItem item_of(Labels labels, const Value& value) {
    SlowItem out{std::move(labels)};
    set_value(out, value);
    return out;
}

Result<SlowVector> join(const Binary& binary, const SlowVector& lhs, const SlowVector& rhs) {
    const Matching& matching = binary.matching;
    const bool swapped = matching.card == Matching::Card::OneToMany;
    const SlowVector &many = swapped ? rhs : lhs, &one = swapped ? lhs : rhs;
    SlowVector out;
    if (many.empty() || one.empty()) return out;
    std::map<Labels, const SlowItem*> partners;
    for (const auto& item : one)
        if (!partners.emplace(meeting_labels(matching, item.labels), &item).second)
            return fail(Fault::BadInput, "found duplicate series");
    std::set<Labels> taken;
    std::map<Labels, Labels> made_for;
    for (const auto& item : many) {
        const Labels group = meeting_labels(matching, item.labels);
        const auto partner = partners.find(group);
        if (partner == partners.end()) continue;
        const Value own = value_of(item.value, item.histogram);
        const Value other = value_of(partner->second->value, partner->second->histogram);
        const Value &a = swapped ? other : own, &b = swapped ? own : other;
        const auto value = operate(binary, a, b, a);
        if (!value) continue;
        if (matching.card == Matching::Card::OneToOne && !taken.insert(group).second)
            return fail(Fault::BadInput,
                        "multiple matches for labels: many-to-one matching must be explicit "
                        "(group_left/group_right)");
        const Labels labels = joined_labels(binary, item.labels, partner->second->labels);
        const auto [at, is_new] = made_for.emplace(labels, group);
        if (!is_new && at->second == group)
            return fail(Fault::BadInput,
                        "multiple matches for labels: grouping labels must ensure unique matches");
        out.push_back(item_of(labels, *value));
    }
    return out;
}

SlowVector set_operation(const Binary& binary, const SlowVector& lhs, const SlowVector& rhs) {
    const auto groups = [&](const SlowVector& vector) {
        std::set<Labels> out;
        for (const auto& item : vector) out.insert(meeting_labels(binary.matching, item.labels));
        return out;
    };
    const auto has = [&](const std::set<Labels>& all, const Labels& labels) {
        return all.count(meeting_labels(binary.matching, labels)) > 0;
    };
    SlowVector out;
    for (const auto& item : lhs)
        if (binary.op == Op::Or || has(groups(rhs), item.labels) == (binary.op == Op::And))
            out.push_back(item);
    for (const auto& item : rhs)
        if (binary.op == Op::Or && !has(groups(lhs), item.labels)) out.push_back(item);
    return out;
}

}  // namespace

Result<SlowTimeline> SlowEvaluator::binary(const Binary& binary, const Times& times) {
    auto lhs = eval(*binary.lhs, times);
    if (!lhs) return lhs;
    auto rhs = eval(*binary.rhs, times);
    if (!rhs) return rhs;
    const bool left = binary.lhs->type == Type::Scalar, right = binary.rhs->type == Type::Scalar;
    SlowTimeline out(times.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
        SlowVector &a = (*lhs)[i], &b = (*rhs)[i];
        if (!left && !right && is_set_operator(binary.op)) {
            out[i] = set_operation(binary, a, b);
        } else if (!left && !right) {
            auto joined = join(binary, a, b);
            if (!joined) return fail(joined.error());
            out[i] = std::move(*joined);
        } else {
            for (const SlowItem& item : left ? b : a) {
                const Value own = value_of(item.value, item.histogram);
                const Value scalar = left ? a.front().value : b.front().value;
                if (const auto value =
                        operate(binary, left ? scalar : own, left ? own : scalar, own))
                    out[i].push_back(item_of(item.labels, *value));
            }
        }
    }
    const bool keeps_names = is_set_operator(binary.op) ||
                             (is_comparison(binary.op) && !binary.return_bool) || (!left && !right);
    return keeps_names ? checked(std::move(out), false) : unnamed(std::move(out), false);
}

}  // namespace vedette::promql
