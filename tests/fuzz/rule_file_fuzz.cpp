#include <cstddef>
#include <cstdint>

#include "rules/alerting_rule.h"
#include "rules/own_keys/export.h"
#include "rules/rule_file.h"

namespace {

using namespace vedette;

void run(const std::vector<rules::RuleGroup>& groups) {
    for (const auto& group : groups) {
        for (const auto& rule : group.rules) {
            if (!rule.expr) __builtin_trap();
            if (rule.kind == rules::Rule::Kind::Alerting) rules::AlertingRule(rule, "key");
        }
    }
}

/// What is exported are the same rules, for Prometheus.
void export_and_read(const std::vector<rules::RuleGroup>& groups) {
    Problems problems;
    const auto again = rules::read_rules("f", rules::export_rules(groups), problems);
    if (problems.any() || again.size() != groups.size()) __builtin_trap();
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (again[i].name != groups[i].name) __builtin_trap();
        if (again[i].rules.size() != groups[i].rules.size()) __builtin_trap();
        for (std::size_t k = 0; k < groups[i].rules.size(); ++k) {
            const rules::Rule &a = groups[i].rules[k], &b = again[i].rules[k];
            if (a.name != b.name || a.expression != b.expression || a.labels != b.labels ||
                a.annotations != b.annotations)
                __builtin_trap();
        }
    }
}

}  // namespace

/// Any text is either refused with a problem, or gives rules that can be run; and a file with keys
/// of ours exports to one without.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Problems problems, own_problems;
    const auto groups = rules::read_rules("f", text, problems);
    if (!problems.any()) run(groups);
    const auto own = rules::read_rules("f", text, own_problems, rules::Dialect::Vedette);
    if (own_problems.any()) return 0;
    run(own);
    export_and_read(own);
    return 0;
}
