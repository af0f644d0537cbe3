#pragma once

#include <functional>
#include <string>
#include <vector>

#include "promql/features.h"
#include "rules/testing/test_file.h"

namespace vedette::rules::testing {

struct TestSettings {
    bool diff = false;          ///< alerts are compared as coloured JSON
    promql::Features features;  ///< of expressions in the test file
    /// Told what `--debug` shows: when a test starts and ends, and every sample there was. Absent:
    /// nothing is told.
    std::function<void(const std::string& line)> debug;
};

/// Runs one group of tests: loads its series into a store in memory, winds a clock from 1970 on by
/// the file's evaluation interval, evaluates all rules at each step, and compares alerts and
/// expressions. Returns what failed, in promtool's words; nothing when all is well.
///
///   t = 0     1·interval   2·interval  …  the last eval_time
///   samples ─ rules ─ alerts expected in [t, t+interval)      then: expressions
///
/// `rule_groups` are all groups of the file's rule files, in their order.
std::vector<std::string> run_test_group(const TestFile& file, const TestGroup& group,
                                        const std::string& name,
                                        const std::vector<RuleGroup>& rule_groups,
                                        const TestSettings& settings);

}  // namespace vedette::rules::testing
