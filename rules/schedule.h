#pragma once

#include <cstdint>
#include <string_view>

#include "core/time.h"

namespace vedette::rules {

/// When a group is evaluated: every interval, at an offset of its own, so that groups do not all
/// wake at once, a group's times stay the same over restarts, and nothing drifts.
///
///   interval 60 s, offset 17 s:   …:17   …:17   …:17
struct Schedule {
    Milliseconds interval{60'000};
    Milliseconds offset{0};  ///< below the interval

    /// The last time at or before `now`.
    Timestamp at_or_before(Timestamp now) const;
};

/// The offset comes from the group's file and name.
Schedule make_schedule(std::string_view file, std::string_view group, Milliseconds interval);

/// One look at the clock.
struct Due {
    bool due = false;
    Timestamp at;              ///< the time to evaluate for
    std::uint64_t missed = 0;  ///< times that passed while nobody looked
    Timestamp next;            ///< the time after it
};

/// Whether a group whose next time is `next` is due at `now`. Times that passed are skipped, not
/// made up for. A clock that was set back by more than an interval starts the schedule anew.
Due look(const Schedule& schedule, Timestamp next, Timestamp now);

}  // namespace vedette::rules
