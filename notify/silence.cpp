#include "notify/silence.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/yaml.h"

namespace vedette::notify {
namespace {

/// As Alertmanager judges it: what says "is not" counts as saying something.
bool matches_empty(const AlertMatcher& one) {
    const Matcher::Op op = one.matcher().op;
    return (op == Matcher::Op::Equal || op == Matcher::Op::Match) && one.matches({});
}

Result<void> judge(const Silence& silence, Milliseconds longest, Timestamp now) {
    if (silence.ends <= silence.starts)
        return fail(Fault::BadInput, "Failed to create silence: start time must be before end time");
    if (silence.ends < now)
        return fail(Fault::BadInput, "Failed to create silence: end time can't be in the past");
    const Milliseconds length = silence.ends - std::max(silence.starts, now);
    if (longest > Milliseconds(0) && length > longest)
        return fail(Fault::BadInput,
                    fmt::format("Failed to create silence: it would last {}, and "
                                "`notify.silence_longest` is {}",
                                format_duration(std::chrono::ceil<std::chrono::seconds>(length)),
                                format_duration(longest)));
    if (silence.matchers.empty())
        return fail(Fault::BadInput, "invalid silence: at least one matcher required");
    if (std::ranges::all_of(silence.matchers, matches_empty))
        return fail(Fault::BadInput, "invalid silence: matcher set 0: at least one matcher must not "
                                     "match the empty string");
    return {};
}

/// Only words and the end change, or a start that has not come. Starts count in whole seconds, because
/// programs send back what they were shown.
bool may_change_in_place(const Silence& before, const Silence& after, Timestamp now) {
    if (before.matchers != after.matchers || before.recurring != after.recurring ||
        before.until_resolved != after.until_resolved)
        return false;
    const auto second = [](Timestamp at) {
        return std::chrono::floor<std::chrono::seconds>(Milliseconds(at.ms));
    };
    switch (before.state(now)) {
        case Silence::State::Active: return second(before.starts) == second(after.starts);
        case Silence::State::Pending: return after.starts >= now;
        case Silence::State::Expired: return false;
    }
    return false;
}

/// One that has not begun never holds: both edges move to now.
void end(Silence& silence, Timestamp now) {
    silence.starts = std::min(silence.starts, now);
    silence.ends = silence.updated = now;
}

}  // namespace

Silence::State Silence::state(Timestamp now) const {
    if (now < starts) return State::Pending;
    return now < ends ? State::Active : State::Expired;
}

bool Silence::holds(Timestamp now) const {
    return state(now) == State::Active &&
           (!times || std::ranges::any_of(*times, [now](const auto& one) { return one.holds(now); }));
}

std::string_view to_string(Silence::State state) {
    switch (state) {
        case Silence::State::Pending: return "pending";
        case Silence::State::Active: return "active";
        case Silence::State::Expired: return "expired";
    }
    return "unknown";
}

Result<void> read_times(Silence& silence) {
    silence.times.reset();
    if (silence.recurring.empty()) return {};
    Problems problems;
    const ConfigNode root = read_yaml("recurring", silence.recurring, problems);
    std::vector<TimeInterval> times;
    if (!problems.any() && !root.is_list()) problems.add(root, "`recurring` must be a list of times");
    for (const ConfigNode& item : root.items) times.push_back(read_time_interval(item, problems));
    for (const Problem& one : problems.all())
        return fail(Fault::BadInput, fmt::format("invalid silence: recurring: {}", one.message));
    silence.times = std::make_shared<const std::vector<TimeInterval>>(std::move(times));
    return {};
}

Result<SilenceTable::Change> SilenceTable::set(Silence silence, std::string fresh_id,
                                               Milliseconds longest, Timestamp now) {
    if (auto ok = judge(silence, longest, now); !ok) return fail(ok.error());
    silence.updated = now;
    Change out;
    if (!silence.id.empty()) {
        const auto found = silences_.find(silence.id);
        if (found == silences_.end()) return fail(Fault::NotFound, "silence not found");
        if (may_change_in_place(found->second, silence, now)) {
            out.now = found->second = std::move(silence);
            return out;
        }
        if (found->second.state(now) != Silence::State::Expired) {
            end(found->second, now);
            out.ended = found->second;
        }
    }
    out.created = true;
    silence.id = std::move(fresh_id);
    silence.starts = std::max(silence.starts, now);
    out.now = silence;
    restore(std::move(silence));
    return out;
}

void SilenceTable::restore(Silence silence) {
    std::string id = silence.id;
    silences_.insert_or_assign(std::move(id), std::move(silence));
}

Result<Silence> SilenceTable::expire(std::string_view id, Timestamp now) {
    const auto found = silences_.find(id);
    if (found == silences_.end())
        return fail(Fault::NotFound, fmt::format("there is no silence `{}`", id));
    if (found->second.state(now) != Silence::State::Expired) end(found->second, now);
    return found->second;
}

void SilenceTable::forget(Timestamp before) {
    std::erase_if(silences_, [&](const auto& one) { return one.second.ends < before; });
}

const Silence* SilenceTable::silencing(const Labels& labels, Timestamp now) const {
    for (const auto& [id, silence] : silences_)
        if (silence.holds(now) && match_all(silence.matchers, labels)) return &silence;
    return nullptr;
}

}  // namespace vedette::notify
