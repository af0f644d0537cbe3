#include "exporter/exposition_lint.h"

#include <catch2/catch.hpp>

namespace vedette::exporter {
namespace {

TEST_CASE("an exposition is read with its families, labels and times", "[exporter][exposition]") {
    const auto families = read_exposition(
        "# HELP h two \\\\ \\n lines\n# TYPE h histogram\nh_bucket{le=\"1\",a=\"b\\\"c\"} 1 12\n"
        "h_sum 2\nh_count 1\nother 16\n");
    REQUIRE(families.has_value());
    REQUIRE(families->size() == 2);
    const ExposedFamily& h = families->front();
    CHECK(h.name == "h");
    CHECK(h.help == "two \\ \n lines");
    CHECK(h.type == ExposedFamily::Type::Histogram);
    REQUIRE(h.samples.size() == 3);
    CHECK(h.samples[0].name == "h_bucket");
    CHECK(h.samples[0].labels ==
          std::vector<std::pair<std::string, std::string>>{{"le", "1"}, {"a", "b\"c"}});
    CHECK(h.samples[0].at_ms == 12);
    CHECK(families->back().samples[0].value == 16);
}

TEST_CASE("a broken exposition is refused with its line", "[exporter][exposition]") {
    const auto families = read_exposition("a 1\n\nb{x=\"1\" 2\n");
    REQUIRE_FALSE(families.has_value());
    CHECK(families.error().message ==
          "text format parsing error in line 3: unexpected end of label value \"1\"");
}

TEST_CASE("what was not cut short is read, every truncation is refused or shorter",
          "[exporter][exposition]") {
    const std::string text = "# HELP a x\n# TYPE a counter\na{b=\"c\"} 1 2\nd 3\n";
    for (std::size_t size = 0; size < text.size(); ++size) {
        const auto read = read_exposition(std::string_view(text).substr(0, size));
        CAPTURE(size);
        CHECK((!read || read->size() < 2));
    }
}

TEST_CASE("a buckets' bound is no label of its own", "[exporter][exposition]") {
    const auto families = read_exposition(
        "# HELP x_seconds how long\n# TYPE x_seconds histogram\nx_seconds_bucket{le=\"+Inf\"} 1\n"
        "x_seconds_sum 1\nx_seconds_count 1\n");
    REQUIRE(families.has_value());
    CHECK(lint_exposition(*families).empty());
    CHECK(cardinality_table(*families) ==
          "Metric       Cardinality    Percentage    \n"
          "x_seconds    3              100.00%       \n"
          "Total        3              100%          \n");
}

}  // namespace
}  // namespace vedette::exporter
