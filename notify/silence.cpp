#include "notify/silence.h"

#include <fmt/format.h>

#include <algorithm>

namespace vedette::notify {

Silence::State Silence::state(Timestamp now) const {
    if (now < starts) return State::Pending;
    return now < ends ? State::Active : State::Expired;
}

std::string_view to_string(Silence::State state) {
    switch (state) {
        case Silence::State::Pending: return "pending";
        case Silence::State::Active: return "active";
        case Silence::State::Expired: return "expired";
    }
    return "unknown";
}

Result<void> SilenceTable::put(Silence silence, Timestamp now) {
    if (silence.matchers.empty()) return fail(Fault::BadInput, "a silence needs at least one matcher");
    if (std::ranges::all_of(silence.matchers, [](const auto& one) { return one.matches({}); }))
        return fail(Fault::BadInput, "at least one matcher must not match the empty value, or all "
                                     "alerts would be silenced");
    if (silence.ends <= silence.starts)
        return fail(Fault::BadInput, "a silence must end after it starts");
    if (silence.ends <= now) return fail(Fault::BadInput, "a silence cannot end in the past");
    restore(std::move(silence));
    return {};
}

void SilenceTable::restore(Silence silence) {
    std::string id = silence.id;
    silences_.insert_or_assign(std::move(id), std::move(silence));
}

Result<Silence> SilenceTable::expire(std::string_view id, Timestamp now) {
    const auto found = silences_.find(id);
    if (found == silences_.end())
        return fail(Fault::NotFound, fmt::format("there is no silence `{}`", id));
    Silence& silence = found->second;
    if (silence.state(now) == Silence::State::Expired)
        return fail(Fault::BadInput, fmt::format("silence `{}` is over already", id));
    // One that has not begun never holds: both edges move to now.
    silence.starts = std::min(silence.starts, now);
    silence.ends = silence.updated = now;
    return silence;
}

void SilenceTable::forget(Timestamp before) {
    std::erase_if(silences_, [&](const auto& one) { return one.second.ends < before; });
}

const Silence* SilenceTable::silencing(const Labels& labels, Timestamp now) const {
    for (const auto& [id, silence] : silences_)
        if (silence.state(now) == Silence::State::Active && match_all(silence.matchers, labels))
            return &silence;
    return nullptr;
}

}  // namespace vedette::notify
