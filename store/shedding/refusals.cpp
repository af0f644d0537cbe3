#include "store/shedding/refusals.h"

#include <algorithm>

#include "core/shedding_limits.h"

namespace vedette::store {

namespace {

std::string cut_name(std::string_view name) {
    std::size_t end = std::min(name.size(), limits::refused_name_bytes_max);
    // Not inside a character.
    while (end > 0 && end < name.size() && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80)
        --end;
    return std::string(name.substr(0, end));
}

}  // namespace

void RefusalBook::note(std::string_view limit, const Labels& series, Timestamp now,
                       std::string_view why) {
    std::uint64_t count = 0;
    {
        const Lock lock(mutex_);
        auto counter = counters_.find(limit);
        if (counter == counters_.end()) {
            Counter& made = metrics_.counter(
                "vedette_store_refusals_total",
                "Series, samples, batches and metadata refused because a limit was reached.",
                Labels{{"limit", limit}});
            counter = counters_.emplace(std::string(limit), &made).first;
        }
        counter->second->add();
        auto key = std::pair(std::string(limit), cut_name(series.get("job")));
        if (known_.size() >= limits::refusals_known_max && !known_.contains(key))
            key.second = "other";
        const auto [at, is_new] = known_.try_emplace(key);
        Known& known = at->second;
        if (is_new) {
            known.refused.limit = key.first;
            known.refused.job = key.second;
            known.refused.first = now;
        }
        known.refused.metric = cut_name(series.get(metric_name_label));
        known.refused.last = now;
        ++known.refused.count;
        ++known.unlogged;
        // A clock that was set back does not make it silent.
        const bool due = is_new || now < known.logged ||
                         now - known.logged >= Milliseconds(limits::refusal_log_interval);
        if (!due) return;
        known.logged = now;
        count = std::exchange(known.unlogged, 0);
    }
    log_.warn("refused by a limit", {{"limit", limit},
                                     {"job", series.get("job")},
                                     {"metric", series.get(metric_name_label)},
                                     {"times", count},
                                     {"reason", why}});
}

std::vector<Refused> RefusalBook::most(std::size_t entries) const {
    std::vector<Refused> all;
    {
        const Lock lock(mutex_);
        for (const auto& [key, known] : known_) all.push_back(known.refused);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Refused& a, const Refused& b) { return a.count > b.count; });
    if (all.size() > entries) all.resize(entries);
    return all;
}

std::map<std::string, std::uint64_t> RefusalBook::by_job() const {
    std::map<std::string, std::uint64_t> jobs;
    const Lock lock(mutex_);
    for (const auto& [key, known] : known_) jobs[known.refused.job] += known.refused.count;
    return jobs;
}

}  // namespace vedette::store
