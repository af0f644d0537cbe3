#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "app/commands/commands.h"
#include "app/rule_lint.h"
#include "base/yaml.h"
#include "rules/own_keys/export.h"
#include "rules/rule_file.h"

namespace vedette::app {

namespace {

/// Says what is wrong with one file, in promtool's lines; problems are said with their place.
Exit check_one(const std::string& name, const ConfigNode& root, Problems& problems,
               bool find_duplicates, const rules::RuleReading& how) {
    fmt::print("Checking {}\n", name);
    const auto groups = rules::read_rules(root, problems, how);
    std::size_t rules = 0;
    for (const auto& group : groups) rules += group.rules.size();
    std::fflush(stdout);
    if (problems.any()) {
        fmt::print(stderr, "  FAILED:\n{}", problems.text());
        return Exit::Wrong;
    }
    const auto duplicates =
        find_duplicates ? rules::duplicate_rules(groups) : std::vector<rules::RuleName>();
    if (duplicates.empty())
        fmt::print("  SUCCESS: {} rules found\n{}", rules, rules::compiled_rules(groups));
    else
        print_duplicates(duplicates);
    fmt::print("\n");
    std::fflush(stdout);
    return duplicates.empty() ? Exit::Fine : Exit::LintOnly;
}

}  // namespace

Exit check_rules(const CheckOptions& options) {
    const bool find_duplicates = wants_duplicates(options.lint);
    rules::RuleReading how{rules::Dialect::Vedette, options.ignore_unknown_fields};
    how.features = read_features(options.features);
    bool wrong = false, lint = false;
    const auto note = [&](Exit one) {
        wrong = wrong || one == Exit::Wrong;
        lint = lint || one == Exit::LintOnly;
    };
    if (options.files.empty()) {
        const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
        Problems problems;
        const ConfigNode root = read_yaml("standard input", text, problems);
        note(check_one("standard input", root, problems, find_duplicates, how));
    }
    for (const std::string& file : options.files) {
        Problems problems;
        const ConfigNode root = read_yaml_file(file, problems);
        note(check_one(file, root, problems, find_duplicates, how));
    }
    if (wrong) return Exit::Wrong;
    return lint && options.lint_fatal ? Exit::LintOnly : Exit::Fine;
}

}  // namespace vedette::app
