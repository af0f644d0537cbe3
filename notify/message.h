#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time_zone.h"
#include "core/alert.h"
#include "notify/decide.h"

namespace vedette::notify {

/// One version of an alert, shared by groups, messages and snapshots.
using AlertRef = std::shared_ptr<const Alert>;

inline bool is_over(const Alert& alert) {
    return alert.state == AlertState::Resolved;
}

/// When it began for people and other programs: fired, as Prometheus tells Alertmanager.
Timestamp starts_at(const Alert& alert);
/// Alertmanager's order: by job, by instance, those without one last; then by all labels.
bool comes_before(const Alert& a, const Alert& b);
/// The smaller set first; else, name by name, the one that lacks a name that the other has, then by
/// value.
bool labels_come_before(const Labels& a, const Labels& b);

/// What an alert's expression gave over the last hours, and what it was compared with.
struct History {
    std::string comparison;           ///< `<`, as in `value < threshold` fires; empty when there is none
    std::optional<double> threshold;
    std::vector<std::pair<Timestamp, double>> points;  ///< by time; a gap is NaN
};

/// What one receiver is told about one group at one moment.
struct Message {
    std::string receiver, group_key;
    Labels group_labels;
    std::vector<AlertRef> alerts;  ///< firing and resolved, in `comes_before` order
    Reason reason = Reason::FirstNotification;
    Timestamp at;                   ///< when it was put together
    Timestamp decided;              ///< when it was decided to tell; the same for every try
    std::string external_url;       ///< where pages are
    Milliseconds repeat_interval{0};  ///< of its route: so long it may be before the next
    bool possible_repeat = false;   ///< it may have arrived once already
    std::shared_ptr<const TimeZone> timezone;  ///< of times that people read; null: UTC
    /// What the service answered when it took this group's last message, while that still fires: where
    /// a message can be edited or answered to. Empty: this is the first.
    std::string remembered;
    std::map<std::uint64_t, std::shared_ptr<const History>> histories;  ///< by fingerprint; may lack any

    bool firing() const;  ///< at least one of them fires
    std::size_t count(AlertState state) const;
    Labels common_labels() const;
    Annotations common_annotations() const;
};

/// As on a lock screen: `CRITICAL checkout down · 4 min · connection refused`,
/// `RESOLVED checkout up · was down 12 min`, with `(2 more)` when there are others in the group.
std::string headline(const Message& message);
/// The same for one alert.
std::string headline(const Alert& alert, Timestamp now);

/// A link of a message, for buttons and lists.
struct Link {
    std::string name, url;
};
/// Page, rule (where the expression can be looked at), runbook and dashboard: those that are there and
/// are http or https.
std::vector<Link> links(const Message& message, const Alert& alert);

}  // namespace vedette::notify
