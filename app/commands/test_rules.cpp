#include <fmt/format.h>
#include <re2/re2.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <set>

#include "app/commands/commands.h"
#include "base/files.h"
#include "base/yaml.h"
#include "rules/testing/junit.h"
#include "rules/testing/test_run.h"

namespace vedette::app {

namespace {

using rules::testing::TestFile;
using rules::testing::TestSuite;

std::string local_time() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    localtime_r(&now, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts)};
}

std::string without_end(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

std::vector<std::string> texts_of(const Problems& problems) {
    std::vector<std::string> out;
    for (const Problem& problem : problems.all())
        if (!problem.warning) out.push_back(without_end(to_string(problem)));
    return out;
}

/// The rule files a test file names, those it can be run with.
struct RuleFiles {
    std::vector<rules::RuleGroup> groups;
    Problems problems;
    bool bad_pattern = false;
};

/// Whether its brackets close and its last backslash stands before something.
bool is_glob(std::string_view pattern) {
    bool inside = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '\\' && ++i == pattern.size()) return false;
        if (pattern[i] == '[') inside = true;
        if (pattern[i] == ']') inside = false;
    }
    return !inside;
}

RuleFiles read_rule_files(const TestFile& file, const rules::RuleReading& how) {
    RuleFiles out;
    const std::size_t slash = file.path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : file.path.substr(0, slash);
    for (const std::string& pattern : file.rule_files) {
        if (!is_glob(pattern)) {
            out.bad_pattern = true;
            return out;
        }
        const std::vector<std::string> paths = expand_glob(folder, pattern);
        if (paths.empty()) {
            const std::string whole =
                pattern.starts_with('/') || folder == "." ? pattern : folder + "/" + pattern;
            fmt::print(stderr, "  WARNING: no file match pattern {}\n", whole);
        }
        for (const std::string& path : paths) {
            const ConfigNode root =
                read_yaml_file(path.starts_with("./") ? path.substr(2) : path, out.problems);
            for (auto& group : rules::read_rules(root, out.problems, how))
                out.groups.push_back(std::move(group));
        }
    }
    return out;
}

std::string repeated(const std::vector<std::string>& names) {
    std::set<std::string> seen;
    for (const std::string& name : names)
        if (!seen.insert(name).second) return name;
    return {};
}

void print_line(const std::string& line) {
    fmt::print("{}\n", line);
}

/// Runs what `chosen` matches of one file (null: everything).
TestSuite run_file(const std::string& path, const TestOptions& options,
                   const promql::Features& features, const RE2* chosen) {
    TestSuite suite{path, {}, {}, {}};
    Problems problems;
    const TestFile file = rules::testing::read_test_file(read_yaml_file(path, problems), problems);
    if (problems.any()) {
        suite.aborted = without_end(problems.text());
        return suite;
    }
    suite.started = local_time();
    rules::RuleReading how{rules::Dialect::Vedette, options.ignore_unknown_fields};
    how.features = features;
    const RuleFiles rule_files = read_rule_files(file, how);
    if (rule_files.bad_pattern) {
        suite.aborted = "syntax error in pattern";
        return suite;
    }
    const std::string twice = repeated(file.group_eval_order);
    if (!twice.empty()) {
        suite.aborted = "group name repeated in evaluation order: " + twice;
        return suite;
    }
    rules::testing::TestSettings settings;
    settings.diff = options.diff;
    settings.features = features;
    if (options.debug) settings.debug = print_line;
    for (std::size_t i = 0; i < file.groups.size(); ++i) {
        const auto& group = file.groups[i];
        if (chosen && !RE2::PartialMatch(group.name, *chosen)) continue;
        const std::string name = group.name.empty() ? fmt::format("unnamed#{}", i) : group.name;
        auto failures =
            rule_files.problems.any()
                ? texts_of(rule_files.problems)
                : rules::testing::run_test_group(file, group, name, rule_files.groups, settings);
        suite.cases.push_back({name, std::move(failures)});
    }
    return suite;
}

/// Prints as promtool does; says whether the file was fine.
bool report(const TestSuite& suite) {
    std::vector<std::string> failures;
    if (!suite.aborted.empty()) failures.push_back(suite.aborted);
    for (const auto& one : suite.cases)
        failures.insert(failures.end(), one.failures.begin(), one.failures.end());
    if (failures.empty()) fmt::print("  SUCCESS\n");
    if (!failures.empty()) fmt::print(stderr, "  FAILED:\n");
    for (const std::string& failure : failures) {
        std::fflush(stdout);
        fmt::print(stderr, "{}\n", failure);
        fmt::print("\n");
    }
    fmt::print("\n");
    std::fflush(stdout);
    return failures.empty();
}

}  // namespace

Exit test_rules(const TestOptions& options) {
    std::string pattern;
    for (const std::string& one : options.run) pattern += (pattern.empty() ? "" : "|") + one;
    const RE2 chosen(pattern, RE2::Quiet);
    if (!chosen.ok()) {
        fmt::print(stderr, "--run: {} is no regular expression: {}\n", pattern, chosen.error());
        return Exit::Usage;
    }
    std::ofstream junit;
    if (!options.junit.empty()) {
        junit.open(options.junit, std::ios::binary);
        if (!junit) {
            fmt::print(stderr, "--junit: {} cannot be written: {}\n", options.junit,
                       std::strerror(errno));
            return Exit::Wrong;
        }
    }
    const promql::Features features = read_features(options.features);
    bool fine = true;
    std::vector<TestSuite> suites;
    for (const std::string& file : options.files) {
        suites.push_back(
            run_file(file, options, features, options.run.empty() ? nullptr : &chosen));
        fine = report(suites.back()) && fine;
    }
    if (!options.junit.empty()) {
        junit << rules::testing::junit_xml(suites);
        if (!junit.flush()) {
            fmt::print(stderr, "{}: cannot be written\n", options.junit);
            fine = false;
        }
    }
    return fine ? Exit::Fine : Exit::Wrong;
}

}  // namespace vedette::app
