#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "core/labels.h"
#include "rules/own_keys/compile.h"
#include "rules/own_keys/metric.h"

namespace vedette::rules {
namespace {

using namespace std::chrono_literals;

/// Fires when more than `factor` times the budget is spent over both.
struct BurnWindow {
    Milliseconds over_long{0}, over_short{0};
    double factor = 0;
    TextMap labels;
};

std::vector<BurnWindow> usual_windows() {
    return {{1h, 5min, 14.4, {}}, {6h, 30min, 6, {}}, {24h, 2h, 3, {}}, {72h, 6h, 1, {}}};
}

std::string window_name(const BurnWindow& window) {
    return fmt::format("{}/{} ×{}", format_duration(window.over_long),
                       format_duration(window.over_short), number(window.factor));
}

class Compiler {
public:
    Compiler(const ConfigNode& key, Problems& problems, const std::string& what,
             promql::Features features, const Rule& rule)
        : map_(key, problems, what), features_(features), rule_(rule) {}

    std::optional<std::string> compile() {
        good_ = Metric::read_selector(map_, "good", features_);
        total_ = Metric::read_selector(map_, "total", features_);
        const auto objective = read_objective();
        by_ = map_.strings("by");
        const std::size_t before = map_.problems().all().size();
        const auto windows = read_windows();
        for (const std::string& label : by_)
            if (label.empty() || !is_utf8(label) || label == metric_name_label)
                map_.problem("by", fmt::format("{} is not a valid label name", quote(label)));
        if (objective) check_factors(windows, *objective);
        map_.finish();
        if (map_.problems().all().size() > before || !good_ || !total_ || !objective)
            return std::nullopt;
        return join(windows, *objective);
    }

private:
    std::optional<double> read_objective() {
        const ConfigNode* node = map_.required("objective");
        if (!node) return std::nullopt;
        const auto share = node->is_scalar() ? parse_percentage(node->text) : std::nullopt;
        const auto value = share ? share : read_finite(map_, "objective");
        if (!value) return std::nullopt;
        if (*value > 0 && *value < 1) return value;
        map_.problem("objective", fmt::format("`objective` of {} is `{}`; expected a share of what "
                                              "is good between 0 and 1, or a percentage: 0.999 or "
                                              "99.9%",
                                              map_.what(), node->text));
        return std::nullopt;
    }

    std::vector<BurnWindow> read_windows() {
        const ConfigNode* node = map_.node("windows");
        if (!node) return usual_windows();
        std::vector<BurnWindow> out;
        map_.list("windows", [&](const ConfigNode& item) { read_window(item, out); });
        if (node->is_list() && node->items.empty())
            map_.problem("windows", fmt::format("`windows` of {} is empty; without it there are "
                                                "four, else one is needed",
                                                map_.what()));
        return out;
    }

    void read_window(const ConfigNode& item, std::vector<BurnWindow>& out) {
        MapReader map(item, map_.problems(),
                      fmt::format("window {} of {}", out.size() + 1, map_.what()));
        BurnWindow window;
        const std::size_t before = map.problems().all().size();
        for (const char* key : {"long", "short", "factor"}) map.required(key);
        window.over_long = read_positive(map, "long", 1h).value_or(1h);
        window.over_short = read_positive(map, "short", 5min).value_or(5min);
        window.factor = read_finite(map, "factor").value_or(1);
        window.labels = map.string_map("labels");
        if (map.problems().all().size() == before) {
            if (window.over_short >= window.over_long)
                map.problem("short", fmt::format("`short` of {} is {}; expected less than `long`, "
                                                 "{}",
                                                 map.what(), format_duration(window.over_short),
                                                 format_duration(window.over_long)));
            if (window.factor <= 0)
                map.problem("factor", fmt::format("`factor` of {} is {}; expected more than 0",
                                                  map.what(), number(window.factor)));
            check_labels(map, window);
        }
        out.push_back(std::move(window));
    }

