#pragma once

#include <string>
#include <vector>

namespace vedette::rules::testing {

/// What became of one group of tests; fine when nothing failed.
struct TestCase {
    std::string name;
    std::vector<std::string> failures;
};

/// What became of one test file.
struct TestSuite {
    std::string file;
    std::string started;  ///< `2026-11-20T12:03:07`, local time; empty when it was never read
    std::vector<TestCase> cases;
    std::string aborted;  ///< why none of it could run; empty when it could
};

/// The results as JUnit XML, as promtool writes it.
std::string junit_xml(const std::vector<TestSuite>& suites);

}  // namespace vedette::rules::testing
