#include "rules/rule_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/yaml.h"
#include "core/labels.h"
#include "promql/syntax/parse.h"
#include "rules/alert_text.h"
#include "rules/own_keys/own_keys.h"

namespace vedette::rules {
namespace {

constexpr Milliseconds no_duration{0};

/// A UTF-8 label name that is not the metric name.
bool is_label_name(std::string_view name) {
    return !name.empty() && is_utf8(name) && name != metric_name_label;
}

/// What the rules of one group share.
struct GroupScene {
    RuleReading how;
    std::optional<Milliseconds> interval;
    TextMap labels;
};

/// Reports keys that nobody asked for, unless told not to.
void finish(MapReader& map, const RuleReading& how) {
    if (how.ignore_unknown_fields)
        for (const auto& entry : map.map().entries) map.also_known({entry.key});
    map.finish();
}

class RuleReader {
public:
    RuleReader(const ConfigNode& node, Problems& problems, std::string what,
               const GroupScene& group)
        : map_(node, problems, std::move(what)), group_(group) {}

    Rule read() {
        Rule rule;
        const std::string record = map_.string("record"), alert = map_.string("alert");
        rule.kind = alert.empty() ? Rule::Kind::Recording : Rule::Kind::Alerting;
        rule.name = alert.empty() ? record : alert;
        if (record.empty() && alert.empty())
            map_.problem("", fmt::format("{} needs `record` or `alert`", map_.what()));
        else if (!record.empty() && !alert.empty())
            map_.problem(
                "alert",
                fmt::format("{} has both `record` and `alert`; expected one of them", map_.what()));
        read_expression(rule);
        rule.holds.before_firing = map_.duration("for", no_duration);
        rule.holds.keep_firing = map_.duration("keep_firing_for", no_duration);
        rule.labels = read_texts("labels", "label");
        rule.annotations = read_texts("annotations", "annotation");
        if (rule.kind == Rule::Kind::Recording)
            check_recording(rule);
        else
            check_templates(rule);
        merge_group_labels(rule.labels);
        read_own_key(rule);
        finish(map_, group_.how);
        return rule;
    }

private:
    void read_expression(Rule& rule) {
        const ConfigNode* node = map_.node("expr");
        if (!node && !has_own_key(map_.map())) report_no_condition(rule);
        if (!node) return;
        const std::string text = scalar_string(*node, map_.problems(), "`expr`");
        if (text.empty()) {
            if (node->is_scalar()) map_.problem("expr", "an expression is needed, found nothing");
            return;
        }
        promql::ParseProblem problem;
        auto expr = promql::parse(text, &problem, group_.how.features);
        if (!expr) {
            std::string message = "could not parse expression: " + expr.error().message;
            if (!problem.advice.empty()) message += "; " + problem.advice;
            map_.problem("expr", message);
            return;
        }
        rule.expression = promql::print(**expr);
        rule.expr = std::shared_ptr<const promql::Expr>(std::move(*expr));
    }

    void report_no_condition(const Rule& rule) {
        const bool may_be_ours =
            group_.how.dialect == Dialect::Vedette && rule.kind == Rule::Kind::Alerting;
        if (!may_be_ours)
            map_.required("expr");
        else
            map_.problem("", fmt::format("{} has no `expr`, `threshold`, `forecast`, `burn_rate` "
                                         "or `baseline`",
                                         map_.what()));
    }

    void read_own_key(Rule& rule) {
        if (group_.how.dialect == Dialect::Prometheus) return refuse_own_keys(map_);
        auto own = read_own_condition(map_, rule, group_.interval, group_.how.features);
        if (!own) return;
        rule.own_key = std::move(own->written);
        if (own->expr) rule.expression = promql::print(*own->expr);
        rule.expr = std::move(own->expr);
    }

    TextMap read_texts(std::string_view key, std::string_view one) {
        TextMap texts = map_.string_map(key);
        const ConfigNode* node = map_.node(key);
        for (const auto& [name, value] : texts) {
            if (!is_label_name(name))
                report(node, name, fmt::format("{} is not a valid {} name", quote(name), one));
            else if (!is_utf8(value))
                report(node, name, fmt::format("the {} {} is not UTF-8", one, quote(name)));
        }
        std::sort(texts.begin(), texts.end());
        return texts;
    }

    void report(const ConfigNode* texts, const std::string& name, std::string message) {
        const ConfigNode* at = texts ? texts->find(name) : nullptr;
        map_.problems().add(at ? *at : map_.map(), std::move(message));
    }

    void check_recording(const Rule& rule) {
        for (const char* key : {"for", "keep_firing_for", "annotations"}) {
            const ConfigNode* node = map_.node(key);
            const bool given =
                node && (node->is_map() ? !node->entries.empty() : node->text != "0s");
            if (given)
                map_.problem(
                    key, fmt::format("`{}` belongs to an alert, not to a recorded series", key));
        }
        if (rule.name.find_first_of("{}") != std::string::npos)
            map_.problem("record",
                         fmt::format("{} has braces; expected a metric name (labels belong "
                                     "under `labels`)",
                                     quote(rule.name)));
        else if (!is_utf8(rule.name))
            map_.problem("record", fmt::format("{} is not a valid metric name", quote(rule.name)));
    }