    void check_labels(MapReader& map, const BurnWindow& window) {
        const ConfigNode* labels = map.node("labels");
        for (const auto& [name, value] : window.labels) {
            const ConfigNode& at = *labels->find(name);
            const auto same = [&, &label = name](const auto& own) { return own.first == label; };
            if (name.empty() || !is_utf8(name) || name == metric_name_label || !is_utf8(value))
                map.problems().add(at, fmt::format("{} is not a valid label name", quote(name)));
            else if (value.find("{{") != std::string::npos)
                map.problems().add(at,
                                   fmt::format("label {} of {} has a template; expected plain text",
                                               quote(name), map.what()));
            else if (std::any_of(rule_.labels.begin(), rule_.labels.end(), same))
                map.problems().add(at,
                                   fmt::format("label {} of {} is set by the rule's or the group's "
                                               "`labels` too, which would win; keep one of them",
                                               quote(name), map.what()));
            else if (std::find(by_.begin(), by_.end(), name) != by_.end())
                map.problems().add(at, fmt::format("label {} of {} stands in `by` too; keep one of "
                                                   "them",
                                                   quote(name), map.what()));
        }
    }

    void check_factors(const std::vector<BurnWindow>& windows, double objective) {
        for (const BurnWindow& window : windows) {
            if (window.factor * (1 - objective) < 1) continue;
            map_.problem(map_.node("windows") ? "windows" : "objective",
                         fmt::format("window {} of {} can never fire: it asks for {:.4g}% of "
                                     "failures; with this objective a factor is less than {:.4g}",
                                     window_name(window), map_.what(),
                                     window.factor * (1 - objective) * 100, 1 / (1 - objective)));
        }
    }

    std::string sum_of_rate(const Metric& counter, Milliseconds window) const {
        std::string by;
        for (const std::string& label : by_) by += (by.empty() ? "" : ", ") + label_name(label);
        return fmt::format("sum{}(rate({}))", by.empty() ? "" : " by (" + by + ") ",
                           counter.over(window));
    }

    /// The share of failures. What has no good one counts as all failed; no traffic is 0/0, and
    /// silent.
    std::string failed(Milliseconds window) const {
        const std::string total = sum_of_rate(*total_, window);
        return fmt::format("1 - ({} or 0 * {}) / {}", sum_of_rate(*good_, window), total, total);
    }

    std::string join(const std::vector<BurnWindow>& windows, double objective) const {
        std::set<std::string> named;
        for (const BurnWindow& window : windows)
            for (const auto& label : window.labels) named.insert(label_name(label.first));
        std::string ignored;
        for (const std::string& name : named) ignored += (ignored.empty() ? "" : ", ") + name;
        std::string out;
        for (const BurnWindow& window : windows) {
            const std::string most =
                fmt::format("{} * (1 - {})", number(window.factor), number(objective));
            std::string burns = fmt::format("({} > {} and {} > {})", failed(window.over_long), most,
                                            failed(window.over_short), most);
            for (const auto& [name, value] : window.labels)
                burns = fmt::format("label_replace({}, {}, {}, \"\", \"\")", burns, quote(name),
                                    quote(without_references(value)));
            // The first window that burns says the labels; the others are about the same.
            if (!out.empty())
                out += ignored.empty() ? " or " : fmt::format(" or ignoring ({}) ", ignored);
            out += burns;
        }
        return out;
    }

    /// `$` stands for a part of a match in a replacement, `$$` for itself.
    static std::string without_references(const std::string& text) {
        std::string out;
        for (const char c : text) out += c == '$' ? std::string("$$") : std::string(1, c);
        return out;
    }

    MapReader map_;
    promql::Features features_;
    const Rule& rule_;
    std::optional<Metric> good_, total_;
    std::vector<std::string> by_;
};

}  // namespace

std::optional<std::string> compile_burn_rate(const ConfigNode& key, Problems& problems,
                                             const std::string& what, promql::Features features,
                                             const Rule& rule) {
    return Compiler(key, problems, what, features, rule).compile();
}

}  // namespace vedette::rules
