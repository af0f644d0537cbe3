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

int year_day(Timestamp at) {
    const Days day = day_of(at);
    const std::chrono::year_month_day date(day);
    return static_cast<int>((day - Days(date.year() / 1 / 1)).count()) + 1;
}

/// Months and days may overflow into the next year or month, as in Go.
Timestamp add_date(Timestamp at, std::int64_t years, std::int64_t months, std::int64_t days) {
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

TemplateFunctions times(Timestamp at) {
    const auto part = [at](const char* layout) {
        return constant("", [at, layout](TemplateArguments) {
            return TemplateValue(
                std::int64_t{std::strtoll(format_go_time(at, layout).c_str(), nullptr, 10)});
        });
    };
    TemplateFunctions out;
    out["Format"] = constant("s", [at](TemplateArguments args) {
        return TemplateValue(format_go_time(at, args[0].string()));
    });
    out["String"] = constant(
        "", [at](TemplateArguments) { return TemplateValue(to_string(TemplateValue(at))); });
    out["Unix"] = constant("", [at](TemplateArguments) {
        return TemplateValue(at.ms >= 0 ? at.ms / 1000 : (at.ms - 999) / 1000);
    });
    out["UnixMilli"] = constant("", [at](TemplateArguments) { return TemplateValue(at.ms); });
    out["UnixMicro"] =
        constant("", [at](TemplateArguments) { return TemplateValue(at.ms * 1'000); });
    out["UnixNano"] =
        constant("", [at](TemplateArguments) { return TemplateValue(at.ms * 1'000'000); });
    out["Nanosecond"] = constant("", [at](TemplateArguments) {
        return TemplateValue((at.ms % 1000 + 1000) % 1000 * 1'000'000);
    });
    for (const char* name : {"UTC", "Local"})
        out[name] = constant("", [at](TemplateArguments) { return TemplateValue(at); });
    out["Location"] = constant("", [](TemplateArguments) { return TemplateValue("UTC"); });
    out["IsZero"] = constant(
        "", [at](TemplateArguments) { return TemplateValue(at.ms == -62'135'596'800'000); });
    out["Weekday"] = constant(
        "", [at](TemplateArguments) { return TemplateValue(format_go_time(at, "Monday")); });
    out["Month"] = constant(
        "", [at](TemplateArguments) { return TemplateValue(format_go_time(at, "January")); });
    out["Year"] = part("2006");
    out["Day"] = part("2");
    out["Hour"] = part("15");
    out["Minute"] = part("4");
    out["Second"] = part("5");
    out["YearDay"] =
        constant("", [at](TemplateArguments) { return TemplateValue(std::int64_t{year_day(at)}); });
    out["Compare"] = constant("t", [at](TemplateArguments args) {
        return TemplateValue(at < args[0].time() ? -1 : at > args[0].time() ? 1 : 0);
    });
    out["Add"] = constant("d", [at](TemplateArguments args) {
        return TemplateValue(Timestamp{at.ms + args[0].duration().count() / 1'000'000});
    });
    out["AddDate"] = constant("iii", [at](TemplateArguments args) {
        return TemplateValue(add_date(at, args[0].integer(), args[1].integer(), args[2].integer()));
    });
    out["Truncate"] = constant("d", [at](TemplateArguments args) {
        return TemplateValue(truncated(at, args[0].duration()));
    });
    out["Before"] =
        constant("t", [at](TemplateArguments args) { return TemplateValue(at < args[0].time()); });
    out["After"] =
        constant("t", [at](TemplateArguments args) { return TemplateValue(at > args[0].time()); });
    out["Equal"] =
        constant("t", [at](TemplateArguments args) { return TemplateValue(at == args[0].time()); });
    out["Sub"] = constant("t", [at](TemplateArguments args) {
        return TemplateValue(std::chrono::nanoseconds(at - args[0].time()));
    });
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
        constant("", [duration](TemplateArguments) { return TemplateValue(duration.count()); });
    out["Microseconds"] = constant(
        "", [duration](TemplateArguments) { return TemplateValue(duration.count() / 1'000); });
    out["Abs"] = constant("", [duration](TemplateArguments) {
        return TemplateValue(duration.count() < 0 ? -duration : duration);
    });
    out["Truncate"] = constant("d", [duration](TemplateArguments args) {
        const auto unit = args[0].duration();
        return TemplateValue(unit.count() <= 0 ? duration : duration - duration % unit);
    });
    out["Round"] = constant("d", [duration](TemplateArguments args) {
        return TemplateValue(rounded(duration, args[0].duration()));
    });
    out["Milliseconds"] = constant(
        "", [duration](TemplateArguments) { return TemplateValue(duration.count() / 1'000'000); });
    return out;
}

}  // namespace

std::optional<TemplateFunction> time_method(const TemplateValue& receiver, std::string_view name) {
    TemplateFunctions methods;
    if (receiver.kind() == Kind::Time) methods = times(receiver.time());
    if (receiver.kind() == Kind::Duration) methods = durations(receiver.duration());
    const auto found = methods.find(name);
    if (found == methods.end()) return std::nullopt;
    return found->second;
}

}  // namespace vedette::template_builtins
