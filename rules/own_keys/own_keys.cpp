#include "rules/own_keys/own_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/labels.h"
#include "promql/syntax/parse.h"
#include "rules/own_keys/compile.h"
#include "rules/own_keys/metric.h"
#include "rules/own_keys/yaml_text.h"

namespace vedette::rules {
namespace {

/// The value in one line, in YAML's braces and brackets.
std::string in_one_line(const ConfigNode& node) {
    std::string out;
    switch (node.kind) {
        case ConfigNode::Kind::Null:
            return "null";
        case ConfigNode::Kind::Scalar: {
            // A plain scalar may not hold these inside of braces, nor break the line.
            const bool plain =
                !node.quoted && !node.text.empty() &&
                node.text.find_first_of("{}[],:#'\"\\\n\t&*!|>%@`") == std::string::npos;
            const bool percentage = !node.quoted && parse_percentage(node.text).has_value();
            return plain || percentage ? node.text : quoted_scalar(node.text);
        }
        case ConfigNode::Kind::List:
            for (const ConfigNode& item : node.items)
                out += (out.empty() ? "" : ", ") + in_one_line(item);
            return "[" + out + "]";
        case ConfigNode::Kind::Map:
            for (const ConfigNode::Entry& entry : node.entries)
                out += fmt::format(
                    "{}{}: {}", out.empty() ? "" : ", ",
                    is_classic_label_name(entry.key) ? entry.key : quoted_scalar(entry.key),
                    in_one_line(entry.value));
            return "{" + out + "}";
    }
    return out;
}

/// Where the key itself stands, not its value.
Mark mark_of(const ConfigNode& map, std::string_view key) {
    for (const ConfigNode::Entry& entry : map.entries)
        if (entry.key == key) return entry.mark;
    return map.mark;
}

class ConditionReader {
public:
    ConditionReader(MapReader& map, const Rule& rule, std::optional<Milliseconds> interval,
                    promql::Features features)
        : map_(map), rule_(rule), interval_(interval), features_(features) {}

    std::optional<OwnCondition> read() {
        for (const std::string_view key : own_keys) {
            if (map_.map().find(key) && !key_.empty())
                at(key, fmt::format("{} has both `{}` and `{}`; expected one of them", map_.what(),
                                    key_, key));
            else if (map_.map().find(key))
                key_ = key;
            map_.also_known({key});
        }
        const ConfigNode* absent_for = map_.map().find(absent_key);
        map_.also_known({absent_key});
        if (key_.empty() && !absent_for) return std::nullopt;
        check_neighbours(absent_for);
        OwnCondition out;
        if (key_.empty()) return out;
        out.written = fmt::format("{}: {}", key_, in_one_line(*map_.map().find(key_)));
        if (absent_for)
            out.written += fmt::format(", {}: {}", absent_key, in_one_line(*absent_for));
        out.expr = parse(compile(absent_for));
        return out;
    }

private:
    void at(std::string_view key, std::string message) {
        map_.problems().add(map_.map().file, mark_of(map_.map(), key), std::move(message));
    }

    void check_neighbours(const ConfigNode* absent_for) {
        const bool has_expr = map_.map().find("expr") != nullptr;
        if (absent_for && key_ != "threshold" && !has_expr)
            at(absent_key, fmt::format("`{}` of {} stands beside {}; expected it beside "
                                       "`threshold`",
                                       absent_key, map_.what(),
                                       key_.empty() ? "nothing" : fmt::format("`{}`", key_)));
        const std::string_view key = key_.empty() ? absent_key : key_;
        if (has_expr)
            at(key,
               fmt::format("{} has both `expr` and `{}`; expected one of them", map_.what(), key));
        if (rule_.kind == Rule::Kind::Recording)
            at(key, fmt::format("`{}` belongs to an alert, not to a recorded series", key));
    }

    std::optional<std::string> compile(const ConfigNode* absent_for) {
        const ConfigNode& node = *map_.map().find(key_);
        const std::string what = fmt::format("`{}` of {}", key_, map_.what());
        if (node.is_null()) {
            at(key_, fmt::format("{} is empty; expected a map", what));
            return std::nullopt;
        }
        Problems& problems = map_.problems();
        if (key_ == "forecast") return compile_forecast(node, problems, what, features_);
        if (key_ == "burn_rate") return compile_burn_rate(node, problems, what, features_, rule_);
        if (key_ == "baseline") return compile_baseline(node, problems, what, features_);
        std::optional<Milliseconds> absent;
        if (absent_for) absent = read_positive(map_, absent_key, Milliseconds(1));
        auto text =
            compile_threshold(node, problems, what, features_, rule_, interval_, absent);
        if (absent_for && !absent) return std::nullopt;
        return text;
    }

    std::shared_ptr<const promql::Expr> parse(const std::optional<std::string>& text) {
        if (!text) return nullptr;
        auto expr = promql::parse(*text, nullptr, features_);
        if (expr) return std::shared_ptr<const promql::Expr>(std::move(*expr));
        // The pieces were parsed before: what is left are the limits of a whole expression.
        at(key_, fmt::format("`{}` of {} compiles to an expression that is refused: {}", key_,
                             map_.what(), expr.error().message));
        return nullptr;
    }

    MapReader& map_;
    const Rule& rule_;
    std::optional<Milliseconds> interval_;
    promql::Features features_;
    std::string_view key_;
};

}  // namespace

bool has_own_key(const ConfigNode& rule) {
    return rule.find(absent_key) || std::any_of(own_keys.begin(), own_keys.end(), [&](auto key) {
               return rule.find(key) != nullptr;
           });
}

void refuse_own_keys(MapReader& rule) {
    const auto refuse = [&](std::string_view key) {
        if (!rule.map().find(key)) return;
        rule.also_known({key});
        rule.problems().add(rule.map().file, mark_of(rule.map(), key),
                            fmt::format("`{}` in {} is a key of Vedette's, not of Prometheus's; "
                                        "name this file under `vedette_rules` instead of "
                                        "`rule_files`",
                                        key, rule.what()));
    };
    for (const std::string_view key : own_keys) refuse(key);
    refuse(absent_key);
}

std::optional<OwnCondition> read_own_condition(MapReader& map, const Rule& rule,
                                               std::optional<Milliseconds> interval,
                                               promql::Features features) {
    return ConditionReader(map, rule, interval, features).read();
}

}  // namespace vedette::rules
