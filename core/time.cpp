#include "core/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>

#include "core/labels.h"

namespace vedette {

Timestamp SystemClock::now() const {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<Milliseconds>(since).count()};
}

std::chrono::steady_clock::time_point SystemClock::steady() const {
    return std::chrono::steady_clock::now();
}

namespace {

struct Unit {
    std::string_view name;
    std::int64_t ms;
};

// Falling order, in which a duration must name them.
constexpr std::array<Unit, 7> units{{{"y", 365LL * 24 * 3600 * 1000},
                                     {"w", 7LL * 24 * 3600 * 1000},
                                     {"d", 24LL * 3600 * 1000},
                                     {"h", 3600LL * 1000},
                                     {"m", 60LL * 1000},
                                     {"s", 1000},
                                     {"ms", 1}}};

}  // namespace

Result<Milliseconds> parse_duration(std::string_view text) {
    if (text.empty()) return fail(Fault::BadInput, "empty duration string");
    if (text == "0") return Milliseconds(0);
    const auto wrong = [&] {
        return fail(Fault::BadInput, fmt::format("not a valid duration string: {}", quote(text)));
    };
    std::string_view rest = text;
    std::size_t next_unit = 0;
    std::int64_t total = 0;
    while (!rest.empty()) {
        std::int64_t amount = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), amount);
        if (error == std::errc::result_out_of_range)
            return fail(Fault::BadInput, "duration out of range");
        if (error != std::errc() || rest.front() == '-') return wrong();
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        std::size_t length = 0;
        while (length < rest.size() && !std::isdigit(static_cast<unsigned char>(rest[length])))
            ++length;
        const std::string_view name = rest.substr(0, length);
        const auto known = [&](const Unit& unit) { return unit.name == name; };
        if (!name.empty() && std::none_of(units.begin(), units.end(), known))
            return fail(Fault::BadInput,
                        fmt::format("unknown unit {} in duration {}", quote(name), quote(text)));
        while (next_unit < units.size() && units[next_unit].name != name) ++next_unit;
        if (next_unit == units.size()) return wrong();
        std::int64_t part = 0;
        if (__builtin_mul_overflow(amount, units[next_unit].ms, &part) ||
            __builtin_add_overflow(total, part, &total) ||
            total > std::numeric_limits<std::int64_t>::max() / 1'000'000)  // Go counts nanoseconds
            return fail(Fault::BadInput, "duration out of range");
        ++next_unit;
        rest.remove_prefix(length);
    }
    return Milliseconds(total);
}

std::string format_duration(Milliseconds duration) {
    std::int64_t ms = duration.count();
    if (ms == 0) return "0s";
    std::string out = ms < 0 ? "-" : "";
    std::uint64_t left =
        ms < 0 ? 0 - static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
    for (const Unit& unit : units) {
        const auto size = static_cast<std::uint64_t>(unit.ms);
        // Years and weeks only when nothing is left over, as Prometheus writes them.
        if (unit.ms >= units[1].ms && left % size != 0) continue;
        if (left < size) continue;
        out += fmt::format("{}{}", left / size, unit.name);
        left %= size;
    }
    return out;
}

std::string humanize_duration(Milliseconds duration) {
    struct Word {
        std::int64_t ms;
        const char* name;
    };
    static constexpr std::array<Word, 4> words{
        {{24LL * 3600 * 1000, "d"}, {3600LL * 1000, "h"}, {60LL * 1000, "min"}, {1000, "s"}}};
    const std::int64_t ms = std::abs(duration.count());
    const char* sign = duration.count() < 0 ? "-" : "";
    if (ms < 1000) return fmt::format("{}{} ms", sign, ms);
    // Tenths only where there are any: `2.5 s`, but `7 s` for 7012 ms.
    if (const std::int64_t tenths = ms / 100; ms < 10'000 && tenths % 10 != 0)
        return fmt::format("{}{}.{} s", sign, tenths / 10, tenths % 10);
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (ms < words[i].ms) continue;
        const std::int64_t first = ms / words[i].ms;
        std::string out = fmt::format("{}{} {}", sign, first, words[i].name);
        // The second unit only where it still says something.
        if (i + 1 < words.size() && first < 10) {
            const std::int64_t second = ms % words[i].ms / words[i + 1].ms;
            if (second != 0) out += fmt::format(" {} {}", second, words[i + 1].name);
        }
        return out;
    }
    return "0 ms";
}

