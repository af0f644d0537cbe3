#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/alert.h"
#include "core/time.h"

namespace vedette::rules {

/// How long a condition must hold before its alert fires, and how long the alert stays lit after.
struct Holds {
    Milliseconds before_firing{0};  ///< `for`
    Milliseconds keep_firing{0};    ///< `keep_firing_for`
};

/// A resolved alert is remembered, and told again, for so long: as Prometheus.
inline constexpr Milliseconds resolved_retention = std::chrono::minutes(15);

/// How far one alert has come. A resolved one is still remembered.
struct AlertProgress {
    AlertState state = AlertState::Pending;
    Timestamp active_at;
    std::optional<Timestamp> fired_at, resolved_at;
    std::optional<Timestamp> keep_firing_since;  ///< set while lit although the condition ceased

    bool operator==(const AlertProgress&) const = default;
};

/// What one evaluation did to one alert.
enum class Transition {
    None,
    Began,      ///< pending now
    Fired,      ///< firing now, perhaps at once
    Resolved,   ///< was firing
    Cleared,    ///< was pending; nobody was told
    Forgotten,  ///< was resolved long ago
};
std::string_view to_string(Transition transition);

struct Decision {
    std::optional<AlertProgress> progress;  ///< nothing: the alert is no more
    Transition transition = Transition::None;
    std::string reason;  ///< of a transition, for a person
};

/// Decides what becomes of one alert at `now`. `before`: nothing when it was not known.
///
///              holds                    held for `for`
///   (nothing) ───────► pending ───────────────────────────► firing ◄──┐ holds again
///       ▲                 │ ceases: cleared                  │        │
///       └─────────────────┘                          ceases  ▼        │
///       ▲                                     kept for `keep_firing_for`
///       │ 15 min later: forgotten                            │ over
///       └───────────────────────────── resolved ◄────────────┘
///                                          └── holds again: a new alert begins, pending or firing
Decision decide(const std::optional<AlertProgress>& before, bool holds, Timestamp now,
                const Holds& how_long);

}  // namespace vedette::rules
