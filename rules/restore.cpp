#include "rules/restore.h"

#include <fmt/format.h>

namespace vedette::rules {

Restored restore(const Alert& alert, const Holds& holds, std::optional<Timestamp> down_at,
                 Timestamp now, const RuleSettings& settings) {
    if (alert.state == AlertState::Firing) return {true, alert.active_at, {}};
    if (holds.before_firing < settings.for_grace_period)
        return {false,
                {},
                fmt::format("restarted; a `for` shorter than {} is waited out anew",
                            format_duration(settings.for_grace_period))};
    if (!down_at || now - *down_at > settings.for_outage_tolerance)
        return {false,
                {},
                fmt::format("restarted after more than {}; `for` is waited out anew",
                            format_duration(settings.for_outage_tolerance))};
    if (alert.active_at > *down_at || *down_at > now)
        return {false, {}, "restarted with a clock that was set back; `for` is waited out anew"};
    const Milliseconds left = holds.before_firing - (*down_at - alert.active_at);
    if (left.count() <= 0) return {true, alert.active_at, {}};
    if (left < settings.for_grace_period)
        return {true, now + settings.for_grace_period - holds.before_firing, {}};
    return {true, alert.active_at + (now - *down_at), {}};
}

Result<std::map<Labels, Timestamp>> last_seen(SeriesSource& source, Window window) {
    const std::vector<Matcher> matchers = {
        {Matcher::Op::Equal, std::string(metric_name_label), "ALERTS_FOR_STATE"}};
    auto cursor = source.select(matchers, window, Hints{}, {});
    if (!cursor) return fail(cursor.error());
    std::map<Labels, Timestamp> seen;
    Column column;
    while ((*cursor)->next(column)) {
        std::optional<Timestamp> last;
        for (std::size_t i = 0; i < column.times.size(); ++i) {
            if (i < column.floats.size() && !is_stale(column.floats[i])) last = column.times[i];
        }
        LabelsBuilder labels(*column.labels);
        if (last) seen[labels.del(metric_name_label).build()] = *last;
    }
    return seen;
}

}  // namespace vedette::rules
