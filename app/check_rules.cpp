#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "app/commands.h"
#include "base/yaml.h"
#include "rules/own_keys/export.h"
#include "rules/rule_file.h"

namespace vedette::app {

namespace {

/// Which checks beyond correctness are wanted; unknown words are said and left out, as in promtool.
bool wants_duplicates(const std::string& words) {
    bool wanted = false;
    for (std::size_t begin = 0; begin <= words.size();) {
        const std::size_t end = std::min(words.find(',', begin), words.size());
        const std::string word = words.substr(begin, end - begin);
        begin = end + 1;
        if (word == "all" || word == "duplicate-rules")
            wanted = true;
        else if (word != "none")
            fmt::print("WARNING: unknown lint option: {}\n", quote(word));
    }
    return wanted;
}

void print_duplicates(const std::vector<rules::RuleName>& duplicates) {
    fmt::print(stderr, "  FAILED:\nlint error {} duplicate rule(s) found.\n", duplicates.size());
    for (const auto& [name, labels] : duplicates) {
        fmt::print(stderr, "Metric: {}\nLabel(s):\n", name);
        for (const auto& [label, value] : labels) fmt::print(stderr, "\t{}: {}\n", label, value);
    }
    fmt::print(stderr, "Might cause inconsistency while recording expressions\n");
}

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
