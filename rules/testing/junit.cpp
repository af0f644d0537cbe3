#include "rules/testing/junit.h"

#include <fmt/format.h>

#include <string_view>

#include "base/template/builtins.h"

namespace vedette::rules::testing {
namespace {

/// As Go's encoding/xml writes text and attributes.
std::string escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '\t':
                out += "&#x9;";
                break;
            case '\n':
                out += "&#xA;";
                break;
            case '\r':
                out += "&#xD;";
                break;
            default:
                // Control characters have no place in XML.
                out += static_cast<unsigned char>(c) < 0x20
                           ? "\xef\xbf\xbd"
                           : template_builtins::escape_html({&c, 1});
        }
    }
    return out;
}

std::string case_xml(const TestCase& one) {
    std::string out = fmt::format("<testcase name=\"{}\">", escape(one.name));
    for (const auto& failure : one.failures)
        out += fmt::format("<failure>{}</failure>", escape(failure));
    return out + "</testcase>";
}

std::string suite_xml(const TestSuite& suite) {
    std::size_t failures = 0;
    for (const auto& one : suite.cases) failures += one.failures.size();
    const bool aborted = !suite.aborted.empty();
    std::string out = fmt::format(
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\" "
        "timestamp=\"{}\">",
        escape(suite.file), suite.cases.size() + (aborted ? 1 : 0), failures, aborted ? 1 : 0,
        suite.started);
    for (const auto& one : suite.cases) out += case_xml(one);
    if (aborted)
        out += fmt::format("<testcase name=\"unknown\"><error>{}</error></testcase>",
                           escape(suite.aborted));
    return out + "</testsuite>";
}

}  // namespace

std::string junit_xml(const std::vector<TestSuite>& suites) {
    std::string out = "<testsuites>";
    for (const auto& suite : suites) out += suite_xml(suite);
    return out + "</testsuites>";
}

}  // namespace vedette::rules::testing
