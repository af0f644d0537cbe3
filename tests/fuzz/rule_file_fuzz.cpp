#include <cstddef>
#include <cstdint>

#include "rules/alerting_rule.h"
#include "rules/rule_file.h"

/// Any text is either refused with a problem, or gives rules that can be run.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette;
    Problems problems;
    const auto groups = rules::read_rules(
        "f", std::string_view(reinterpret_cast<const char*>(data), size), problems);
    if (problems.any()) return 0;
    for (const auto& group : groups) {
        for (const auto& rule : group.rules) {
            if (!rule.expr) __builtin_trap();
            if (rule.kind == rules::Rule::Kind::Alerting) rules::AlertingRule(rule, "key");
        }
    }
    return 0;
}
