#include <fmt/format.h>

#include <array>
#include <set>

#include "core/labels.h"
#include "rules/own_keys/compile.h"
#include "rules/own_keys/metric.h"
#include "rules/own_keys/own_keys.h"

namespace vedette::rules {
namespace {

using namespace std::chrono_literals;

/// How long a series that vanished is remembered after `absent_for`; then it counts as retired.
constexpr Milliseconds absent_kept = 24h;

/// How far back Prometheus looks for the ALERTS of the evaluation before.
constexpr Milliseconds lookback = 5min;

/// A level, or a pair of them for `outside`.
struct Limit {
    enum class Side { Above, Below, Outside };
    Side side = Side::Above;
    double low = 0, high = 0;  ///< the same but for Outside
};

std::string beyond(const Metric& metric, const Limit& limit) {
    const std::string now = metric.now();
    switch (limit.side) {
        case Limit::Side::Above:
            return fmt::format("{} > {}", now, number(limit.high));
        case Limit::Side::Below:
            return fmt::format("{} < {}", now, number(limit.low));
        case Limit::Side::Outside:
            break;
    }
    return fmt::format("({0} < {1} or {0} > {2})", now, number(limit.low), number(limit.high));
}

class Reader {
public:
    Reader(const ConfigNode& key, Problems& problems, const std::string& what)
        : map_(key, problems, what) {}

    std::optional<Metric> metric(promql::Features features) {
        return Metric::read(map_, "metric", features);
    }

    std::optional<Limit> limit() {
        static constexpr std::array sides{std::pair{"above", Limit::Side::Above},
                                          std::pair{"below", Limit::Side::Below},
                                          std::pair{"outside", Limit::Side::Outside}};
        std::string_view given;
        std::optional<Limit> out;
        for (const auto& [key, side] : sides) {
            if (!map_.node(key)) continue;
            if (!given.empty()) {
                map_.problem(key, fmt::format("{} has both `{}` and `{}`; expected one of `above`, "
                                              "`below`, `outside: [low, high]`",
                                              map_.what(), given, key));
                return std::nullopt;
            }
            given = key;
            out = levels(key, side);
        }
        if (given.empty() && map_.map().is_map())
            map_.problem("",
                         fmt::format("{} needs one of `above`, `below`, `outside`", map_.what()));
        return out;
    }

    bool wants_recover() { return map_.node("recover") != nullptr; }

    /// On the quiet side of `limit`.
    std::optional<Limit> recover(const Limit& limit) {
        const auto out = levels("recover", limit.side);
        if (!out) return std::nullopt;
        const auto wrong = [&](std::string_view expected) {
            map_.problem("recover", fmt::format("`recover` of {} is {}; expected {}", map_.what(),
                                                shown(*out), expected));
            return std::nullopt;
        };
        switch (limit.side) {
            case Limit::Side::Above:
                if (out->high < limit.high) return out;
                return wrong(fmt::format("less than `above`, {}", number(limit.high)));
            case Limit::Side::Below:
                if (out->low > limit.low) return out;
                return wrong(fmt::format("more than `below`, {}", number(limit.low)));
            case Limit::Side::Outside:
                break;
        }
        if (out->low > limit.low && out->high < limit.high) return out;
        return wrong(fmt::format("a pair inside of `outside`, {}", shown(limit)));
    }

    MapReader& map() { return map_; }

private:
    static std::string shown(const Limit& limit) {
        if (limit.side != Limit::Side::Outside) return number(limit.high);
        return fmt::format("[{}, {}]", number(limit.low), number(limit.high));
    }

    std::optional<Limit> levels(std::string_view key, Limit::Side side) {
        if (side == Limit::Side::Outside) return pair(key);
        const auto value = read_finite(map_, key);
        if (!value) return std::nullopt;
        return Limit{side, *value, *value};
    }

    std::optional<Limit> pair(std::string_view key) {
        const ConfigNode& node = *map_.node(key);
        if (!node.is_list() || node.items.size() != 2) {
            map_.problem(
                key, fmt::format("`{}` of {} needs two numbers: [low, high]", key, map_.what()));
            return std::nullopt;
        }
        std::array<double, 2> ends{};
        for (std::size_t i = 0; i < 2; ++i) {
            const std::size_t before = map_.problems().all().size();
            ends[i] = scalar_number(node.items[i], map_.problems(),
                                    fmt::format("an end of `{}` of {}", key, map_.what()), 0);
            if (map_.problems().all().size() > before) return std::nullopt;
        }
        if (ends[0] < ends[1]) return Limit{Limit::Side::Outside, ends[0], ends[1]};
        map_.problem(key, fmt::format("`{}` of {} is [{}, {}]; expected the lower one first", key,
                                      map_.what(), number(ends[0]), number(ends[1])));
        return std::nullopt;
    }

    MapReader map_;
};

/// Joins what is on the alert's labels with the alert's own ALERTS of the evaluation before. Labels
/// that the rule sets are ignored, for the metric has not got them (or has others in their place);
/// those without templates tell this rule's alerts from those of others with the same name.
std::string while_firing(const std::string& holds, const Rule& rule) {
    std::set<std::string> ignored{"alertname", "alertstate"};
    std::string matchers = fmt::format("alertname={}, alertstate=\"firing\"", quote(rule.name));
    for (const auto& [name, text] : rule.labels) {
        if (!ignored.insert(name).second) continue;
        if (text.find("{{") == std::string::npos)
            matchers += fmt::format(", {}={}", label_name(name), quote(text));
    }
    std::string names;
    for (const std::string& name : ignored) names += (names.empty() ? "" : ", ") + label_name(name);
    return fmt::format("({} and ignoring ({}) ALERTS{{{}}})", holds, names, matchers);
}

/// A series that was there in the last day and is no more; and, when there was none at all, what
/// the selector's labels say of it. There is no value, and none is made up.
std::string absent(const Metric& metric, Milliseconds absent_for) {
    const std::string memory = metric.over(absent_for + absent_kept);
    return fmt::format(
        "((present_over_time({0}) unless present_over_time({1})) * NaN) or "
        "(absent_over_time({0}) * NaN)",
        memory, metric.over(absent_for));
}

}  // namespace

std::optional<std::string> compile_threshold(const ConfigNode& key, Problems& problems,
                                             const std::string& what, promql::Features features,
                                             const Rule& rule,
                                             std::optional<Milliseconds> interval,
                                             std::optional<Milliseconds> absent_for) {
    Reader reader(key, problems, what);
    const auto metric = reader.metric(features);
    const auto limit = reader.limit();
    const bool wants_recover = reader.wants_recover();
    const auto recover = wants_recover && limit ? reader.recover(*limit) : std::nullopt;
    if (wants_recover && interval && *interval >= lookback)
        reader.map().problem(
            "recover", fmt::format("`recover` of {} needs the evaluation before this one, which is "
                                   "looked for up to 5m back; expected a group with an `interval` "
                                   "of less, found {}",
                                   what, format_duration(*interval)));
    if (const ConfigNode* inside = reader.map().map().find(absent_key)) {
        reader.map().also_known({absent_key});
        problems.add(*inside, fmt::format("`{}` stands in {}; expected it beside `threshold`",
                                          absent_key, what));
    }
    if (!metric || !limit || (wants_recover && !recover)) return std::nullopt;
    std::string out = beyond(*metric, *limit);
    if (recover) out += " or " + while_firing(beyond(*metric, *recover), rule);
    if (absent_for) out += " or " + absent(*metric, *absent_for);
    return out;
}

}  // namespace vedette::rules
