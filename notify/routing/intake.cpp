#include "notify/routing/intake.h"

#include <algorithm>

namespace vedette::notify {
namespace {

/// As Alertmanager merges what overlaps: the earliest start, the latest end that somebody named.
void widen(Intake::Standing& fresh, const Intake::Standing& before, Timestamp now) {
    const bool overlaps = (fresh.ends > before.starts && fresh.ends < before.ends) ||
                          (fresh.starts > before.starts && fresh.starts < before.ends);
    if (!overlaps) return;
    fresh.starts = std::min(fresh.starts, before.starts);
    if (fresh.ends <= now) {
        if (before.ends <= now) fresh.ends = std::max(fresh.ends, before.ends);
    } else if (before.ends > fresh.ends && !before.by_timeout) {
        fresh.ends = before.ends;
    }
}

bool says_the_same(const Alert& a, const Alert& b) {
    return a.state == b.state && a.fired_at == b.fired_at && a.resolved_at == b.resolved_at &&
           a.annotations == b.annotations && a.generator_url == b.generator_url;
}

}  // namespace

void Intake::keep(std::uint64_t fingerprint, Standing standing) {
    auto [found, added] = standing_.try_emplace(fingerprint);
    if (!added) ends_.erase({found->second.ends, fingerprint});
    ends_.insert({standing.ends, fingerprint});
    found->second = std::move(standing);
}

void Intake::restore(AlertRef alert, const PostedTimes& times) {
    const std::uint64_t fingerprint = alert->id.fingerprint;
    keep(fingerprint, {std::move(alert), times.starts, times.ends, times.updated, times.by_timeout});
}

std::vector<Entry> Intake::take(std::span<const PostedAlert> alerts, Milliseconds resolve_timeout,
                                Timestamp now) {
    std::vector<Entry> out;
    out.reserve(alerts.size());
    for (const PostedAlert& posted : alerts)
        out.push_back(merge(posted, fingerprint(posted.labels), resolve_timeout, now));
    return out;
}

Entry Intake::merge(const PostedAlert& posted, std::uint64_t fingerprint,
                    Milliseconds resolve_timeout, Timestamp now) {
    Standing fresh;
    fresh.updated = now;
    fresh.by_timeout = !posted.ends;
    fresh.ends = posted.ends.value_or(now + resolve_timeout);
    fresh.starts = posted.starts.value_or(posted.ends ? std::min(*posted.ends, now) : now);
    const auto found = standing_.find(fingerprint);
    const bool stands = found != standing_.end();
    if (stands) widen(fresh, found->second, now);
    const bool over = fresh.ends <= now;

    Alert alert;
    alert.id = {fingerprint, stands ? found->second.alert->id.since : fresh.starts};
    alert.labels = posted.labels;
    alert.annotations = posted.annotations;
    alert.state = over ? AlertState::Resolved : AlertState::Firing;
    alert.active_at = fresh.starts;
    alert.fired_at = fresh.starts;
    if (over) alert.resolved_at = fresh.ends;
    alert.generator_url = posted.generator_url;
    alert.reason = over ? "its sender ended it" : "sent by API v2";

    const PostedTimes times{fresh.starts, fresh.ends, fresh.updated, fresh.by_timeout};
    if (stands && says_the_same(*found->second.alert, alert)) {
        fresh.alert = found->second.alert;
        keep(fingerprint, std::move(fresh));
        return ResentEntry{alert.id, times};
    }
    fresh.alert = std::make_shared<const Alert>(std::move(alert));
    AlertEntry entry{fresh.alert, now, times};
    keep(fingerprint, std::move(fresh));
    return entry;
}

std::vector<AlertRef> Intake::due(Timestamp now) {
    std::vector<AlertRef> out;
    while (!ends_.empty() && ends_.begin()->first <= now) {
        const auto found = standing_.find(ends_.begin()->second);
        const Standing& standing = found->second;
        if (standing.alert->state != AlertState::Resolved) {
            Alert alert = *standing.alert;
            alert.state = AlertState::Resolved;
            alert.resolved_at = standing.ends;
            alert.reason = standing.by_timeout ? "its sender stopped sending it" : "its end came";
            out.push_back(std::make_shared<const Alert>(std::move(alert)));
        }
        ends_.erase(ends_.begin());
        standing_.erase(found);
    }
    return out;
}

std::optional<Timestamp> Intake::next_due() const {
    if (ends_.empty()) return std::nullopt;
    return ends_.begin()->first;
}

const Intake::Standing* Intake::find(std::uint64_t fingerprint) const {
    const auto found = standing_.find(fingerprint);
    return found == standing_.end() ? nullptr : &found->second;
}

}  // namespace vedette::notify
