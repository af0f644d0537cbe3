#include "rules/group_metrics.h"

#include <array>

namespace vedette::rules {
namespace {

using Type = MetricFamily::Type;

template <typename Field>
double sum(const GroupStatus& group, Field field) {
    double all = 0;
    for (const RuleStatus& rule : group.rules) all += static_cast<double>(field(rule));
    return all;
}

struct Row {
    const char* name;
    Type type;
    const char* help;
    double (*value)(const GroupStatus&);
};

constexpr std::array<Row, 9> rows{{
    {"prometheus_rule_evaluation_failures_total", Type::Counter,
     "Evaluations of the group's rules that failed.",
     [](const GroupStatus& g) { return sum(g, [](const RuleStatus& r) { return r.failures; }); }},
    {"prometheus_rule_evaluations_total", Type::Counter, "Evaluations of the group's rules.",
     [](const GroupStatus& g) {
         return sum(g, [](const RuleStatus& r) { return r.evaluations; });
     }},
    {"prometheus_rule_group_interval_seconds", Type::Gauge, "Time between evaluations.",
     [](const GroupStatus& g) { return static_cast<double>(g.interval.count()) / 1000; }},
    {"prometheus_rule_group_iterations_missed_total", Type::Counter,
     "Evaluations of the group that were skipped because they came too late.",
     [](const GroupStatus& g) { return static_cast<double>(g.missed); }},
    {"prometheus_rule_group_iterations_total", Type::Counter,
     "Evaluations of the group that were due, missed ones among them.",
     [](const GroupStatus& g) { return static_cast<double>(g.iterations + g.missed); }},
    {"prometheus_rule_group_last_duration_seconds", Type::Gauge, "Time the last evaluation took.",
     [](const GroupStatus& g) { return g.evaluation_seconds; }},
    {"prometheus_rule_group_last_evaluation_samples", Type::Gauge,
     "Samples that the last evaluation read.",
     [](const GroupStatus& g) {
         return sum(g, [](const RuleStatus& r) { return r.samples.value_or(0); });
     }},
    {"prometheus_rule_group_last_evaluation_timestamp_seconds", Type::Gauge,
     "The time of the last evaluation.",
     [](const GroupStatus& g) { return g.last_evaluation ? g.last_evaluation->seconds() : 0; }},
    {"prometheus_rule_group_rules", Type::Gauge, "Rules of the group.",
     [](const GroupStatus& g) { return static_cast<double>(g.rules.size()); }},
}};

}  // namespace

std::vector<MetricFamily> group_families(const std::vector<GroupStatus>& groups) {
    if (groups.empty()) return {};
    std::vector<MetricFamily> out;
    for (const Row& row : rows) {
        MetricFamily& family = out.emplace_back();
        family.name = row.name;
        family.type = row.type;
        family.help = row.help;
        for (const GroupStatus& group : groups) {
            MetricFamily::Point point;
            point.labels = Labels{{"rule_group", group.file + ";" + group.name}};
            point.value = row.value(group);
            family.points.push_back(std::move(point));
        }
    }
    return out;
}

}  // namespace vedette::rules
