#include "rules/testing/ahead.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "promql/syntax/parse.h"

namespace vedette::rules::testing {
namespace {

constexpr std::int64_t steps_together = 1'000;

/// Its value depends on where the query begins or ends.
bool looks_at_the_ends(const promql::Expr& expr) {
    const std::string text = promql::print(expr);
    return text.find("start()") != std::string::npos || text.find("end()") != std::string::npos;
}

}  // namespace

void Ahead::expect(const promql::Expr& expr, Milliseconds step, Timestamp end) {
    const bool has_steps = expr.type == promql::Type::Vector || expr.type == promql::Type::Scalar;
    if (has_steps && !looks_at_the_ends(expr)) expected_[&expr] = {step, end, {}, {}, {}};
}

bool Ahead::read(Stretch& stretch, const promql::Expr& expr, Timestamp at, std::stop_token stop) {
    const Timestamp last = at + stretch.step * (steps_together - 1);
    auto matrix = engine_.range(expr, at, std::max(at, std::min(last, stretch.end)), stretch.step,
                                source_, std::move(stop));
    if (!matrix) return false;
    stretch.vectors.clear();
    stretch.begin = at;
    for (QueryResult::Series& series : matrix->series)
        for (Sample& sample : series.samples)
            stretch.vectors[sample.at].push_back({series.labels, {std::move(sample)}});
    return true;
}

Result<QueryResult> Ahead::ask(const promql::Expr& expr, Timestamp at, std::stop_token stop) {
    const auto expected = expected_.find(&expr);
    if (expected == expected_.end()) return engine_.instant(expr, at, source_, std::move(stop));
    Stretch& stretch = expected->second;
    const auto is_known = [&] {
        if (!stretch.begin || at < *stretch.begin) return false;
        const Milliseconds after = at - *stretch.begin;
        return after % stretch.step == Milliseconds(0) && after / stretch.step < steps_together &&
               (at <= stretch.end || at == *stretch.begin);
    };
    // What fails somewhere is asked time by time, so that it fails only there.
    if (stretch.one_by_one_until && at < *stretch.one_by_one_until)
        return engine_.instant(expr, at, source_, std::move(stop));
    if (!is_known() && !read(stretch, expr, at, stop)) {
        stretch.begin.reset();
        stretch.one_by_one_until = at + stretch.step * steps_together;
        return engine_.instant(expr, at, source_, std::move(stop));
    }
    QueryResult result;
    result.at = at;
    if (const auto found = stretch.vectors.find(at); found != stretch.vectors.end()) {
        result.series = std::move(found->second);
        stretch.vectors.erase(found);
    }
    return result;
}

}  // namespace vedette::rules::testing
