#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time_zone.h"
#include "core/config.h"
#include "core/time.h"

namespace vedette::notify {

/// When something may or may not be told, as Alertmanager writes it: every field that is there must
/// hold, one range of it is enough. A field that is there and empty never holds.
///
///     times: 09:00 ≤ clock < 17:00     weekdays, days_of_month, months, years: both ends belong
struct TimeInterval {
    struct Range {
        int first = 0, last = 0;
    };
    using Ranges = std::optional<std::vector<Range>>;

    Ranges times;          ///< minutes of the day; the last does not belong
    Ranges weekdays;       ///< Sunday is 0
    Ranges days_of_month;  ///< from 1; -1 is the last day
    Ranges months;         ///< January is 1
    Ranges years;
    std::shared_ptr<const TimeZone> zone;  ///< null: UTC

    bool holds(Timestamp at) const;
};

/// A name for several intervals, of which one is enough.
struct NamedInterval {
    std::string name;
    std::vector<TimeInterval> intervals;

    bool holds(Timestamp at) const;
};

/// One interval of `time_intervals`; what is wrong goes to `problems` with Alertmanager's words.
TimeInterval read_time_interval(const ConfigNode& node, Problems& problems);
/// `name` and `time_intervals`.
NamedInterval read_named_interval(const ConfigNode& node, Problems& problems);

}  // namespace vedette::notify
