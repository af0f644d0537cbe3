#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/time.h"
#include "rules/rule_file.h"

/// promtool's unit tests of rules: the file as it is written.
namespace vedette::rules::testing {

struct ExpectedAlert {
    TextMap labels, annotations;
};

struct AlertTest {
    Milliseconds at{0};
    std::string alertname;  ///< empty: an error when the test runs, as in promtool
    std::vector<ExpectedAlert> expected;
};

struct ExpectedSample {
    std::string labels;  ///< `up{job="a"}`, read when the test runs
    double value = 0;
    std::string histogram;  ///< `{{schema:1 …}}`, instead of the value; empty for none
};

struct ExprTest {
    std::string expression;
    Milliseconds at{0};
    std::vector<ExpectedSample> expected;
};

struct InputSeries {
    std::string series, values;  ///< `up{job="a"}` and `1+1x5 stale`
};

struct TestGroup {
    std::string name;
    std::optional<Milliseconds> interval;  ///< between values of a series; absent: the file's
    std::vector<InputSeries> input;
    std::vector<AlertTest> alerts;
    std::vector<ExprTest> exprs;
    TextMap external_labels;
    std::string external_url;
};

struct TestFile {
    std::string path;
    std::vector<std::string> rule_files;  ///< globs, relative to the file's folder
    Milliseconds evaluation_interval = std::chrono::minutes(1);
    std::vector<std::string> group_eval_order;
    bool fuzzy_compare = false;  ///< neighbouring floats count as equal
    std::vector<TestGroup> groups;
};

/// Reads a test file strictly, unknown keys are problems.
TestFile read_test_file(const ConfigNode& root, Problems& problems);

}  // namespace vedette::rules::testing
