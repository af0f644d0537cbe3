#include "promql/syntax/ast.h"

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>

namespace vedette::promql {

std::string_view to_string(Type type) {
    switch (type) {
        case Type::Scalar:
            return "scalar";
        case Type::String:
            return "string";
        case Type::Vector:
            return "instant vector";
        case Type::Matrix:
            return "range vector";
    }
    return "unknown";
}

std::string_view to_string(Op op) {
    constexpr std::array<std::string_view, 16> names = {"or", "and", "unless", "==", "!=", "<",
                                                        "<=", ">",   ">=",     "+",  "-",  "*",
                                                        "/",  "%",   "atan2",  "^"};
    return names[static_cast<std::size_t>(op)];
}

std::string_view to_string(Aggregator aggregator) {
    constexpr std::array<std::string_view, 14> names = {
        "sum",    "avg",  "count",   "min",          "max",      "group",  "stddev",
        "stdvar", "topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"};
    return names[static_cast<std::size_t>(aggregator)];
}

namespace {

bool same_or_none(const ExprPtr& a, const ExprPtr& b) {
    if (a == nullptr || b == nullptr) return a == b;
    return same(*a, *b);
}

bool equal(const Shift& a, const Shift& b) {
    return a.at == b.at && a.time == b.time && a.offset == b.offset &&
           same_or_none(a.offset_expr, b.offset_expr);
}

/// In an order of their own: `{a="1",b="2"}` says what `{b="2",a="1"}` says.
std::vector<Matcher> sorted(std::vector<Matcher> matchers) {
    std::sort(matchers.begin(), matchers.end(), [](const Matcher& a, const Matcher& b) {
        return std::tie(a.name, a.op, a.value) < std::tie(b.name, b.op, b.value);
    });
    return matchers;
}

struct Same {
    bool operator()(const Number& a, const Number& b) const {
        const bool both_nan = a.value != a.value && b.value != b.value;
        return a.duration == b.duration && (both_nan || std::bit_cast<std::uint64_t>(a.value) ==
                                                            std::bit_cast<std::uint64_t>(b.value));
    }
    bool operator()(const Text& a, const Text& b) const { return a.value == b.value; }
    bool operator()(const Selector& a, const Selector& b) const {
        return a.name == b.name && a.range == b.range &&
               same_or_none(a.range_expr, b.range_expr) && equal(a.shift, b.shift) &&
               sorted(a.matchers) == sorted(b.matchers);
    }
    bool operator()(const Subquery& a, const Subquery& b) const {
        return a.range == b.range && a.step == b.step &&
               same_or_none(a.range_expr, b.range_expr) &&
               same_or_none(a.step_expr, b.step_expr) && equal(a.shift, b.shift) &&
               same(*a.expr, *b.expr);
    }
    bool operator()(const Unary& a, const Unary& b) const {
        return a.op == b.op && same(*a.expr, *b.expr);
    }
    bool operator()(const Binary& a, const Binary& b) const {
        return a.op == b.op && a.return_bool == b.return_bool && a.matching == b.matching &&
               same(*a.lhs, *b.lhs) && same(*a.rhs, *b.rhs);
    }
    bool operator()(const Call& a, const Call& b) const {
        return a.function == b.function &&
               std::equal(a.args.begin(), a.args.end(), b.args.begin(), b.args.end(), same_or_none);
    }
    bool operator()(const Aggregate& a, const Aggregate& b) const {
        return a.op == b.op && a.without == b.without && a.grouping == b.grouping &&
               same_or_none(a.param, b.param) && same(*a.expr, *b.expr);
    }
    bool operator()(const Paren& a, const Paren& b) const { return same(*a.expr, *b.expr); }
    bool operator()(const DurationExpr& a, const DurationExpr& b) const {
        return a.op == b.op && same_or_none(a.lhs, b.lhs) && same(*a.rhs, *b.rhs);
    }
    template <typename A, typename B>
    bool operator()(const A&, const B&) const {
        return false;
    }
};

}  // namespace

bool same(const Expr& a, const Expr& b) {
    return a.type == b.type && std::visit(Same{}, a.node, b.node);
}

const Expr& unwrapped(const Expr& expr) {
    const Expr* inner = &expr;
    while (const Paren* paren = inner->as<Paren>()) inner = paren->expr.get();
    return *inner;
}

}  // namespace vedette::promql
