// `time_intervals` as Alertmanager's files write them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/labels.h"
#include "notify/routing/time_interval.h"

namespace vedette::notify {
namespace {

constexpr std::array<std::string_view, 7> weekday_names{
    "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 12> month_names{
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};

std::optional<int> number_of(std::string_view text) {
    int value = 0;
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

template <std::size_t N>
std::optional<int> index_of(const std::array<std::string_view, N>& names, std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    const auto found = std::ranges::find(names, lower);
    if (found == names.end()) return std::nullopt;
    return static_cast<int>(found - names.begin());
}

std::optional<int> weekday_of(std::string_view text) {
    return index_of(weekday_names, text);
}

std::optional<int> month_of(std::string_view text) {
    if (const auto number = number_of(text)) return number;
    const auto index = index_of(month_names, text);
    return index ? std::optional<int>(*index + 1) : std::nullopt;
}

/// `24:00` is the end of a day; everything else is a time on a clock, with two digits an hour.
std::optional<int> minute_of(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    for (const std::size_t at : {0U, 1U, 3U, 4U})
        if (text[at] < '0' || text[at] > '9') return std::nullopt;
    const int hour = *number_of(text.substr(0, 2)), minute = *number_of(text.substr(3));
    if (minute > 59 || hour > 24 || (hour == 24 && minute != 0)) return std::nullopt;
    return hour * 60 + minute;
}

/// Reads one field of an interval: a list of `one` and `first:last`.
class FieldReader {
public:
    FieldReader(MapReader& map, std::string_view key) : map_(map), key_(key) {}

    template <typename ReadOne, typename Check>
    TimeInterval::Ranges read(ReadOne read_one, Check check) {
        const ConfigNode* node = map_.node(key_);
        if (node == nullptr) return std::nullopt;
        std::vector<TimeInterval::Range> out;
        if (!node->is_list()) {
            map_.problem(key_, fmt::format("`{}` must be a list", key_));
            return out;
        }
        for (const ConfigNode& item : node->items) {
            const std::string text = scalar_string(item, map_.problems(), key_);
            const auto range = split(text, read_one);
            const std::string wrong = range ? check(*range) : std::string();
            if (!range)
                map_.problems().add(item, fmt::format("{} is no range of `{}`", quote(text), key_));
            else if (!wrong.empty())
                map_.problems().add(item, wrong);
            else
                out.push_back(*range);
        }
        return out;
    }

private:
    template <typename ReadOne>
    static std::optional<TimeInterval::Range> split(std::string_view text, ReadOne read_one) {
        const std::size_t colon = text.find(':');
        const auto first = read_one(text.substr(0, colon));
        const auto last = colon == text.npos ? first : read_one(text.substr(colon + 1));
        if (!first || !last) return std::nullopt;
        return TimeInterval::Range{*first, *last};
    }

    MapReader& map_;
    std::string_view key_;
};

std::string check_order(const TimeInterval::Range& range, std::string_view what) {
    return range.first > range.last ? fmt::format("start {0} cannot be after end {0}", what)
                                    : std::string();
}

std::string check_days(const TimeInterval::Range& range) {
    for (const int day : {range.first, range.last})
        if (day == 0 || day < -31 || day > 31)
            return fmt::format("{} is not a valid day of the month: out of range", day);
    if (range.first < 0 && range.last > 0)
        return "end day must be negative if start day is negative";
    const auto counted = [](int day) { return day < 0 ? 32 + day : day; };
    if (counted(range.first) > counted(range.last))
        return fmt::format("end day {} is always before start day {}", range.last, range.first);
    return {};
}

TimeInterval::Ranges read_times(MapReader& map) {
    const ConfigNode* node = map.node("times");
    if (node == nullptr) return std::nullopt;
    std::vector<TimeInterval::Range> out;
    map.list("times", [&](const ConfigNode& item) {
        MapReader one(item, map.problems(), "times");
        const std::string from = one.string("start_time"), to = one.string("end_time");
        if (from.empty() || to.empty())
            return map.problems().add(item, "both start and end times must be provided");
        const auto first = minute_of(from), last = minute_of(to);
        if (!first || !last)
            map.problems().add(item, fmt::format("{} is no time of a day; expected `09:30`, at "
                                                 "most `24:00`",
                                                 quote(first ? to : from)));
        else if (*first >= *last)
            map.problems().add(item, "start time cannot be equal or greater than end time");
        else
            out.push_back({*first, *last});
    });
    return out;
}

}  // namespace

TimeInterval read_time_interval(const ConfigNode& node, Problems& problems) {
    MapReader map(node, problems, "time interval");
    TimeInterval out;
    out.times = read_times(map);
    out.weekdays = FieldReader(map, "weekdays").read(weekday_of, [](const auto& range) {
        return check_order(range, "day");
    });
    out.days_of_month = FieldReader(map, "days_of_month").read(number_of, check_days);
    out.months = FieldReader(map, "months").read(month_of, [](const auto& range) {
        return check_order(range, "month");
    });
    out.years = FieldReader(map, "years").read(number_of, [](const auto& range) {
        return check_order(range, "year");
    });
    if (const std::string name = map.string("location"); !name.empty()) {
        auto zone = find_time_zone(name);
        if (zone) out.zone = std::move(*zone);
        else map.problem("location", fmt::format("`location` {}: {}", quote(name), zone.error().message));
    }
    return out;
}

NamedInterval read_named_interval(const ConfigNode& node, Problems& problems) {
    MapReader map(node, problems, "time interval");
    NamedInterval out;
    out.name = map.string("name");
    if (out.name.empty()) problems.add(node, "a time interval needs a `name`");
    map.list("time_intervals", [&](const ConfigNode& item) {
        out.intervals.push_back(read_time_interval(item, problems));
    });
    return out;
}

}  // namespace vedette::notify
