// The dispatcher over restarts and reloads, its silences, and what it shows of itself.
#include <fmt/format.h>

#include <algorithm>

#include "notify/dispatcher.h"

namespace vedette::notify {
namespace {

AlertRef as_it_fired(const Alert& alert) {
    Alert out = alert;
    out.state = AlertState::Firing;
    out.resolved_at.reset();
    return std::make_shared<const Alert>(std::move(out));
}

/// A wall time of the past on the steady clock; a time in the future (the clock was set back) is now.
Moment past(Timestamp at, Moment now) {
    return {at, now.steady - std::max(now.wall - at, Milliseconds(0))};
}

}  // namespace

// ── over a restart ──

void Dispatcher::restore(const Memory& memory, Moment now) {
    last_attempt_ = memory.last_attempt_id;
    for (const Silence& silence : memory.silences) silences_.restore(silence);
    for (const ToldEntry& one : memory.told)
        told_[one.key] = {one.firing, one.resolved, past(one.at, now), one.remember};
    std::map<AlertId, AlertRef> known;
    for (const Alert& alert : memory.alerts) {
        auto ref = std::make_shared<const Alert>(alert);
        known[alert.id] = ref;
        AlertRef& held = alerts_[alert.id.fingerprint];
        if (held && held->id.since > alert.id.since) continue;
        held = ref;
    }
    for (const auto& [fingerprint, alert] : alerts_) {
        inhibitor_.note(*alert);
        place(alert, now, [&](const std::string& key, bool) {
            return !is_over(*alert) || owes_resolve(key, fingerprint);
        });
    }
    for (const AttemptEntry& attempt : memory.unfinished) resume(attempt, known, now);
}

/// Somebody was told that it fires and not that it stopped.
bool Dispatcher::owes_resolve(const std::string& group_key, std::uint64_t fingerprint) const {
    for (auto it = told_.lower_bound({group_key, {}, 0});
         it != told_.end() && it->first.group_key == group_key; ++it)
        if (std::ranges::binary_search(it->second.firing, fingerprint)) return true;
    return false;
}

/// Takes up an attempt that was promised, or begun with an outcome nobody saw.
void Dispatcher::resume(const AttemptEntry& attempt, const std::map<AlertId, AlertRef>& known,
                        Moment now) {
    std::vector<AlertRef> alerts;
    for (const AlertId& id : attempt.alerts)
        if (const auto found = known.find(id); found != known.end()) {
            alerts.push_back(found->second);
            place(found->second, now,
                  [&](const std::string& key, bool) { return key == attempt.key.group_key; });
        }
    const auto [group, to] = find(attempt.key);
    if (to == nullptr || alerts.empty()) {
        turn_.entries.push_back(
            AttemptEndEntry{attempt.id, now.wall, Reason::ReceiverGone, 0, "not in the configuration"});
        return;
    }
    if (attempt.started)
        turn_.entries.push_back(AttemptEndEntry{attempt.id, now.wall, Reason::Unfinished, 0,
                                                "the program stopped before the answer"});
    Passage content;
    for (const AlertRef& alert : alerts)
        (is_over(*alert) ? content.resolved : content.firing).push_back(alert->id.fingerprint);
    std::ranges::sort(content.firing);
    std::ranges::sort(content.resolved);
    content.alerts = std::move(alerts);
    Message message = message_for(attempt.reason, content, *group, now);
    // What was decided was bad news. A receiver that hears of no ends still hears that, as it was.
    if (!to->how->send_resolved)
        for (AlertRef& alert : message.alerts)
            if (is_over(*alert)) alert = as_it_fired(*alert);
    message.possible_repeat = attempt.started.has_value() || attempt.possible_repeat;
    message.decided = attempt.planned;
    to->owed = Owed{};
    to->owed->since = past(attempt.planned, now);
    to->owed->tries = attempt.started ? attempt.number : attempt.number - 1;
    to->owed->not_before = now.steady;
    to->owed->planned = attempt.started ? 0 : attempt.id;
    to->owed->possible_repeat = message.possible_repeat;
    to->owed->firing = content.firing;
    to->owed->resolved = content.resolved;
    to->owed->message = std::make_shared<const Message>(std::move(message));
    settle({group->route, fingerprint(group->labels)});
}

// ── over a reload ──

void Dispatcher::reload(std::shared_ptr<const Settings> settings, Moment now) {
    struct Timing {
        SteadyTime next_flush;
        bool flushed;
    };
    std::map<DeliveryKey, Delivery> before;
    std::map<std::string, Timing> timing;
    std::map<std::string, std::map<std::uint64_t, Held>> leaving;  // resolved, not yet told
    for (auto& [id, group] : groups_) {
        timing[group.key] = {group.next_flush, group.flushed};
        for (auto& [fingerprint, held] : group.alerts)
            if (is_over(*held.alert)) leaving[group.key][fingerprint] = held;
        for (Delivery& delivery : group.deliveries) before[delivery.key] = std::move(delivery);
    }
    groups_.clear();
    by_key_.clear();
    wakes_.clear();
    waiting_.clear();
    settings_ = std::move(settings);
    inhibitor_ = Inhibitor(settings_->inhibit_rules);
    for (const auto& [fingerprint, alert] : alerts_) {
        inhibitor_.note(*alert);
        place(alert, now, [&](const std::string& key, bool) {
            const auto found = leaving.find(key);
            return !is_over(*alert) ||
                   (found != leaving.end() && found->second.contains(fingerprint));
        });
    }
    std::vector<GroupId> ids;
    for (auto& [id, group] : groups_) {
        ids.push_back(id);
        if (const auto known = timing.find(group.key); known != timing.end()) {
            group.next_flush = known->second.next_flush;
            group.flushed = known->second.flushed;
        }
        for (Delivery& delivery : group.deliveries) {
            const auto found = before.find(delivery.key);
            if (found == before.end()) continue;
            delivery.last_decision = found->second.last_decision;
            delivery.owed = std::move(found->second.owed);
            delivery.in_flight = found->second.in_flight;
            delivery.last_error = std::move(found->second.last_error);
            before.erase(found);
        }
    }
    for (auto& [key, delivery] : before)
        if (delivery.owed && delivery.in_flight == 0) drop_owed(delivery, Reason::ReceiverGone, now);
    for (const GroupId& id : ids) settle(id);
}

// ── silences ──

Result<Dispatcher::SilenceChange> Dispatcher::put_silence(Silence silence, std::string fresh_id,
                                                          std::string who, Moment now) {
    auto change =
        silences_.set(std::move(silence), std::move(fresh_id), settings_->silence_longest, now.wall);
    if (!change) return fail(change.error());
    const Silence& stands = change->now;
    turn_.notes.push_back({false, change->created ? "silence" : "silence changed",
                           {{"id", stands.id},
                            {"matchers", to_string(stands.matchers)},
                            {"by", who},
                            {"comment", stands.comment}}});
    SilenceChange out{stands.id, {}};
    if (change->ended) out.entries.push_back(SilenceEntry{std::move(*change->ended), "ended", who});
    out.entries.push_back(
        SilenceEntry{change->now, change->created ? "created" : "changed", std::move(who)});
    return out;
}

Result<Dispatcher::SilenceChange> Dispatcher::expire_silence(std::string_view id, std::string who,
                                                             Moment now) {
    const auto found = silences_.all().find(id);
    const bool over = found != silences_.all().end() &&
                      found->second.state(now.wall) == Silence::State::Expired;
    auto expired = silences_.expire(id, now.wall);
    if (!expired) return fail(expired.error());
    SilenceChange out{std::string(id), {}};
    if (over) return out;
    turn_.notes.push_back({false, "silence ended", {{"id", std::string(id)}, {"by", who}}});
    out.entries.push_back(SilenceEntry{std::move(*expired), "ended", std::move(who)});
    return out;
}

/// A silence `until: resolved` is over when the last alert that it held for is.
void Dispatcher::end_resolved_silences(const Alert& resolved, Moment now) {
    std::vector<std::string> ended;
    for (const auto& [id, silence] : silences_.all()) {
        if (!silence.until_resolved || silence.state(now.wall) != Silence::State::Active ||
            !match_all(silence.matchers, resolved.labels))
            continue;
        const bool more = std::ranges::any_of(alerts_, [&](const auto& one) {
            return !is_over(*one.second) && match_all(silence.matchers, one.second->labels);
        });
        if (!more) ended.push_back(id);
    }
    for (const std::string& id : ended) {
        auto change = expire_silence(id, "its alerts are resolved", now);
        if (change) std::ranges::move(change->entries, std::back_inserter(turn_.entries));
    }
}

// ── what it shows ──

namespace {

std::string ago(Milliseconds since) {
    return humanize_duration(std::max(since, Milliseconds(0))) + " ago";
}

Milliseconds until(std::chrono::steady_clock::time_point at, Moment now) {
    return std::max(std::chrono::ceil<std::chrono::seconds>(at - now.steady), 0s);
}

}  // namespace

DeliveryStatus Dispatcher::status_of(const Group& group, const Delivery& to, const Alert& alert,
                                     Moment now) const {
    DeliveryStatus out;
    out.receiver = to.key.receiver;
    out.integration = to.how->kind();
    out.target = to.how->target();
    const auto told = told_.find(to.key);
    const bool over = is_over(alert);
    const bool knows = told != told_.end() &&
                       std::ranges::binary_search(over ? told->second.resolved : told->second.firing,
                                                  alert.id.fingerprint);
    if (to.in_flight != 0) {
        out.text = fmt::format("being sent to {}", out.target);
    } else if (to.owed && !to.last_error.empty()) {
        out.trouble = true;
        out.text = fmt::format("retrying in {}: {}", humanize_duration(until(to.owed->not_before, now)),
                               to.last_error);
    } else if (to.owed) {
        out.text = fmt::format("about to be sent to {}", out.target);
    } else if (knows) {
        out.text = fmt::format("{} {} {}", settings_->record_only ? "recorded, not sent, for" : "sent to",
                               out.target, ago(now.wall - told->second.at.wall));
    } else {
        out.text = fmt::format("to {} in {}", out.target,
                               humanize_duration(until(group.next_flush, now)));
    }
    return out;
}

Snapshot Dispatcher::snapshot(Moment now) const {
    Snapshot out;
    out.at = now.wall;
    out.in_flight = flights_.size();
    std::map<std::uint64_t, std::vector<DeliveryStatus>> deliveries;
    for (const auto& [id, group] : groups_) {
        GroupStatus status{group.key, group.route->receiver, group.labels, {},
                           until(group.next_flush, now)};
        for (const Delivery& delivery : group.deliveries) out.owed += delivery.owed ? 1 : 0;
        for (const auto& [fingerprint, held] : group.alerts) {
            status.alerts.push_back(fingerprint);
            for (const Delivery& delivery : group.deliveries)
                deliveries[fingerprint].push_back(status_of(group, delivery, *held.alert, now));
        }
        out.groups.push_back(std::move(status));
    }
    for (const auto& [fingerprint, alert] : alerts_) {
        AlertStatus status;
        status.alert = alert;
        status.headline = headline(*alert, now.wall);
        if (const auto found = deliveries.find(fingerprint); found != deliveries.end())
            status.deliveries = std::move(found->second);
        if (const Silence* silence = silences_.silencing(alert->labels, now.wall))
            status.silenced_by = silence->id;
        if (const auto verdict = inhibitor_.inhibiting(alert->labels); verdict.rule != nullptr)
            status.inhibited_by = format_fingerprint(verdict.source);
        out.alerts.push_back(std::move(status));
    }
    std::ranges::sort(out.alerts, [](const AlertStatus& a, const AlertStatus& b) {
        if (is_over(*a.alert) != is_over(*b.alert)) return !is_over(*a.alert);
        return comes_before(*a.alert, *b.alert);
    });
    for (const Receiver& receiver : settings_->receivers) out.receivers.push_back(receiver.name);
    for (const auto& [id, silence] : silences_.all()) out.silences.push_back(silence);
    return out;
}

}  // namespace vedette::notify
