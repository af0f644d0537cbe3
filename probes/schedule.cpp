#include "probes/schedule.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "core/limits.h"

namespace vedette::probes {
namespace {

/// FNV-1a with splitmix64's last steps, which spread names that differ in one letter over all bits.
/// Part of what a restart must find again: never change it.
std::uint64_t steady_hash(const std::string& text) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
    return hash ^ (hash >> 31);
}

}  // namespace

Milliseconds Schedule::offset(const std::string& key, Milliseconds every, std::size_t sharing) {
    const auto fraction = static_cast<double>(steady_hash(key) >> 11) * 0x1p-53;
    const auto period_ms = static_cast<double>(every.count());
    double own_ms = fraction * period_ms;
    const auto steps = static_cast<std::size_t>(every / limits::probe_start_step);
    if (sharing / limits::probe_round_targets < steps) {
        const std::size_t wanted =
            (sharing + limits::probe_round_targets - 1) / limits::probe_round_targets;
        const auto rounds = static_cast<double>(std::bit_ceil(std::max<std::size_t>(wanted, 1)));
        // In the middle of a round's share: all the world begins something at full minutes.
        own_ms = (std::floor(fraction * rounds) + 0.5) / rounds * period_ms;
    }
    const Milliseconds own(static_cast<std::int64_t>(own_ms));
    return own - own % limits::probe_start_step;
}

void Schedule::add(const Line& line, TimePoint now, Timestamp wall) {
    check(line.every > Milliseconds(0), "a target is asked again after more than no time");
    check(!slots_.contains(line.id), "an id stands for one target only");
    const Milliseconds own = offset(line.key, line.every, line.sharing);
    const std::int64_t past = (wall.ms - own.count()) % line.every.count();
    const std::int64_t since = past < 0 ? past + line.every.count() : past;
    Slot slot;
    slot.every = line.every;
    slot.anchor = now + (since == 0 ? Milliseconds(0) : line.every - Milliseconds(since));
    constexpr Milliseconds soon = limits::probe_first_reading_within;
    const bool is_far = slot.anchor - now > soon;
    slot.due = is_far ? now + offset(line.key, soon, line.sharing) : slot.anchor;
    due_.push({slot.due, line.id});
    slots_.emplace(line.id, slot);
}

void Schedule::remove(Id id) {
    const auto at = slots_.find(id);
    if (at == slots_.end()) return;
    if (at->second.state == State::Running) {
        at->second.removed = true;
        return;
    }
    if (at->second.state == State::Queued) std::erase(queue_, id);
    slots_.erase(at);
}

Schedule::Slot* Schedule::slot_of(const Due& due) {
    const auto at = slots_.find(due.id);
    if (at == slots_.end() || at->second.removed || at->second.due != due.at) return nullptr;
    return &at->second;
}

void Schedule::queue_due(TimePoint now) {
    while (!due_.empty() && due_.top().at <= now) {
        const Due due = due_.top();
        due_.pop();
        Slot* slot = slot_of(due);
        if (slot == nullptr) continue;
        if (due.at < slot->anchor) {
            slot->due = slot->anchor;
        } else {
            // Whole periods that went by unseen are skipped, not made up for.
            const auto missed = (now - due.at) / slot->every;
            skipped_ += static_cast<std::uint64_t>(missed);
            slot->due = due.at + (missed + 1) * slot->every;
        }
        due_.push({slot->due, due.id});
        if (slot->state != State::Waits) {
            ++skipped_;
            continue;
        }
        slot->state = State::Queued;
        slot->asked_for = due.at;
        queue_.push_back(due.id);
    }
}

std::vector<Schedule::Start> Schedule::take(TimePoint now) {
    queue_due(now);
    std::vector<Start> starts;
    while (!queue_.empty() && in_flight_ < in_flight_max_) {
        const Id id = queue_.front();
        queue_.pop_front();
        Slot& slot = slots_.at(id);
        slot.state = State::Running;
        ++in_flight_;
        starts.push_back({id, now - slot.asked_for});
    }
    return starts;
}

void Schedule::finished(Id id) {
    const auto at = slots_.find(id);
    check(at != slots_.end() && at->second.state == State::Running, "only who runs can finish");
    --in_flight_;
    if (at->second.removed)
        slots_.erase(at);
    else
        at->second.state = State::Waits;
}

std::optional<Schedule::TimePoint> Schedule::wake() {
    while (!due_.empty() && slot_of(due_.top()) == nullptr) due_.pop();
    if (due_.empty()) return std::nullopt;
    return due_.top().at;
}

}  // namespace vedette::probes
