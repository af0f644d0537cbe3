// Methods of times and durations, as Go's time package has them.
#include <algorithm>
#include <chrono>

#include "base/template/builtins.h"

namespace vedette::template_builtins {
namespace {

using Kind = TemplateValue::Kind;
using Answer = Result<TemplateValue>;

TemplateFunction constant(const char* takes, std::function<TemplateValue(TemplateArguments)> call) {
    return {takes,
            [call = std::move(call)](TemplateArguments args) -> Answer { return call(args); }};
}

using Days = std::chrono::sys_days;

Days day_of(Timestamp at) {
    return std::chrono::floor<std::chrono::days>(
        std::chrono::sys_time<Milliseconds>(Milliseconds(at.ms)));
}

/// Months and days may overflow into the next year or month, as in Go; the clock of the zone shows
/// the same hour.
Timestamp add_date(Timestamp at, const TimeZone* zone, std::int64_t years, std::int64_t months,
                   std::int64_t days) {
    if (zone) {
        const Milliseconds east = zone->at(at).east;
        const Timestamp shown = add_date(at + east, nullptr, years, months, days);
        return shown - Milliseconds(zone->at(shown - east).east);
    }
    constexpr std::int64_t far = 10'000;
    const auto near = [&](std::int64_t number) {
        return static_cast<int>(std::clamp(number, -far, far));
    };
    const Days day = day_of(at);
    const std::chrono::year_month_day date(day);
    const auto first = date.year() / date.month() / 1 + std::chrono::years(near(years)) +
                       std::chrono::months(near(months));
    const Days moved =
        Days(first) + (day - Days(date.year() / date.month() / 1)) + std::chrono::days(near(days));
    return at + std::chrono::duration_cast<Milliseconds>(moved - day);
}

/// Counted from the year 1, as in Go.
Timestamp truncated(Timestamp at, std::chrono::nanoseconds unit) {
    const std::int64_t unit_ms = unit.count() / 1'000'000;
    if (unit_ms <= 0) return at;
    constexpr std::int64_t year_one_ms = -62'135'596'800'000;
    const std::int64_t since = at.ms - year_one_ms;
    return {at.ms - ((since % unit_ms) + unit_ms) % unit_ms};
}

/// Half a unit goes away from zero.
std::chrono::nanoseconds rounded(std::chrono::nanoseconds duration, std::chrono::nanoseconds unit) {
    if (unit.count() <= 0) return duration;
    const auto rest = duration % unit;
    const auto size = std::chrono::abs(rest);
    if (size < unit - size) return duration - rest;
    return duration.count() < 0 ? duration - rest - unit : duration - rest + unit;
}

/// A number with a name: a month, a day of the week.
TemplateValue named(const char* type, std::int64_t number, std::string name) {
    TemplateObject out;
    out.type = type;
    out.self = TemplateValue(number);
    out.methods["String"] =
        constant("", [name = std::move(name)](TemplateArguments) { return TemplateValue(name); });
    return out;
}

/// A number of a type that is not `int`: comparisons and printing do not mind.
TemplateValue int64(std::int64_t number) {
    TemplateObject out;
    out.type = "int64";
    out.self = TemplateValue(number);
    return out;
}

/// Go's time.Time.Sub: what does not fit is the largest or the smallest duration.
std::chrono::nanoseconds between(Timestamp from, Timestamp to) {
    constexpr std::int64_t most_ms = std::chrono::nanoseconds::max().count() / 1'000'000;
    const Milliseconds apart = to - from;
    if (apart.count() > most_ms) return std::chrono::nanoseconds::max();
    if (apart.count() < -most_ms) return std::chrono::nanoseconds::min();
    return apart;
}

/// How the time reads on a clock in its zone.
TemplateFunctions readings(Timestamp at, const std::shared_ptr<const TimeZone>& zone) {
    const auto number = [at, zone](const char* layout) {
        return std::int64_t{
            std::strtoll(format_go_time(at, layout, zone.get()).c_str(), nullptr, 10)};
    };
    const auto part = [number](const char* layout) {
        return constant(
            "", [number, layout](TemplateArguments) { return TemplateValue(number(layout)); });
    };
    TemplateFunctions out;
    out["Format"] = constant("s", [at, zone](TemplateArguments args) {
        return TemplateValue(format_go_time(at, args[0].string(), zone.get()));
    });
    out["String"] = constant("", [at, zone](TemplateArguments) {
        return TemplateValue(to_string(TemplateValue(at, zone)));
    });
    out["Location"] = constant(
        "", [zone](TemplateArguments) { return TemplateValue(zone ? zone->name() : "UTC"); });
    out["Weekday"] = constant("", [at, zone](TemplateArguments) {
        const auto east = zone ? zone->at(at).east : std::chrono::seconds(0);
        const std::chrono::weekday day(day_of(at + Milliseconds(east)));
        return named("time.Weekday", day.c_encoding(), format_go_time(at, "Monday", zone.get()));
    });
    out["Month"] = constant("", [at, zone, number](TemplateArguments) {
        return named("time.Month", number("1"), format_go_time(at, "January", zone.get()));
    });
    for (const auto& [name, layout] :
         {std::pair("Year", "2006"), std::pair("Day", "2"), std::pair("Hour", "15"),
          std::pair("Minute", "4"), std::pair("Second", "5"), std::pair("YearDay", "002")})
        out[name] = part(layout);
    return out;
}

TemplateFunctions times(Timestamp at, const std::shared_ptr<const TimeZone>& zone) {
    TemplateFunctions out = readings(at, zone);
    out["Unix"] = constant("", [at](TemplateArguments) {
        return int64(at.ms >= 0 ? at.ms / 1000 : (at.ms - 999) / 1000);
    });
    out["UnixMilli"] = constant("", [at](TemplateArguments) { return int64(at.ms); });
    out["UnixMicro"] = constant("", [at](TemplateArguments) { return int64(at.ms * 1'000); });
    out["UnixNano"] = constant("", [at](TemplateArguments) { return int64(at.ms * 1'000'000); });
    out["Nanosecond"] = constant("", [at](TemplateArguments) {
        return TemplateValue((at.ms % 1000 + 1000) % 1000 * 1'000'000);
    });
    for (const char* name : {"UTC", "Local"})
        out[name] = constant("", [at](TemplateArguments) { return TemplateValue(at); });
    out["IsZero"] = constant(
        "", [at](TemplateArguments) { return TemplateValue(at.ms == -62'135'596'800'000); });
    out["Compare"] = constant("t", [at](TemplateArguments args) {
        return TemplateValue(at < args[0].time() ? -1 : at > args[0].time() ? 1 : 0);
    });
    out["Add"] = constant("d", [at, zone](TemplateArguments args) {
        return TemplateValue(Timestamp{at.ms + args[0].duration().count() / 1'000'000}, zone);
    });
    out["AddDate"] = constant("iii", [at, zone](TemplateArguments args) {
        return TemplateValue(
            add_date(at, zone.get(), args[0].integer(), args[1].integer(), args[2].integer()),
            zone);
    });
    out["Truncate"] = constant("d", [at, zone](TemplateArguments args) {
        return TemplateValue(truncated(at, args[0].duration()), zone);
    });
    out["Before"] =
        constant("t", [at](TemplateArguments args) { return TemplateValue(at < args[0].time()); });
    out["After"] =
        constant("t", [at](TemplateArguments args) { return TemplateValue(at > args[0].time()); });
    out["Equal"] =
        constant("t", [at](TemplateArguments args) { return TemplateValue(at == args[0].time()); });
    out["Sub"] = constant(
        "t", [at](TemplateArguments args) { return TemplateValue(between(args[0].time(), at)); });
    return out;
}

TemplateFunctions durations(std::chrono::nanoseconds duration) {
    const auto in = [duration](double unit) {
        return constant("", [duration, unit](TemplateArguments) {
            return TemplateValue(static_cast<double>(duration.count()) / unit);
        });
    };
    TemplateFunctions out;
    out["String"] = constant(
        "", [duration](TemplateArguments) { return TemplateValue(format_go_duration(duration)); });
    out["Seconds"] = in(1e9);
    out["Minutes"] = in(60e9);
    out["Hours"] = in(3600e9);
    out["Nanoseconds"] =
        constant("", [duration](TemplateArguments) { return int64(duration.count()); });
    out["Microseconds"] =
        constant("", [duration](TemplateArguments) { return int64(duration.count() / 1'000); });
    out["Abs"] = constant("", [duration](TemplateArguments) {
        if (duration == std::chrono::nanoseconds::min())
            return TemplateValue(std::chrono::nanoseconds::max());
        return TemplateValue(std::chrono::abs(duration));
    });
    out["Truncate"] = constant("d", [duration](TemplateArguments args) {
        const auto unit = args[0].duration();
        return TemplateValue(unit.count() <= 0 ? duration : duration - duration % unit);
    });
    out["Round"] = constant("d", [duration](TemplateArguments args) {
        return TemplateValue(rounded(duration, args[0].duration()));
    });
    out["Milliseconds"] =
        constant("", [duration](TemplateArguments) { return int64(duration.count() / 1'000'000); });
    return out;
}

}  // namespace

std::optional<TemplateFunction> time_method(const TemplateValue& receiver, std::string_view name) {
    TemplateFunctions methods;
    if (receiver.kind() == Kind::Time) methods = times(receiver.time(), receiver.zone());
    if (receiver.kind() == Kind::Duration) methods = durations(receiver.duration());
    const auto found = methods.find(name);
    if (found == methods.end()) return std::nullopt;
    return found->second;
}

}  // namespace vedette::template_builtins
