#include "rules/alert_state.h"

#include <fmt/format.h>

namespace vedette::rules {
namespace {

std::string held(Milliseconds duration) {
    return duration.count() == 0
               ? "the condition holds"
               : fmt::format("the condition held for {}", format_duration(duration));
}

Decision begin(Timestamp now, const Holds& how_long) {
    AlertProgress progress{AlertState::Pending, now, std::nullopt, std::nullopt, std::nullopt};
    if (how_long.before_firing.count() > 0)
        return {progress, Transition::Began,
                fmt::format("the condition holds; fires after {}",
                            format_duration(how_long.before_firing))};
    progress.state = AlertState::Firing;
    progress.fired_at = now;
    return {progress, Transition::Fired, held(Milliseconds(0))};
}

Decision go_on(AlertProgress progress, Timestamp now, const Holds& how_long) {
    progress.keep_firing_since.reset();
    if (progress.state == AlertState::Firing || now - progress.active_at < how_long.before_firing)
        return {progress, Transition::None, {}};
    progress.state = AlertState::Firing;
    progress.fired_at = now;
    return {progress, Transition::Fired, held(how_long.before_firing)};
}

Decision cease(AlertProgress progress, Timestamp now, const Holds& how_long) {
    if (progress.state == AlertState::Pending)
        return {std::nullopt, Transition::Cleared,
                fmt::format("the condition ceased before it had held for {}",
                            format_duration(how_long.before_firing))};
    if (how_long.keep_firing.count() > 0) {
        if (!progress.keep_firing_since) progress.keep_firing_since = now;
        if (now - *progress.keep_firing_since < how_long.keep_firing)
            return {progress, Transition::None, {}};
    }
    const std::string reason =
        how_long.keep_firing.count() > 0
            ? fmt::format("the condition ceased {} ago", format_duration(how_long.keep_firing))
            : "the condition ceased";
    progress.state = AlertState::Resolved;
    progress.resolved_at = now;
    progress.keep_firing_since.reset();
    return {progress, Transition::Resolved, reason};
}

}  // namespace

std::string_view to_string(Transition transition) {
    switch (transition) {
        case Transition::None:
            return "none";
        case Transition::Began:
            return "began";
        case Transition::Fired:
            return "fired";
        case Transition::Resolved:
            return "resolved";
        case Transition::Cleared:
            return "cleared";
        case Transition::Forgotten:
            return "forgotten";
    }
    return "unknown";
}

Decision decide(const std::optional<AlertProgress>& before, bool holds, Timestamp now,
                const Holds& how_long) {
    const bool is_open = before && before->state != AlertState::Resolved;
    if (holds) return is_open ? go_on(*before, now, how_long) : begin(now, how_long);
    if (is_open) return cease(*before, now, how_long);
    if (!before) return {};
    if (now - before->resolved_at.value_or(now) > resolved_retention)
        return {std::nullopt, Transition::Forgotten, "resolved long ago"};
    return {before, Transition::None, {}};
}

}  // namespace vedette::rules
