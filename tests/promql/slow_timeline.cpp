#include "tests/promql/slow_timeline.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

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

/// Numbers in order, NaN behind all others whichever way.
bool stands_before(double a, double b, bool descending) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a);
    return descending ? a > b : a < b;
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

void sort_by_value(SlowVector& vector, bool descending) {
    std::stable_sort(vector.begin(), vector.end(), [&](const auto& a, const auto& b) {
        return !(std::isnan(a.value) && std::isnan(b.value)) &&
               stands_before(a.value, b.value, descending);
    });
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
