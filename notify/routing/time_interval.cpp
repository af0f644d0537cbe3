#include "notify/routing/time_interval.h"

#include <algorithm>

namespace vedette::notify {
namespace {

using namespace std::chrono;

bool within(const TimeInterval::Ranges& ranges, int value) {
    return !ranges || std::ranges::any_of(*ranges, [value](const auto& one) {
        return one.first <= value && value <= one.last;
    });
}

/// Counts days from the end where they are negative, and keeps within the month: `-31:-1` is all of
/// February too, `30:31` none of it.
bool within_month(const TimeInterval::Ranges& ranges, const year_month_day& date) {
    if (!ranges) return true;
    const int length = static_cast<int>(
        static_cast<unsigned>(year_month_day_last(date.year(), date.month() / last).day()));
    const int day = static_cast<int>(static_cast<unsigned>(date.day()));
    return std::ranges::any_of(*ranges, [&](const TimeInterval::Range& one) {
        const int from = one.first < 0 ? length + one.first + 1 : one.first;
        const int to = one.last < 0 ? length + one.last + 1 : one.last;
        return from <= length && from <= day && day <= std::min(to, length);
    });
}

}  // namespace

bool TimeInterval::holds(Timestamp at) const {
    const seconds east = zone ? zone->at(at).east : seconds(0);
    const sys_time<milliseconds> local(milliseconds(at.ms) + east);
    const sys_days day = floor<days>(local);
    const year_month_day date(day);
    const int minute = static_cast<int>(floor<minutes>(local - day).count());
    if (times && std::ranges::none_of(*times, [minute](const Range& one) {
            return one.first <= minute && minute < one.last;
        }))
        return false;
    return within_month(days_of_month, date) &&
           within(months, static_cast<int>(static_cast<unsigned>(date.month()))) &&
           within(weekdays, static_cast<int>(weekday(day).c_encoding())) &&
           within(years, static_cast<int>(date.year()));
}

bool NamedInterval::holds(Timestamp at) const {
    return std::ranges::any_of(intervals, [at](const auto& one) { return one.holds(at); });
}

}  // namespace vedette::notify
