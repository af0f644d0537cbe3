#include "notify/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"

namespace vedette::notify {
namespace {

bool add_matching(const RouteNode& route, const Labels& labels, std::vector<const RouteNode*>& out) {
    if (!match_all(route.matchers, labels)) return false;
    const std::size_t before = out.size();
    for (const RouteNode& child : route.routes)
        if (add_matching(child, labels, out) && !child.continue_to_next) break;
    if (out.size() == before) out.push_back(&route);
    return true;
}

Labels group_labels(const RouteNode& route, const Labels& labels) {
    if (route.group_by_all) return labels;
    LabelsBuilder kept(labels);
    kept.keep(route.group_by);
    return kept.build();
}

/// `{alertname="Down", job="checkout"}`: the second part of a group key.
std::string print_group(const Labels& labels) {
    std::string out = "{";
    for (const Label label : labels) {
        if (out.size() > 1) out += ", ";
        out += is_classic_label_name(label.name) ? std::string(label.name) : quote(label.name);
        out += '=';
        out += quote(label.value);
    }
    return out + "}";
}

std::vector<AlertId> ids_of(const std::vector<AlertRef>& alerts) {
    std::vector<AlertId> out;
    for (const AlertRef& one : alerts) out.push_back(one->id);
    return out;
}

}  // namespace

std::vector<const RouteNode*> match_routes(const RouteNode& root, const Labels& labels) {
    std::vector<const RouteNode*> out;
    add_matching(root, labels, out);
    return out;
}

Dispatcher::Dispatcher(std::shared_ptr<const Settings> settings, std::function<double()> jitter)
    : settings_(std::move(settings)),
      jitter_(std::move(jitter)),
      inhibitor_(settings_->inhibit_rules) {}

// ── alerts find their groups ──

void Dispatcher::take(std::span<const AlertRef> alerts, Moment now) {
    for (const AlertRef& alert : alerts) {
        if (alert->state == AlertState::Pending) continue;
        AlertRef& held = alerts_[alert->id.fingerprint];
        const bool changed = !held || held->state != alert->state || held->id != alert->id;
        if (held && is_over(*alert) && held->id.since > alert->id.since) continue;  // an older one's end
        held = alert;
        inhibitor_.note(*alert);
        if (changed)
            turn_.notes.push_back({false,
                                   fmt::format("alert {}", to_string(alert->state)),
                                   {{"alert", std::string(alert->labels.get("alertname"))},
                                    {"labels", to_string(alert->labels)},
                                    {"id", to_string(alert->id)},
                                    {"reason", alert->reason}}});
        if (changed && is_over(*alert)) end_resolved_silences(*alert, now);
        // A resolve that is repeated is no news; one of an alert that no group holds concerns nobody.
        if (changed || !is_over(*alert))
            place(alert, now,
                  [&](const std::string&, bool exists) { return exists || !is_over(*alert); });
    }
}

void Dispatcher::place(const AlertRef& alert, Moment now,
                       const std::function<bool(const std::string&, bool)>& accept) {
    if (!settings_->enabled) return;
    for (const RouteNode* route : match_routes(settings_->route, alert->labels)) {
        Labels labels = group_labels(*route, alert->labels);
        const GroupId id{route, fingerprint(labels)};
        auto found = groups_.find(id);
        std::string key = route->key + ":" + print_group(labels);
        if (!accept(key, found != groups_.end())) continue;
        if (found == groups_.end()) {
            make_group(*route, std::move(key), std::move(labels), id);
            found = groups_.find(id);
            found->second.next_flush = now.steady + route->group_wait;
        }
        Group& group = found->second;
        Held& held = group.alerts[alert->id.fingerprint];
        held.alert = alert;
        if (!is_over(*alert)) held.resolve_flushed = false;
        // It has waited longer than a group waits for company already (a restart, a late delivery).
        if (!group.flushed && starts_at(*alert) + route->group_wait < now.wall)
            group.next_flush = now.steady;
        settle(id);
    }
}

Dispatcher::Group& Dispatcher::make_group(const RouteNode& route, std::string key, Labels labels,
                                          GroupId id) {
    Group& group = groups_[id];
    by_key_.emplace(key, id);
    group.route = &route;
    group.key = std::move(key);
    group.labels = std::move(labels);
    const Receiver* receiver = settings_->receiver(route.receiver);
    const std::size_t count = receiver == nullptr ? 0 : receiver->integrations.size();
    for (std::uint32_t i = 0; i < count; ++i) {
        Delivery delivery;
        delivery.key = {group.key, route.receiver, i};
        delivery.how = &receiver->integrations[i];
        group.deliveries.push_back(std::move(delivery));
    }
    return group;
}

// ── a group is told ──

Dispatcher::Turn Dispatcher::due(Moment now) {
    while (!wakes_.empty() && wakes_.begin()->first <= now.steady) {
        const GroupId id = wakes_.begin()->second;
        Group& group = groups_.at(id);
        if (group.next_flush <= now.steady) flush(group, now);
        for (Delivery& delivery : group.deliveries) start(delivery, now);
        settle(id);
    }
    purge(now);
    return std::exchange(turn_, {});
}

/// The policy, in its order. What a stage takes out of the passage it says why.
void Dispatcher::flush(Group& group, Moment now) {
    group.next_flush = now.steady + group.route->group_interval;
    group.flushed = true;
    const Passage passage =
        silence(look_at_clock(inhibit(gather(group), group, now), group, now), group, now);
    // Told again from now on; when it is muted once more, that is said once more.
    for (const AlertRef& alert : passage.alerts)
        std::erase_if(group.muted, [&](const auto& one) { return one.first == alert->id; });
    for (Delivery& delivery : group.deliveries) {
        if (delivery.in_flight != 0) group.again = true;
        else if (!passage.alerts.empty())
            owe(dedup(passage, group, delivery, now), passage, group, delivery, now);
        else if (delivery.owed && passage.muted)
            drop_owed(delivery, *passage.muted, now);
    }
    sweep(group);
}

Dispatcher::Passage Dispatcher::gather(Group& group) {
    Passage out;
    for (auto& [fingerprint, held] : group.alerts) {
        held.resolve_flushed = is_over(*held.alert);
        out.alerts.push_back(held.alert);
        (is_over(*held.alert) ? out.resolved : out.firing).push_back(fingerprint);
    }
    std::ranges::sort(out.alerts, [](const auto& a, const auto& b) { return comes_before(*a, *b); });
    return out;
}

Dispatcher::Passage Dispatcher::inhibit(Passage in, Group& group, Moment now) {
    Passage out;
    for (AlertRef& alert : in.alerts) {
        const auto verdict = inhibitor_.inhibiting(alert->labels);
        if (verdict.rule == nullptr) {
            (is_over(*alert) ? out.resolved : out.firing).push_back(alert->id.fingerprint);
            out.alerts.push_back(std::move(alert));
            continue;
        }
        out.muted = Reason::Inhibited;
        mute(alert, group, Reason::Inhibited, format_fingerprint(verdict.source), now);
    }
    return out;
}

/// Mute and active times concern a route, so they let all through or nothing.
Dispatcher::Passage Dispatcher::look_at_clock(Passage in, Group& group, Moment now) {
    // As there, a clock is not looked at when nothing is left to tell.
    if (in.alerts.empty()) return in;
    group.muted_by.clear();
    const RouteNode& route = *group.route;
    const auto holds = [&](const auto& one) { return one->holds(now.wall); };
    Reason why = Reason::TimeInactive;
    if (!route.active.empty() && std::ranges::none_of(route.active, holds)) {
        for (const auto& one : route.active) group.muted_by.push_back(one->name);
    } else {
        why = Reason::TimeMuted;
        for (const auto& one : route.muted)
            if (holds(one)) group.muted_by.push_back(one->name);
    }
    if (group.muted_by.empty()) return in;
    for (const AlertRef& alert : in.alerts)
        mute(alert, group, why, fmt::format("{}", fmt::join(group.muted_by, ", ")), now);
    Passage out;
    out.muted = why;
    return out;
}

Dispatcher::Passage Dispatcher::silence(Passage in, Group& group, Moment now) {
    Passage out;
    out.muted = in.muted;
    for (AlertRef& alert : in.alerts) {
        const Silence* silence = silences_.silencing(alert->labels, now.wall);
        if (silence == nullptr) {
            (is_over(*alert) ? out.resolved : out.firing).push_back(alert->id.fingerprint);
            out.alerts.push_back(std::move(alert));
            continue;
        }
        out.muted = Reason::Silenced;
        mute(alert, group, Reason::Silenced, silence->id, now);
    }
    std::ranges::sort(out.firing);
    std::ranges::sort(out.resolved);
    return out;
}

void Dispatcher::mute(const AlertRef& alert, Group& group, Reason why, std::string detail,
                      Moment now) {
    if (!group.muted.insert({alert->id, why}).second) return;
    DeliveryKey key{group.key, group.route->receiver, 0};
    turn_.entries.push_back(DecisionEntry{now.wall, key, why, {alert->id}, detail});
    turn_.notes.push_back({false, "alert not told",
                           {{"labels", to_string(alert->labels)},
                            {"reason", std::string(to_string(why))},
                            {"by", detail}}});
}

Reason Dispatcher::dedup(const Passage& in, const Group& group, const Delivery& to, Moment now) const {
    const auto last = told_.find(to.key);
    return needs_update(last == told_.end() ? nullptr : &last->second, in.firing, in.resolved,
                        to.how->send_resolved, group.route->repeat_interval, now);
}

/// Makes the receiver's debt what `reason` says, merged with what it was owed before.
void Dispatcher::owe(Reason reason, const Passage& in, Group& group, Delivery& to, Moment now) {
    const bool wanted = !in.firing.empty() || to.how->send_resolved;
    if (reason == Reason::AllResolved && !wanted && !to.owed) {
        decided(Reason::ResolvedUnasked, in, to, now);
        return tell(to.key, in.firing, in.resolved, {}, now);
    }
    if (!to.how->send_firing && !in.firing.empty()) {
        // It counts as told, so that the end of it is news. A debt of an earlier end is out of date.
        if (tells(reason) || to.owed) tell(to.key, in.firing, in.resolved, {}, now);
        if (to.owed) return drop_owed(to, Reason::FiringUnasked, now);
        return decided(tells(reason) ? Reason::FiringUnasked : reason, in, to, now);
    }
    if (!tells(reason) && !to.owed) return decided(reason, in, to, now);
    decided(tells(reason) ? reason : to.owed->message->reason, in, to, now);
    if (!to.owed) {
        to.owed = Owed{};
        to.owed->since = now;
        to.owed->not_before = now.steady;
    }
    Owed& owed = *to.owed;
    // A receiver that wants no resolves, and was never told: it still hears what it was owed.
    if (wanted || !owed.message) {
        Message message = message_for(tells(reason) ? reason : owed.message->reason, in, group, now);
        if (!to.how->send_resolved) std::erase_if(message.alerts, [](const auto& one) { return is_over(*one); });
        message.possible_repeat = owed.possible_repeat;
        message.decided = owed.since.wall;
        owed.message = std::make_shared<const Message>(std::move(message));
        if (owed.planned != 0) plan(to, owed.planned, std::nullopt);
    }
    owed.firing = in.firing;
    owed.resolved = in.resolved;
}

Message Dispatcher::message_for(Reason reason, const Passage& in, const Group& group,
                                Moment now) const {
    Message out;
    out.receiver = group.route->receiver;
    out.group_key = group.key;
    out.group_labels = group.labels;
    out.alerts = in.alerts;
    out.reason = reason;
    out.at = now.wall;
    out.external_url = settings_->external_url;
    out.repeat_interval = group.route->repeat_interval;
    out.timezone = settings_->timezone;
    return out;
}

void Dispatcher::decided(Reason reason, const Passage& in, Delivery& to, Moment now) {
    // "Nothing new" every five minutes is no news, and telling the same again is.
    if (to.last_decision == reason && !tells(reason)) return;
    if (to.last_decision == reason && to.owed) return;
    to.last_decision = reason;
    turn_.entries.push_back(DecisionEntry{now.wall, to.key, reason, ids_of(in.alerts), {}});
}

void Dispatcher::drop_owed(Delivery& to, Reason why, Moment now) {
    turn_.entries.push_back(DecisionEntry{now.wall, to.key, why, ids_of(to.owed->message->alerts), {}});
    if (to.owed->planned != 0)
        turn_.entries.push_back(AttemptEndEntry{to.owed->planned, now.wall, why, 0, {}});
    turn_.notes.push_back({true, "message dropped",
                           {{"receiver", to.key.receiver},
                            {"group", to.key.group_key},
                            {"reason", std::string(to_string(why))}}});
    to.owed.reset();
}

// ── a message goes out ──

void Dispatcher::start(Delivery& to, Moment now) {
    if (paused_ || !to.owed || to.in_flight != 0 || to.owed->not_before > now.steady || to.queued) return;
    Owed& owed = *to.owed;
    const std::int64_t id = owed.planned != 0 ? owed.planned : ++last_attempt_;
    if (flights_.size() >= limits::notify_in_flight_max) {
        owed.planned = id;
        to.queued = true;
        plan(to, id, std::nullopt);
        waiting_.push_back(to.key);
        return;
    }
    if (const auto wait = rate_wait(to, now); wait > 0ms) {
        owed.not_before = now.steady + wait;
        owed.planned = id;
        return plan(to, id, std::nullopt);
    }
    ++owed.tries;
    plan(to, id, now.wall);
    owed.planned = 0;
    to.in_flight = id;
    remind(to);
    flights_[id] = {id, to.key, owed.message, owed.firing, owed.resolved};
    turn_.sends.push_back({id, to.key, settings_, to.how, owed.message, owed.tries});
}

/// How long an integration that was told often must wait now; counts this one when it need not.
Milliseconds Dispatcher::rate_wait(const Delivery& to, Moment now) {
    const Rate& rate = to.how->rate;
    if (rate.at_most == 0) return 0ms;
    auto& begun = begun_[{to.key.receiver, to.key.integration}];
    while (!begun.empty() && begun.front() + rate.per <= now.steady) begun.pop_front();
    if (begun.size() >= rate.at_most) {
        return std::chrono::ceil<Milliseconds>(begun.front() + rate.per - now.steady);
    }
    begun.push_back(now.steady);
    return 0ms;
}

/// Where the last message about what still fires was put, for senders that edit or answer it.
void Dispatcher::remind(Delivery& to) {
    const auto last = told_.find(to.key);
    if (last == told_.end() || last->second.firing.empty() || last->second.remember.empty()) return;
    Message message = *to.owed->message;
    message.remembered = last->second.remember;
    to.owed->message = std::make_shared<const Message>(std::move(message));
}

void Dispatcher::plan(const Delivery& to, std::int64_t id, std::optional<Timestamp> started) {
    const Owed& owed = *to.owed;
    turn_.entries.push_back(AttemptEntry{id, to.key, started ? owed.tries : owed.tries + 1,
                                         owed.message->reason, ids_of(owed.message->alerts),
                                         owed.since.wall, started, owed.possible_repeat});
}

std::pair<Dispatcher::Group*, Dispatcher::Delivery*> Dispatcher::find(const DeliveryKey& key) {
    const auto [from, to] = by_key_.equal_range(key.group_key);
    for (auto it = from; it != to; ++it) {
        Group& group = groups_.at(it->second);
        for (Delivery& delivery : group.deliveries)
            if (delivery.key == key) return {&group, &delivery};
    }
    return {nullptr, nullptr};
}

void Dispatcher::finished(std::int64_t attempt, const Outcome& outcome, Moment now) {
    const auto found = flights_.find(attempt);
    if (found == flights_.end()) return;
    const Flight flight = std::move(found->second);
    flights_.erase(found);
    if (outcome.sent) {
        turn_.entries.push_back(AttemptEndEntry{attempt, now.wall,
                                                outcome.recorded ? Reason::Recorded : Reason::Sent,
                                                outcome.status, {}});
        tell(flight.key, flight.firing, flight.resolved, outcome.remember, now);
        turn_.notes.push_back({false, outcome.recorded ? "message recorded, not sent" : "message sent",
                               {{"receiver", flight.key.receiver},
                                {"reason", std::string(to_string(flight.message->reason))},
                                {"message", headline(*flight.message)}}});
    }
    auto [group, delivery] = find(flight.key);
    if (delivery != nullptr && delivery->in_flight == attempt) {
        delivery->in_flight = 0;
        if (outcome.sent) {
            delivery->owed.reset();
            delivery->last_error.clear();
        } else {
            failed(flight, *group, *delivery, outcome, now);
        }
        const GroupId id{group->route, fingerprint(group->labels)};
        if (std::exchange(group->again, false)) group->next_flush = now.steady;
        sweep(*group);
        settle(id);
    } else if (!outcome.sent) {
        turn_.entries.push_back(AttemptEndEntry{attempt, now.wall, Reason::ReceiverGone,
                                                outcome.status, outcome.error});
    }
    start_waiting(now);
}

/// D3: a place became free.
void Dispatcher::start_waiting(Moment now) {
    while (!paused_ && !waiting_.empty() && flights_.size() < limits::notify_in_flight_max) {
        const auto [group, next] = find(waiting_.front());
        waiting_.pop_front();
        if (next == nullptr) continue;
        next->queued = false;
        start(*next, now);
        settle({group->route, fingerprint(group->labels)});
    }
}

void Dispatcher::failed(const Flight& flight, Group& group, Delivery& to, const Outcome& outcome,
                        Moment now) {
    Owed& owed = *to.owed;
    const auto owed_for = std::chrono::duration_cast<Milliseconds>(now.steady - owed.since.steady);
    const RetryPlan next =
        after_failure(outcome, owed.tries, owed_for, group.route->group_interval, jitter_());
    to.last_error = outcome.error;
    turn_.entries.push_back(
        AttemptEndEntry{flight.id, now.wall, next.reason, outcome.status, outcome.error});
    turn_.notes.push_back({true, "message not sent",
                           {{"receiver", to.key.receiver},
                            {"integration", std::string(to.how->kind())},
                            {"error", outcome.error},
                            {"next", next.reason == Reason::GivenUp
                                         ? std::string("given up")
                                         : "again in " + humanize_duration(next.wait)}}});
    if (next.reason == Reason::GivenUp) {
        to.owed.reset();
        return;
    }
    if (outcome.maybe_arrived && !owed.possible_repeat) {
        owed.possible_repeat = true;
        Message marked = *owed.message;
        marked.possible_repeat = true;
        owed.message = std::make_shared<const Message>(std::move(marked));
    }
    owed.not_before = now.steady + next.wait;
    owed.planned = ++last_attempt_;
    plan(to, owed.planned, std::nullopt);
}

void Dispatcher::tell(const DeliveryKey& key, const Fingerprints& firing, const Fingerprints& resolved,
                      std::string remember, Moment now) {
    told_[key] = {firing, resolved, now, remember};
    turn_.entries.push_back(ToldEntry{key, now.wall, firing, resolved, std::move(remember)});
}

// ── keeping house ──

/// D4: a resolved alert leaves once it was seen by a flush and nothing is owed.
void Dispatcher::sweep(Group& group) {
    const bool idle = std::ranges::none_of(
        group.deliveries, [](const Delivery& one) { return one.owed || one.in_flight != 0; });
    if (!idle) return;
    std::erase_if(group.alerts, [](const auto& one) { return one.second.resolve_flushed; });
    std::erase_if(group.muted, [&](const auto& one) {
        return !group.alerts.contains(one.first.fingerprint);
    });
}

/// Puts the group where its next moment is in the order of wakes, or lets it go when it is empty.
void Dispatcher::settle(const GroupId& id) {
    const auto found = groups_.find(id);
    if (found == groups_.end()) return;
    Group& group = found->second;
    wakes_.erase({group.wake, id});
    const bool busy = std::ranges::any_of(
        group.deliveries, [](const Delivery& one) { return one.owed || one.in_flight != 0; });
    if (group.alerts.empty() && !busy) {
        const auto [from, to] = by_key_.equal_range(group.key);
        for (auto it = from; it != to; ++it)
            if (it->second == id) {
                by_key_.erase(it);
                break;
            }
        groups_.erase(found);
        return;
    }
    group.wake = group.next_flush;
    for (const Delivery& delivery : group.deliveries)
        if (delivery.owed && delivery.in_flight == 0 && !delivery.queued)
            group.wake = std::min(group.wake, delivery.owed->not_before);
    wakes_.insert({group.wake, id});
}

void Dispatcher::purge(Moment now) {
    if (now.steady < next_purge_) return;
    next_purge_ = now.steady + 30s;
    std::set<std::uint64_t> held;
    for (const auto& [id, group] : groups_)
        for (const auto& [fingerprint, one] : group.alerts)
            if (is_over(*one.alert)) held.insert(fingerprint);
    std::erase_if(alerts_, [&](const auto& one) {
        const Alert& alert = *one.second;
        return is_over(alert) && !held.contains(one.first) &&
               alert.resolved_at.value_or(alert.active_at) + limits::resolved_alert_kept < now.wall;
    });
    silences_.forget(now.wall - limits::silence_kept);
    // Twice the repeat interval, as Alertmanager's log does: later, a repeat is due anyway.
    std::erase_if(told_, [&](const auto& one) {
        return now.steady - one.second.at.steady > std::max<Milliseconds>(2 * settings_->route.repeat_interval, 120h) &&
               find(one.first).second == nullptr;
    });
}

std::optional<Dispatcher::SteadyTime> Dispatcher::next_due() const {
    if (wakes_.empty()) return std::nullopt;
    return wakes_.begin()->first;
}

}  // namespace vedette::notify