std::string format_rfc3339(Timestamp at) {
    using namespace std::chrono;
    // By remainder: the beginning of the first day that can be counted cannot be.
    constexpr std::int64_t day_ms = milliseconds(days(1)).count();
    const std::int64_t remainder = at.ms % day_ms;
    const std::int64_t behind = remainder < 0 ? day_ms : 0;
    const year_month_day date(sys_days(days(at.ms / day_ms - (behind != 0 ? 1 : 0))));
    const hh_mm_ss clock(milliseconds(remainder + behind));
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

namespace {

/// Reads fixed-width parts of a time text from the left.
class TimeText {
public:
    explicit TimeText(std::string_view text) : rest_(text) {}

    bool number(int digits, int& out) {
        if (rest_.size() < static_cast<std::size_t>(digits)) return false;
        out = 0;
        for (int i = 0; i < digits; ++i) {
            const char c = rest_[static_cast<std::size_t>(i)];
            if (c < '0' || c > '9') return false;
            out = out * 10 + (c - '0');
        }
        rest_.remove_prefix(static_cast<std::size_t>(digits));
        return true;
    }
    bool one_of(std::string_view choices, char& out) {
        if (rest_.empty() || choices.find(rest_.front()) == std::string_view::npos) return false;
        out = rest_.front();
        rest_.remove_prefix(1);
        return true;
    }
    /// Milliseconds of a fraction of any length up to nanoseconds.
    bool fraction(int& ms) {
        ms = 0;
        if (rest_.empty() || rest_.front() != '.') return true;
        rest_.remove_prefix(1);
        int digits = 0;
        for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++digits) {
            if (digits < 3) ms = ms * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        for (int i = digits; i < 3; ++i) ms *= 10;
        return digits >= 1 && digits <= 9;
    }
    bool at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

}  // namespace

Result<Timestamp> parse_rfc3339(std::string_view text) {
    using namespace std::chrono;
    const auto wrong = [&] {
        return fail(Fault::BadInput, fmt::format("not a time as RFC 3339 writes it: {}; expected "
                                                 "for example \"2026-11-20T09:02:56Z\"",
                                                 quote(text)));
    };
    TimeText in(text);
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0;
    char c = 0;
    if (!in.number(4, year) || !in.one_of("-", c) || !in.number(2, month) || !in.one_of("-", c) ||
        !in.number(2, day) || !in.one_of("Tt", c) || !in.number(2, hour) || !in.one_of(":", c) ||
        !in.number(2, minute) || !in.one_of(":", c) || !in.number(2, second) || !in.fraction(ms) ||
        !in.one_of("Zz+-", c))
        return wrong();
    int offset_hours = 0, offset_minutes = 0;
    const char zone = c;
    if (zone == '+' || zone == '-')
        if (!in.number(2, offset_hours) || !in.one_of(":", c) || !in.number(2, offset_minutes))
            return wrong();
    const year_month_day date{std::chrono::year(year),
                              std::chrono::month(static_cast<unsigned>(month)),
                              std::chrono::day(static_cast<unsigned>(day))};
    if (!in.at_end() || !date.ok() || hour > 23 || minute > 59 || second > 59 ||
        offset_hours > 23 || offset_minutes > 59)
        return wrong();
    auto time = sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + milliseconds(ms);
    const auto offset = hours(offset_hours) + minutes(offset_minutes);
    if (zone == '+') time -= offset;
    if (zone == '-') time += offset;
    return Timestamp{time.time_since_epoch().count()};
}

}  // namespace vedette
