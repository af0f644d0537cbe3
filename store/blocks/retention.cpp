#include "store/blocks/retention.h"

#include <algorithm>

namespace vedette::store {

Result<Retention> Retention::make(Milliseconds otherwise, std::span<const RetentionClass> classes) {
    Retention made;
    for (const RetentionClass& each : classes) {
        auto& ready = made.classes_.emplace_back();
        for (const Matcher& matcher : each.selector) {
            auto one = ReadyMatcher::make(matcher);
            if (!one) return fail(one.error());
            ready.push_back(std::move(*one));
        }
        made.keep_.push_back(each.keep);
    }
    made.keep_.push_back(otherwise);
    return made;
}

Milliseconds Retention::longest() const {
    return *std::max_element(keep_.begin(), keep_.end());
}

std::vector<bool> Retention::expired(Timestamp end, Timestamp newest) const {
    std::vector<bool> out;
    // Not the difference: without any sample the newest is at the beginning of time.
    for (const Milliseconds keep : keep_) out.push_back(newest >= end + keep);
    return out;
}

std::size_t Retention::class_of(const Labels& labels) const {
    const auto has = [&](const std::vector<ReadyMatcher>& selector) {
        return std::ranges::all_of(selector, [&](const ReadyMatcher& matcher) {
            return matcher.holds(labels.get(matcher.name()));
        });
    };
    return static_cast<std::size_t>(std::ranges::find_if(classes_, has) - classes_.begin());
}

std::vector<SeriesNumber> Retention::kept(const Block& block,
                                          const std::vector<bool>& expired) const {
    std::vector<SeriesNumber> left = block.matching({}, {}), kept;
    const auto take_out = [&](const std::vector<SeriesNumber>& these) {
        std::vector<SeriesNumber> taken;
        std::ranges::set_intersection(left, these, std::back_inserter(taken));
        std::vector<SeriesNumber> rest;
        std::ranges::set_difference(left, these, std::back_inserter(rest));
        left = std::move(rest);
        return taken;
    };
    const auto keep = [&](const std::vector<SeriesNumber>& these) {
        kept.insert(kept.end(), these.begin(), these.end());
    };
    for (std::size_t i = 0; i < classes_.size(); ++i)
        if (const auto own = take_out(block.matching(classes_[i], {})); !expired[i]) keep(own);
    if (!expired.back()) keep(left);
    std::sort(kept.begin(), kept.end());
    return kept;
}

}  // namespace vedette::store
