#include "tests/promql/slow_timeline.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "promql/evaluation/ranking.h"

namespace vedette::promql {

namespace {

Labels nameless(const Labels& labels) {
    return LabelsBuilder(labels).del(metric_name_label).build();
}

/// The same series twice: at one step, or (`ever`) made of two different ones at any two steps.
bool collides(const SlowTimeline& timeline, bool ever) {
    std::map<Labels, Labels> made_of;
    for (const auto& vector : timeline) {
        std::set<Labels> here;
        for (const auto& item : vector) {
            if (!here.insert(item.labels).second) return true;
            const auto [at, is_new] = made_of.emplace(item.labels, item.from);
            if (ever && !is_new && at->second != item.from) return true;
        }
    }
    return false;
}

}  // namespace

Result<SlowTimeline> checked(SlowTimeline timeline, bool ever) {
    if (collides(timeline, ever)) return fail(Fault::BadInput, slow_collision);
    return timeline;
}

Result<SlowTimeline> unnamed(SlowTimeline timeline, bool ever) {
    for (auto& vector : timeline)
        for (auto& item : vector) {
            item.from = item.labels;
            item.labels = nameless(item.labels);
        }
    return checked(std::move(timeline), ever);
}

namespace {

std::vector<Ranked> ranked(const SlowVector& vector) {
    std::vector<Ranked> out;
    for (std::size_t i = 0; i < vector.size(); ++i) out.push_back({vector[i].value, i});
    return out;
}

SlowVector in_order(const SlowVector& vector, const std::vector<Ranked>& order) {
    SlowVector out;
    for (const Ranked& one : order) out.push_back(vector[one.row]);
    return out;
}

}  // namespace

void sort_by_value(SlowVector& vector, bool descending) {
    std::vector<Ranked> order = ranked(vector);
    rank_sort(order, descending);
    vector = in_order(vector, order);
}

SlowVector best_of(const SlowVector& vector, double k, bool largest) {
    if (k < 1) return {};
    const double most = std::min(k, static_cast<double>(vector.size()));
    return in_order(vector, best(ranked(vector), static_cast<std::size_t>(most), largest));
}

Labels absent_labels(const Expr& arg) {
    const Selector* selector = unwrapped(arg).as<Selector>();
    LabelsBuilder builder;
    std::set<std::string> set;
    for (const Matcher& matcher : selector == nullptr ? std::vector<Matcher>() : selector->matchers)
        if (matcher.op == Matcher::Op::Equal && set.insert(matcher.name).second)
            builder.set(matcher.name, matcher.value);
        else
            builder.del(matcher.name);
    return builder.del(metric_name_label).build();
}

}  // namespace vedette::promql
