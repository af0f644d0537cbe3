#include <catch2/catch.hpp>

#include "core/sample.h"
#include "probes/scrape/page/reader.h"
#include "tests/probes_scrape/page_text.h"

namespace vedette::scrape {
namespace {

std::string read_all(std::string_view page, PageFormat format) {
    PageReader reader(page, format);
    return text_of(reader, format);
}

}  // namespace

TEST_CASE("a text page is read as Prometheus reads it", "[scrape][page]") {
    const std::string page =
        "# HELP a_total Line one\\nline \\\\two\n"
        "# TYPE a_total counter\n"
        "# just words\n"
        "\n"
        "a_total 1\n"
        "  a_total{b=\"x\\\"y\\n\",} 2.5 1790000000000\n"
        "a_total {c = \"}{\" , d=\"\"}\t+Inf\t-5\n"
        "{\"a name.\", \"a label\"=\"ö\"} NaN\n"
        "last 1e3";
    CHECK(read_all(page, PageFormat::Text) ==
          "# a_total|Line one\nline \\two\n"
          "# a_total|counter\n"
          "a_total 1\n"
          "a_total{b=\"x\\\"y\\n\"} 2.5 @1790000000000\n"
          "a_total{c=\"}{\"} +Inf @-5\n"
          "{\"a name.\", \"a label\"=\"ö\"} NaN\n"
          "last 1000\n");
}

TEST_CASE("an OpenMetrics page is read with seconds, units and exemplars", "[scrape][page]") {
    const std::string page =
        "# TYPE a_seconds counter\n"
        "# UNIT a_seconds seconds\n"
        "# HELP a_seconds says \\\"x\\\"\n"
        "a_seconds_total{b=\"c\"} 3 1790000000.25 # {trace_id=\"}q\"} 0.5 1790000000\n"
        "a_seconds_created 1.5e9\n"
        "# EOF\n";
    CHECK(read_all(page, PageFormat::OpenMetrics) ==
          "# a_seconds|counter\n"
          "# a_seconds|seconds\n"
          "# a_seconds|says \"x\"\n"
          "a_seconds_total{b=\"c\"} 3 @1790000000250 # {trace_id=\"}q\"} 0.5 @1790000000000\n"
          "a_seconds_created 1.5e+09\n");
}

TEST_CASE("what is wrong on a page is said with its line", "[scrape][page]") {
    struct Row {
        const char* page;
        PageFormat format;
        const char* error;
    };
    const auto row = GENERATE(values<Row>({
        {"a 1\nb oops\n", PageFormat::Text,
         "line 2: \"oops\" is no value of \"b\"; expected a number"},
        {"a\n", PageFormat::Text, "line 1: \"a\" has no value"},
        {"a 0x1p3\n", PageFormat::Text,
         "line 1: \"0x1p3\" is no value of \"a\"; expected a number"},
        {"a 1 soon\n", PageFormat::Text,
         "line 1: \"soon\" is no time; expected milliseconds since 1970"},
        {"a 1 2 3\n", PageFormat::Text,
         "line 1: \"3\" after the sample; expected the end of the line"},
        {"a{b=\"c\" 1\n", PageFormat::Text,
         "line 1: the labels that open with `{` do not end; expected `}` in \"a{b=\\\"c\\\" 1\""},
        {"<html>\n", PageFormat::Text, "line 1: \"<html>\"; expected the name of a metric"},
        {"a{b=\"c\",b=\"d\"} 1\n", PageFormat::Text,
         "line 1: the label \"b\" stands twice in \"a{b=\\\"c\\\",b=\\\"d\\\"}\""},
        {"a{b} 1\n", PageFormat::Text, "line 1: \"}\" in \"a{b}\"; expected `=`"},
        {"{a=\"b\"} 1\n", PageFormat::Text, "line 1: \"{a=\\\"b\\\"}\" has no metric name"},
        {"a{b=\"\xff\"} 1\n", PageFormat::Text, "line 1: \"\\xff\" is not UTF-8"},
        {"a 1\n", PageFormat::OpenMetrics,
         "after line 1: the page ends without `# EOF`; expected it as the last line of "
         "OpenMetrics"},
        {"a 1\n\n# EOF\n", PageFormat::OpenMetrics,
         "line 2: an empty line, which OpenMetrics does not have"},
        {"# EOF\na 1\n", PageFormat::OpenMetrics, "line 2: text after `# EOF`"},
        {"# hello\n# EOF\n", PageFormat::OpenMetrics,
         "line 1: \"# hello\"; expected `# HELP`, `# TYPE`, `# UNIT` or `# EOF`"},
        {"# TYPE a conter\n# EOF\n", PageFormat::OpenMetrics,
         "\"conter\" is no type of a metric, in \"# TYPE a conter\""},
    }));
    CAPTURE(row.page);
    CHECK(read_all(row.page, row.format) == row.error);
}

TEST_CASE("a series that stands where it stood is taken without a look", "[scrape][page]") {
    PageReader reader("a{b=\"c\"} 1\nab 2\n", PageFormat::Text);
    CHECK(reader.next("a{b=\"c\"}")->text == "a{b=\"c\"}");
    // What merely begins the same is another series.
    CHECK(reader.next("a")->text == "ab");
}

}  // namespace vedette::scrape
