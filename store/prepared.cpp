#include "store/prepared.h"

namespace vedette::store {

const std::vector<Slot>& Store::Prepared::slots(const std::stop_token& stop) {
    Index& index = parts_.memory.index;
    if (index.is_same(watch_)) return slots_;
    watch_ = index.watch(matchers_);
    slots_ = parts_.slots_by_labels(matchers_, stop);
    if (stop.stop_requested()) watch_ = {};  // perhaps not all of them
    return slots_;
}

Result<std::vector<std::unique_ptr<SeriesCursor>>> Store::Prepared::select_parts(
    Window window, const Hints& hints, std::size_t parts, std::stop_token stop) {
    if (auto rolled = parts_.read_rolled(matchers_, window, hints, stop)) {
        Parts::Cursors one;
        one.push_back(std::move(rolled));
        return one;
    }
    return parts_.read_in_parts(
        matchers_, window, hints.latest_only, parts, stop,
        [this, &stop]() VEDETTE_REQUIRES(parts_.memory.index_mutex) { return slots(stop); });
}

bool Store::Prepared::newest(Window window, std::size_t series_max, const Each& each) {
    // What is before `until` counts only as blocks have it, and they may have series of their own.
    if (window.from < parts_.keeper.shelf()->until) return false;
    const Lock index_lock(parts_.memory.index_mutex);
    const std::vector<Slot>& selected = slots({});
    if (selected.size() > series_max) return false;
    const Lock head_lock(parts_.memory.head_mutex);
    const Head& head = parts_.memory.head;
    for (const Slot slot : selected) {
        if (slot >= head.slot_end()) continue;
        const std::optional<Sample> newest = head.latest(slot);
        if (!newest || newest->at <= window.from) continue;
        if (newest->at > window.to) return false;
        each(parts_.memory.index.labels(slot), *newest);
    }
    return true;
}

Result<std::unique_ptr<PreparedSelector>> Store::prepare(std::vector<Matcher> matchers) {
    std::vector<ReadyMatcher> ready;
    ready.reserve(matchers.size());
    for (const Matcher& matcher : matchers) {
        auto made = ReadyMatcher::make(matcher);
        if (!made) return fail(made.error());
        ready.push_back(std::move(*made));
    }
    return std::make_unique<Prepared>(*parts_, std::move(ready));
}

}  // namespace vedette::store
