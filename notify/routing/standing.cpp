// What the dispatcher shows to other programs.
#include "notify/routing/standing.h"

#include <algorithm>
#include <map>

#include "notify/dispatcher.h"

namespace vedette::notify {
Standing Dispatcher::standing(const Intake& intake, Moment now) const {
    Standing out;
    out.at = now.wall;
    std::map<std::uint64_t, StandingAlert> by_fingerprint;
    for (const auto& [fingerprint, alert] : alerts_) {
        if (is_over(*alert)) continue;
        StandingAlert one;
        one.alert = alert;
        one.starts = one.updated = starts_at(*alert);
        one.ends = now.wall + settings_->resolve_timeout;
        if (const Intake::Standing* posted = intake.find(fingerprint)) {
            one.starts = posted->starts;
            one.ends = posted->ends;
            one.updated = posted->updated;
        }
        if (settings_->enabled)
            for (const RouteNode* route : match_routes(settings_->route, alert->labels))
                one.receivers.push_back(route->receiver);
        for (const auto& [id, silence] : silences_.all())
            if (silence.holds(now.wall) && match_all(silence.matchers, alert->labels))
                one.silenced_by.push_back(id);
        if (const auto verdict = inhibitor_.inhibiting(alert->labels); verdict.rule != nullptr)
            one.inhibited_by = format_fingerprint(verdict.source);
        by_fingerprint.emplace(fingerprint, std::move(one));
    }
    std::map<std::uint64_t, std::size_t> index;
    for (auto& [fingerprint, one] : by_fingerprint) {
        index[fingerprint] = out.alerts.size();
        out.alerts.push_back(std::move(one));
    }
    for (const auto& [id, group] : groups_) {
        StandingGroup one{group.route->receiver, group.labels, {}, group.muted_by};
        for (const auto& [fingerprint, held] : group.alerts)
            if (const auto found = index.find(fingerprint); found != index.end())
                one.alerts.push_back(found->second);
        std::ranges::sort(one.alerts, [&](std::size_t a, std::size_t b) {
            return comes_before(*out.alerts[a].alert, *out.alerts[b].alert);
        });
        if (!one.alerts.empty()) out.groups.push_back(std::move(one));
    }
    std::ranges::sort(out.groups, [](const StandingGroup& a, const StandingGroup& b) {
        return a.labels == b.labels ? a.receiver < b.receiver : labels_come_before(a.labels, b.labels);
    });
    return out;
}

}  // namespace vedette::notify
