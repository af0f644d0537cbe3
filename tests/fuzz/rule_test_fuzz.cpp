#include <cstddef>
#include <cstdint>

#include "base/yaml.h"
#include "rules/testing/test_run.h"

/// Any text is either refused with a problem, or its tests run to an end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette;
    using namespace vedette::rules;
    Problems problems;
    static const auto groups = read_rules("rules", R"(groups:
- name: g
  rules: [{record: r, expr: 'sum(up)'}, {alert: A, expr: 'up > 0', for: 1m, annotations: {s: '{{ $value }}'}}]
)",
                                          problems);
    const auto file = testing::read_test_file(
        read_yaml("f", std::string_view(reinterpret_cast<const char*>(data), size), problems),
        problems);
    if (problems.any()) return 0;
    for (const auto& group : file.groups) {
        Milliseconds last{0};
        for (const auto& test : group.alerts) last = std::max(last, test.at);
        for (const auto& test : group.exprs) last = std::max(last, test.at);
        // Long tests are no finding.
        if (last / file.evaluation_interval > 50) continue;
        testing::TestSettings settings;
        settings.diff = size % 2 == 0;
        (void)testing::run_test_group(file, group, "f", groups, settings);
    }
    return 0;
}
