// Go's ways of writing durations and times.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/template/value.h"

namespace vedette {

std::string format_go_duration(std::chrono::nanoseconds duration) {
    const std::int64_t ns = duration.count();
    if (ns == 0) return "0s";
    const std::string sign = ns < 0 ? "-" : "";
    const std::uint64_t size =
        ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
    const auto fraction = [](std::uint64_t value, std::uint64_t unit) {
        std::string text = fmt::format("{}", value / unit);
        std::string rest = fmt::format("{}", unit + value % unit).substr(1);
        while (!rest.empty() && rest.back() == '0') rest.pop_back();
        return rest.empty() ? text : text + "." + rest;
    };
    if (size < 1'000) return sign + fmt::format("{}ns", size);
    if (size < 1'000'000) return sign + fraction(size, 1'000) + "µs";
    if (size < 1'000'000'000) return sign + fraction(size, 1'000'000) + "ms";
    constexpr std::uint64_t minute = 60'000'000'000ULL;
    std::string out = sign;
    if (size >= 60 * minute) out += fmt::format("{}h", size / (60 * minute));
    if (size >= minute) out += fmt::format("{}m", size / minute % 60);
    return out + fraction(size % minute, 1'000'000'000) + "s";
}

namespace {

constexpr std::array<std::string_view, 7> days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                  "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

/// A time cut into what a calendar and a clock on the wall show, and how far from UTC they are.
struct Civil {
    int year, month, day, hour, minute, second, millisecond, weekday, year_day;
    TimeZone::Offset offset;
};

Civil civil(Timestamp at, const TimeZone* zone) {
    using namespace std::chrono;
    const TimeZone::Offset offset = zone ? zone->at(at) : TimeZone::Offset{seconds(0), "UTC"};
    const sys_time<milliseconds> time{milliseconds(at.ms) + offset.east};
    const auto day = floor<std::chrono::days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    return {static_cast<int>(date.year()),
            static_cast<int>(static_cast<unsigned>(date.month())),
            static_cast<int>(static_cast<unsigned>(date.day())),
            static_cast<int>(clock.hours().count()),
            static_cast<int>(clock.minutes().count()),
            static_cast<int>(clock.seconds().count()),
            static_cast<int>(clock.subseconds().count()),
            static_cast<int>(weekday(day).c_encoding()),
            static_cast<int>((day - sys_days(date.year() / 1 / 1)).count()) + 1,
            offset};
}

/// `+0200`, or with `colon` between its parts, of which `parts` are written: hours, minutes,
/// seconds.
std::string east_of_utc(const Civil& t, int parts, const char* colon) {
    const std::int64_t east = t.offset.east.count(), size = std::abs(east);
    std::string out = fmt::format("{}{:02}", east < 0 ? '-' : '+', size / 3600);
    if (parts > 1) out += fmt::format("{}{:02}", colon, size / 60 % 60);
    if (parts > 2) out += fmt::format("{}{:02}", colon, size % 60);
    return out;
}

/// The same, where UTC is `Z`.
std::string z_or_east(const Civil& t, int parts, const char* colon) {
    return t.offset.east.count() == 0 ? "Z" : east_of_utc(t, parts, colon);
}

/// `.000` or `.999` (also with a comma): exactly so many digits, or without zeros at the end.
std::string fraction_of(const Civil& t, std::string_view element) {
    std::string digits = fmt::format("{:03}000000", t.millisecond).substr(0, element.size() - 1);
    if (element[1] == '9') {
        while (!digits.empty() && digits.back() == '0') digits.pop_back();
        if (digits.empty()) return {};
    }
    return element[0] + digits;
}

struct LayoutElement {
    std::string_view text;
    std::string (*write)(const Civil&);
};

int hour12(const Civil& t) {
    return t.hour % 12 == 0 ? 12 : t.hour % 12;
}

// Longer spellings stand before those they begin with.
const std::array<LayoutElement, 34> layout_elements = {{
    {"January",
     [](const Civil& t) { return std::string(months[static_cast<std::size_t>(t.month - 1)]); }},
    {"Jan",
     [](const Civil& t) {
         return std::string(months[static_cast<std::size_t>(t.month - 1)].substr(0, 3));
     }},
    {"Monday",
     [](const Civil& t) { return std::string(days[static_cast<std::size_t>(t.weekday)]); }},
    {"Mon",
     [](const Civil& t) {
         return std::string(days[static_cast<std::size_t>(t.weekday)].substr(0, 3));
     }},
    {"MST", [](const Civil& t) { return t.offset.name; }},
    {"2006", [](const Civil& t) { return fmt::format("{:04}", t.year); }},
    {"-07:00:00", [](const Civil& t) { return east_of_utc(t, 3, ":"); }},
    {"-07:00", [](const Civil& t) { return east_of_utc(t, 2, ":"); }},
    {"-070000", [](const Civil& t) { return east_of_utc(t, 3, ""); }},
    {"-0700", [](const Civil& t) { return east_of_utc(t, 2, ""); }},
    {"-07", [](const Civil& t) { return east_of_utc(t, 1, ""); }},
    {"Z07:00:00", [](const Civil& t) { return z_or_east(t, 3, ":"); }},
    {"Z07:00", [](const Civil& t) { return z_or_east(t, 2, ":"); }},
    {"Z070000", [](const Civil& t) { return z_or_east(t, 3, ""); }},
    {"Z0700", [](const Civil& t) { return z_or_east(t, 2, ""); }},
    {"Z07", [](const Civil& t) { return z_or_east(t, 1, ""); }},
    {"002", [](const Civil& t) { return fmt::format("{:03}", t.year_day); }},
    {"01", [](const Civil& t) { return fmt::format("{:02}", t.month); }},
    {"02", [](const Civil& t) { return fmt::format("{:02}", t.day); }},
    {"03", [](const Civil& t) { return fmt::format("{:02}", hour12(t)); }},
    {"04", [](const Civil& t) { return fmt::format("{:02}", t.minute); }},
    {"05", [](const Civil& t) { return fmt::format("{:02}", t.second); }},
    {"06", [](const Civil& t) { return fmt::format("{:02}", t.year % 100); }},
    {"15", [](const Civil& t) { return fmt::format("{:02}", t.hour); }},
    {"PM", [](const Civil& t) { return std::string(t.hour >= 12 ? "PM" : "AM"); }},
    {"pm", [](const Civil& t) { return std::string(t.hour >= 12 ? "pm" : "am"); }},
    {"__2", [](const Civil& t) { return fmt::format("{:3}", t.year_day); }},
    {"_2006", [](const Civil& t) { return fmt::format("_{:04}", t.year); }},
    {"_2", [](const Civil& t) { return fmt::format("{:2}", t.day); }},
    {"1", [](const Civil& t) { return fmt::format("{}", t.month); }},
    {"2", [](const Civil& t) { return fmt::format("{}", t.day); }},
    {"3", [](const Civil& t) { return fmt::format("{}", hour12(t)); }},
    {"4", [](const Civil& t) { return fmt::format("{}", t.minute); }},
    {"5", [](const Civil& t) { return fmt::format("{}", t.second); }},
}};

/// The length of `.000` or `.999` at the beginning, or 0.
std::size_t fraction_length(std::string_view layout) {
    if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',') ||
        (layout[1] != '0' && layout[1] != '9'))
        return 0;
    const std::size_t end = std::min(layout.find_first_not_of(layout[1], 1), layout.size());
    const bool digit_follows = end < layout.size() && layout[end] >= '0' && layout[end] <= '9';
    return digit_follows || end > 10 ? 0 : end;
}

/// `Jan` and `Mon` are no elements where a small letter follows: `Month`, `Jane`.
bool begins_with(std::string_view layout, std::string_view element) {
    if (!layout.starts_with(element)) return false;
    const bool a_word_goes_on =
        layout.size() > 3 && layout[3] >= 'a' && layout[3] <= 'z' && element.size() == 3;
    return !a_word_goes_on || (element != "Jan" && element != "Mon");
}

}  // namespace

std::string format_go_time(Timestamp at, std::string_view layout, const TimeZone* zone) {
    const Civil t = civil(at, zone);
    std::string out;
    while (!layout.empty()) {
        if (const std::size_t length = fraction_length(layout)) {
            out += fraction_of(t, layout.substr(0, length));
            layout.remove_prefix(length);
            continue;
        }
        const auto found =
            std::find_if(layout_elements.begin(), layout_elements.end(),
                         [&](const auto& element) { return begins_with(layout, element.text); });
        if (found == layout_elements.end()) {
            out += layout.front();
            layout.remove_prefix(1);
        } else {
            out += found->write(t);
            layout.remove_prefix(found->text.size());
        }
    }
    return out;
}

}  // namespace vedette
