#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/alert.h"
#include "core/series.h"
#include "rules/alert_state.h"
#include "rules/group.h"

namespace vedette::rules {

/// What becomes of an alert that was open when the program stopped.
struct Restored {
    bool continues = false;
    Timestamp active_at;  ///< perhaps moved, so that the time it was down does not count as holding
    std::string reason;   ///< why it does not continue
};

/// Decides at `now`, as Prometheus does for pending alerts:
///
///   held before  ├──────────┤ down ├── still to wait ──┤ fires
///                active_at   down_at  now
///
///   - `for` shorter than the grace period, or down longer than the tolerance (or unknown how
///   long): the
///     wait starts anew;
///   - the clock was set back meanwhile: the wait starts anew;
///   - what is left of `for` is at least the grace period: the time it was down is added to
///   `active_at`;
///   - less is left, but something: it fires after the grace period, if its condition still holds;
///   - nothing is left: it fires at the next evaluation.
///
/// A firing alert always continues (Prometheus forgets it after the tolerance): people were told of
/// it, and the next evaluation says whether it still holds.
Restored restore(const Alert& alert, const Holds& holds, std::optional<Timestamp> down_at,
                 Timestamp now, const RuleSettings& settings);

/// When each alert was last seen, by its labels: the last samples of ALERTS_FOR_STATE in `window`.
Result<std::map<Labels, Timestamp>> last_seen(SeriesSource& source, Window window);

}  // namespace vedette::rules
