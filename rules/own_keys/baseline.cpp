#include <fmt/format.h>

#include "rules/own_keys/compile.h"
#include "rules/own_keys/metric.h"

namespace vedette::rules {
namespace {

using namespace std::chrono_literals;

constexpr Milliseconds week = 24h * 7;
constexpr int weeks = 4, weeks_min = 3;

/// How far is too far.
struct Deviation {
    double amount = 0;
    bool relative = false;
};

std::optional<Deviation> read_deviation(MapReader& map) {
    const ConfigNode* node = map.required("deviates");
    if (!node) return std::nullopt;
    const auto share = node->is_scalar() ? parse_percentage(node->text) : std::nullopt;
    const auto amount = share ? share : [&]() -> std::optional<double> {
        if (node->is_scalar() && node->text.ends_with('%')) {
            map.problem("deviates", fmt::format("`deviates` of {} is `{}`; expected a percentage "
                                                "such as 30%, or a number",
                                                map.what(), node->text));
            return std::nullopt;
        }
        return read_finite(map, "deviates");
    }();
    if (!amount) return std::nullopt;
    if (*amount > 0) return Deviation{*amount, share.has_value()};
    map.problem("deviates", fmt::format("`deviates` of {} is `{}`; expected more than 0",
                                        map.what(), node->text));
    return std::nullopt;
}

/// The averages of this hour, one, two, three and four weeks ago, told apart by a label.
///
///   now - 1w            now - 1w + 1h
///      │   ├ full hour      │           A subquery in steps of an hour looks at full hours only,
///   ───┴───┼────────────────┴──►        and one of them lies in any window of an hour: the end of
///      └── looked at here ──┘           the hour that `now` is in. The average looks back from it.
std::string same_hours(const Metric& metric) {
    std::string out;
    for (int i = 1; i <= weeks; ++i) {
        const std::string hour = fmt::format("last_over_time(avg_over_time({})[1h:1h] offset {})",
                                             metric.over(1h), format_duration(week * i - 1h));
        out += fmt::format("{}label_replace({}, \"_week\", \"{}\", \"\", \"\")",
                           i == 1 ? "" : " or ", hour, i);
    }
    // An hour with a NaN in it has no average.
    return fmt::format("({}) >= -Inf", out);
}

}  // namespace

std::optional<std::string> compile_baseline(const ConfigNode& key, Problems& problems,
                                            const std::string& what, promql::Features features) {
    MapReader map(key, problems, what);
    const auto metric = Metric::read(map, "metric", features);
    const auto deviates = read_deviation(map);
    const std::string direction = map.choice("direction", {"above", "below", "both"}, "both");
    if (!metric || !deviates) return std::nullopt;
    const std::string now = metric->now(), hours = same_hours(*metric);
    const std::string median = fmt::format("quantile without (_week) (0.5, {})", hours);
    const std::string known =
        fmt::format("({} and count without (_week) ({}) >= {})", median, hours, weeks_min);
    const std::string amount = number(deviates->amount);
    if (direction == "both" && deviates->relative)
        return fmt::format("{0} and abs({0} / {1} - 1) > {2}", now, known, amount);
    if (direction == "both") return fmt::format("{0} and abs({0} - {1}) > {2}", now, known, amount);
    const std::string beyond = direction == "above" ? "> " + amount : "< -" + amount;
    if (deviates->relative)
        return fmt::format("{0} and ({0} - {1}) / abs({2}) {3}", now, known, median, beyond);
    return fmt::format("{0} and {0} - {1} {2}", now, known, beyond);
}

}  // namespace vedette::rules
