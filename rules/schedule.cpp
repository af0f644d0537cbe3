#include "rules/schedule.h"

#include "core/labels.h"

namespace vedette::rules {

Timestamp Schedule::at_or_before(Timestamp now) const {
    const std::int64_t step = interval.count(), shifted = now.ms - offset.count();
    const std::int64_t rest = ((shifted % step) + step) % step;
    return {now.ms - rest};
}

Schedule make_schedule(std::string_view file, std::string_view group, Milliseconds interval) {
    const std::uint64_t hash = fingerprint(Labels{{"file", file}, {"name", group}});
    const auto step = static_cast<std::uint64_t>(interval.count());
    return {interval, Milliseconds(static_cast<std::int64_t>(hash % step))};
}

Due look(const Schedule& schedule, Timestamp next, Timestamp now) {
    Due due;
    due.next = next;
    if (now < next) {
        if (next - now > schedule.interval)
            due.next = schedule.at_or_before(now) + schedule.interval;
        return due;
    }
    due.due = true;
    due.at = schedule.at_or_before(now);
    due.missed = static_cast<std::uint64_t>((due.at - next) / schedule.interval);
    due.next = due.at + schedule.interval;
    return due;
}

}  // namespace vedette::rules
