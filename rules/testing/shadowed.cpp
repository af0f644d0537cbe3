#include "rules/testing/shadowed.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "promql/syntax/selectors.h"

namespace vedette::rules::testing {
namespace {

/// Two cursors as one, in label order; of the first, series with hidden names are left out.
class Merged final : public SeriesCursor {
public:
    Merged(std::unique_ptr<SeriesCursor> below, std::unique_ptr<SeriesCursor> above,
           const std::set<std::string>& hidden)
        : below_(std::move(below)), above_(std::move(above)), hidden_(hidden) {}

    bool next(Column& out) override {
        if (!has_below_) has_below_ = next_below();
        if (!has_above_) has_above_ = above_->next(from_above_);
        if (!has_below_ && !has_above_) return false;
        const bool first = has_below_ && (!has_above_ || *from_below_.labels < *from_above_.labels);
        out = first ? from_below_ : from_above_;
        (first ? has_below_ : has_above_) = false;
        return true;
    }

    std::span<const RolledUp> rolled_up() const override { return below_->rolled_up(); }

private:
    bool next_below() {
        while (below_->next(from_below_))
            if (!hidden_.contains(std::string(from_below_.labels->get(metric_name_label))))
                return true;
        return false;
    }

    std::unique_ptr<SeriesCursor> below_, above_;
    const std::set<std::string>& hidden_;
    Column from_below_, from_above_;
    bool has_below_ = false, has_above_ = false;
};

}  // namespace

Shadowed::Side Shadowed::side_of(std::span<const Matcher> matchers) const {
    const auto named = std::find_if(matchers.begin(), matchers.end(), [](const Matcher& matcher) {
        return matcher.name == metric_name_label && matcher.op == Matcher::Op::Equal;
    });
    if (named == matchers.end()) return Side::Both;
    return names_.contains(named->value) ? Side::Above : Side::Below;
}

Result<std::unique_ptr<SeriesCursor>> Shadowed::select(std::span<const Matcher> matchers,
                                                       Window window, const Hints& hints,
                                                       std::stop_token stop) {
    const Side side = side_of(matchers);
    if (side == Side::Above) return above_.select(matchers, window, hints, std::move(stop));
    auto below = below_.select(matchers, window, hints, stop);
    if (!below || side == Side::Below) return below;
    auto above = above_.select(matchers, window, hints, std::move(stop));
    if (!above) return above;
    return std::make_unique<Merged>(std::move(*below), std::move(*above), names_);
}

Result<std::vector<std::unique_ptr<SeriesCursor>>> Shadowed::select_parts(
    std::span<const Matcher> matchers, Window window, const Hints& hints, std::size_t parts,
    std::stop_token stop) {
    const Side side = side_of(matchers);
    if (side == Side::Above)
        return above_.select_parts(matchers, window, hints, parts, std::move(stop));
    if (side == Side::Below)
        return below_.select_parts(matchers, window, hints, parts, std::move(stop));
    auto both = select(matchers, window, hints, std::move(stop));
    if (!both) return fail(both.error());
    std::vector<std::unique_ptr<SeriesCursor>> out;
    out.push_back(std::move(*both));
    return out;
}

bool Shadowed::reads_above(const promql::Expr& expr) const {
    const auto selectors = promql::selectors_of(expr);
    return std::any_of(selectors.begin(), selectors.end(), [&](const promql::Selector* selector) {
        return side_of(selector->matchers) != Side::Below;
    });
}

}  // namespace vedette::rules::testing
