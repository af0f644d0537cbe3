#include "promql/prepared.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "promql/evaluation/evaluator.h"
#include "promql/syntax/selectors.h"

namespace vedette::promql {
namespace {

/// More than this are not looked at with the source locked.
constexpr std::size_t newest_series_max = 1'000;

std::optional<double> number_of(const Expr& wrapped) {
    const Expr& expr = unwrapped(wrapped);
    if (const auto* number = expr.as<Number>()) return number->value;
    const auto* unary = expr.as<Unary>();
    if (unary == nullptr) return std::nullopt;
    const auto inside = number_of(*unary->expr);
    if (!inside) return std::nullopt;
    return unary->op == Op::Sub ? -*inside : *inside;
}

/// A selector that looks at the step's own time, or always as long before it.
const Selector* plain_selector(const Expr& wrapped) {
    const Expr& expr = unwrapped(wrapped);
    const auto* selector = expr.as<Selector>();
    if (selector == nullptr || expr.type != Type::Vector) return nullptr;
    if (selector->shift.at != Shift::At::Step || selector->shift.offset_expr) return nullptr;
    return selector;
}

}  // namespace

std::optional<Threshold> threshold_of(const Expr& wrapped) {
    const Expr& expr = unwrapped(wrapped);
    Threshold found;
    if (const auto* alone = plain_selector(expr)) {
        found.selector = alone;
        return found;
    }
    const auto* binary = expr.as<Binary>();
    if (binary == nullptr || !is_comparison(binary->op) || binary->return_bool)
        return std::nullopt;
    found.compared = binary->op;
    for (const bool left : {false, true}) {
        const auto limit = number_of(left ? *binary->lhs : *binary->rhs);
        const auto* selector = plain_selector(left ? *binary->rhs : *binary->lhs);
        if (!limit || selector == nullptr) continue;
        found.selector = selector;
        found.limit = *limit;
        found.limit_left = left;
        return found;
    }
    return std::nullopt;
}

/// The source, but for selectors that are prepared. They are known by where their matchers stand.
class PreparedQuery::Source final : public SeriesSource {
public:
    Source(const Expr& expr, SeriesSource& source, SelectorPreparer& preparer) : source_(source) {
        for (const Selector* selector : selectors_of(expr)) {
            auto made = preparer.prepare(selector->matchers);
            // What is wrong with it the source says when it is asked.
            if (made) prepared_.push_back({selector->matchers.data(), std::move(*made)});
        }
    }

    PreparedSelector* find(std::span<const Matcher> matchers) const {
        const auto found =
            std::ranges::find(prepared_, matchers.data(), &std::pair<const Matcher*, Owned>::first);
        return found == prepared_.end() ? nullptr : found->second.get();
    }

    Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers, Window window,
                                                 const Hints& hints,
                                                 std::stop_token stop) override {
        PreparedSelector* const prepared = find(matchers);
        if (prepared == nullptr) return source_.select(matchers, window, hints, std::move(stop));
        auto parts = prepared->select_parts(window, hints, 1, std::move(stop));
        if (!parts) return fail(parts.error());
        return std::move(parts->front());
    }

    Result<std::vector<std::unique_ptr<SeriesCursor>>> select_parts(
        std::span<const Matcher> matchers, Window window, const Hints& hints, std::size_t parts,
        std::stop_token stop) override {
        PreparedSelector* const prepared = find(matchers);
        if (prepared != nullptr)
            return prepared->select_parts(window, hints, parts, std::move(stop));
        return source_.select_parts(matchers, window, hints, parts, std::move(stop));
    }

private:
    using Owned = std::unique_ptr<PreparedSelector>;

    SeriesSource& source_;
    std::vector<std::pair<const Matcher*, Owned>> prepared_;
};

PreparedQuery::PreparedQuery(const Engine& engine, const Expr& expr, SeriesSource& source,
                             SelectorPreparer& preparer)
    : engine_(engine),
      expr_(expr),
      source_(std::make_unique<Source>(expr, source, preparer)),
      threshold_(threshold_of(expr)) {}

PreparedQuery::~PreparedQuery() = default;

std::optional<QueryResult> PreparedQuery::compare_newest(Timestamp at,
                                                         QueryStatistics& statistics) {
    const Threshold& asked = *threshold_;
    PreparedSelector* const selector = source_->find(asked.selector->matchers);
    if (selector == nullptr) return std::nullopt;
    const Timestamp seen_at = at - asked.selector->shift.offset;
    QueryResult result;
    result.at = at;
    bool floats_only = true;
    std::int64_t samples = 0, series = 0;
    const auto take = [&](const Labels& labels, const Sample& sample) {
        ++series;
        if (is_stale(sample.value)) return;
        const double* const value = std::get_if<double>(&sample.value);
        floats_only = floats_only && value != nullptr && is_number(*value);
        if (!floats_only) return;
        ++samples;
        if (asked.compared && !compares(*asked.compared, asked.limit_left ? asked.limit : *value,
                                        asked.limit_left ? *value : asked.limit))
            return;
        result.series.push_back({labels, {{at, *value}}});
    };
    const std::size_t most = std::min(newest_series_max, engine_.settings().samples_max / 2);
    if (!selector->newest({seen_at - engine_.settings().lookback, seen_at}, most, take) ||
        !floats_only)
        return std::nullopt;
    statistics.samples_read = samples;
    statistics.samples_peak = samples;
    statistics.series_read = series;
    statistics.steps = {at.ms, 1, 1};
    statistics.samples_at_steps = {samples};
    return result;
}

Result<QueryResult> PreparedQuery::instant(Timestamp at, std::stop_token stop,
                                           QueryStatistics& statistics) {
    if (threshold_ && !stop.stop_requested())
        if (auto quick = compare_newest(at, statistics)) return *std::move(quick);
    return engine_.instant(expr_, at, *source_, std::move(stop), &statistics);
}

}  // namespace vedette::promql