    void check_templates(const Rule& rule) {
        for (const auto& [key, texts] :
             {std::pair{"labels", &rule.labels}, std::pair{"annotations", &rule.annotations}}) {
            for (const auto& [name, text] : *texts) {
                const auto compiled = AlertText::compile(rule.name, text);
                if (!compiled)
                    report(map_.node(key), name,
                           fmt::format("{} {}: {}",
                                       key == std::string("labels") ? "label" : "annotation",
                                       quote(name), compiled.error().message));
            }
        }
    }

    void merge_group_labels(TextMap& labels) const {
        for (const auto& one : group_.labels) {
            const auto same = [&](const auto& own) { return own.first == one.first; };
            if (std::none_of(labels.begin(), labels.end(), same)) labels.push_back(one);
        }
        std::sort(labels.begin(), labels.end());
    }

    MapReader map_;
    const GroupScene& group_;
};

std::string rule_title(const ConfigNode& node, std::size_t number) {
    for (const char* key : {"alert", "record"}) {
        const ConfigNode* name = node.find(key);
        if (name && name->is_scalar() && !name->text.empty())
            return fmt::format("{} {}", key == std::string("alert") ? "alert" : "recording rule",
                               quote(name->text));
    }
    return fmt::format("rule {}", number);
}

TextMap read_group_labels(MapReader& map) {
    TextMap labels = map.string_map("labels");
    for (const auto& [name, value] : labels) {
        if (!is_label_name(name) || !is_utf8(value))
            map.problem("labels", fmt::format("{} is not a valid label name", quote(name)));
    }
    return labels;
}

/// What a group of ours may say beside Prometheus's keys.
void read_own_group_keys(MapReader& map, RuleGroup& group, const RuleReading& how) {
    if (how.dialect == Dialect::Prometheus) {
        for (const char* key : {"evaluate", "catch_up"})
            if (map.node(key) && !how.ignore_unknown_fields)
                map.problem(key, fmt::format("`{}` is a key of Vedette's; expected the file under "
                                             "`vedette_rules`, not `rule_files`",
                                             key));
        return;
    }
    group.on_arrival =
        map.choice("evaluate", {"on_interval", "on_arrival"}, "on_interval") == "on_arrival";
    if (!map.node("catch_up")) return;
    group.catch_up = map.duration("catch_up", no_duration);
    if (group.catch_up > catch_up_max)
        map.problem("catch_up",
                    fmt::format("{} is too long to make up for; expected at most {}",
                                format_duration(group.catch_up), format_duration(catch_up_max)));
}

RuleGroup read_group(const ConfigNode& node, std::size_t number, Problems& problems,
                     const RuleReading& how) {
    RuleGroup group;
    const ConfigNode* named = node.find("name");
    const std::string what = named && named->is_scalar()
                                 ? fmt::format("group {}", quote(named->text))
                                 : fmt::format("group {}", number);
    MapReader map(node, problems, what);
    group.name = map.required_string("name");
    if (group.name.empty() && map.node("name")) map.problem("name", "a group needs a name");
    if (map.node("interval")) group.interval = map.duration("interval", no_duration);
    if (group.interval == no_duration) group.interval.reset();
    if (map.node("query_offset")) group.query_offset = map.duration("query_offset", no_duration);
    // Prometheus takes a negative limit, and means none.
    group.limit = static_cast<std::size_t>(
        std::max<std::int64_t>(0, map.integer("limit", 0, INT32_MIN, INT32_MAX)));
    read_own_group_keys(map, group, how);
    const GroupScene scene{how, group.interval, read_group_labels(map)};
    std::size_t rule_number = 0;
    map.list("rules", [&](const ConfigNode& rule) {
        ++rule_number;
        group.rules.push_back(
            RuleReader(rule, problems, rule_title(rule, rule_number), scene).read());
    });
    finish(map, how);
    return group;
}

}  // namespace

std::vector<RuleGroup> read_rules(const ConfigNode& root, Problems& problems,
                                  const RuleReading& how) {
    std::vector<RuleGroup> groups;
    if (root.is_null()) return groups;
    MapReader map(root, problems, "the rule file");
    std::set<std::string> names;
    map.list("groups", [&](const ConfigNode& node) {
        RuleGroup group = read_group(node, groups.size() + 1, problems, how);
        group.file = root.file ? root.file->name : "";
        if (!group.name.empty() && !names.insert(group.name).second)
            problems.add(node,
                         fmt::format("group {} stands in this file twice", quote(group.name)));
        groups.push_back(std::move(group));
    });
    finish(map, how);
    if (!how.warn_of_duplicates) return groups;
    for (const RuleName& twin : duplicate_rules(groups))
        problems.warn(root, fmt::format("{} stands here twice with the same labels; its series or "
                                        "alerts will be mixed up",
                                        quote(twin.first)));
    return groups;
}

std::vector<RuleGroup> read_rules(const std::string& name, std::string_view text,
                                  Problems& problems, const RuleReading& how) {
    const ConfigNode root = read_yaml(name, text, problems);
    return read_rules(root, problems, how);
}

std::vector<RuleName> duplicate_rules(const std::vector<RuleGroup>& groups) {
    std::map<RuleName, std::size_t> seen;
    for (const auto& group : groups)
        for (const auto& rule : group.rules) ++seen[{rule.name, rule.labels}];
    std::vector<RuleName> out;
    for (const auto& [name, times] : seen)
        if (times > 1) out.push_back(name);
    return out;
}

}  // namespace vedette::rules
