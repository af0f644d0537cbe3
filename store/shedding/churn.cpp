#include "store/shedding/churn.h"

#include "core/shedding_limits.h"

namespace vedette::store {

namespace {

std::int64_t window_of(Timestamp at) {
    return at.ms / Milliseconds(limits::churn_window).count();
}

}  // namespace

std::int64_t Churn::windows_since(Timestamp now) const {
    return window_of(now) - window_;
}

void Churn::made(std::string_view job, Timestamp now) {
    if (const std::int64_t since = windows_since(now); since != 0) {
        // Also when the clock was set back.
        if (since != 1) jobs_.clear();
        for (auto& [name, count] : jobs_) count = {count.now, 0};
        std::erase_if(jobs_, [](const auto& each) { return each.second.before == 0; });
        window_ = window_of(now);
    }
    auto at = jobs_.find(job);
    if (at == jobs_.end()) {
        if (jobs_.size() >= limits::jobs_counted_max) return;
        at = jobs_.emplace(std::string(job), Count()).first;
    }
    ++at->second.now;
}

std::uint64_t Churn::of(std::string_view job, Timestamp now) const {
    const auto at = jobs_.find(job);
    if (at == jobs_.end()) return 0;
    const std::int64_t since = windows_since(now);
    if (since == 0) return at->second.before + at->second.now;
    return since == 1 ? at->second.now : 0;
}

}  // namespace vedette::store
