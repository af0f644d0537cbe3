#include "promql/series_notation.h"

#include <catch2/catch.hpp>

#include "core/histogram.h"

using namespace vedette;
using namespace vedette::promql;

namespace {

/// All values on one line, `_` for none.
std::string shown(const Result<std::vector<std::optional<Value>>>& values) {
    if (!values) return values.error().message;
    std::string out;
    for (const auto& value : *values) {
        if (!out.empty()) out += ' ';
        if (!value)
            out += '_';
        else if (is_stale(*value))
            out += "stale";
        else if (const double* number = std::get_if<double>(&*value))
            out += format_value(*number);
        else
            out += histogram_notation(*std::get<HistogramRef>(*value));
    }
    return out;
}

}  // namespace

TEST_CASE("the notation of rule tests gives one value an interval", "[promql][notation]") {
    struct Row {
        const char *text, *values;
    };
    const auto row = GENERATE(values<Row>({
        {"", ""},
        {"1 2.5 -3e2 +4 .5", "1 2.5 -300 4 0.5"},
        {"Inf +Inf -Inf NaN", "+Inf +Inf -Inf NaN"},
        {"1+2x3", "1 3 5 7"},
        {"10-2.5x2", "10 7.5 5"},
        {"-2-1x1", "-2 -3"},
        {"5x2", "5 5 5"},
        {"0x2", "0 0 0"},
        {"_", "_"},
        {"1 _x2 3", "1 _ _ 3"},
        {"_x0 1", "1"},
        {"stale 1 stale", "stale 1 stale"},
        {"  1\t2\n3 ", "1 2 3"},
        {"1e1+1e-1x1", "10 10.1"},
        {"{{}}", "{{}}"},
        {"{{schema:1 count:4 sum:2.5 z_bucket:1 z_bucket_w:0.01 buckets:[1 0 2] offset:-1}}",
         "{{schema:1 count:4 sum:2.5 z_bucket:1 z_bucket_w:0.01 offset:-1 buckets:[1 0 2]}}"},
        {"{{n_buckets:[1 2 ] n_offset:3 counter_reset_hint:gauge}}",
         "{{counter_reset_hint:gauge n_offset:3 n_buckets:[1 2]}}"},
        {"{{buckets:[0 0 1 0]}}", "{{offset:2 buckets:[1]}}"},
        {"{{schema:-53 sum:+Inf custom_values:[5 10] buckets:[1 4]}}",
         "{{schema:-53 sum:+Inf custom_values:[5 10] buckets:[1 4]}}"},
        {"{{count:1}}x1 1 {{}}", "{{count:1}} {{count:1}} 1 {{}}"},
        {"{{count:1 buckets:[1]}}+{{count:2 buckets:[0 2]}}x2",
         "{{count:1 buckets:[1]}} {{count:3 buckets:[1 2]}} {{count:5 buckets:[1 4]}}"},
        {"{{count:5 sum:-1}}-{{count:2}}x1", "{{count:5 sum:-1}} {{count:3 sum:-1}}"},
    }));
    CAPTURE(row.text);
    CHECK(shown(parse_series_values(row.text)) == row.values);
}

TEST_CASE("what cannot be read in the notation is named with its place", "[promql][notation]") {
    struct Row {
        const char *text, *error;
    };
    const auto row = GENERATE(values<Row>({
        {"1 x", "character 3: expected a number, found \"x\""},
        {"1,2", "character 2: expected a space before the next value, found \",\""},
        {"1+2", "character 4: expected `x` and how many times it grows, found the end"},
        {"1x", "character 3: expected how many times, found the end"},
        {"1 bogus", "character 3: expected a number, found \"b\""},
        {"{{count:1", "character 10: expected a space or `}}`, found the end"},
        {"{{count 1}}", "character 8: expected `:` after \"count\", found \" \""},
        {"{{cnt:1}}", "character 3: bad histogram descriptor found: \"cnt\""},
        {"{{sum:1 sum:2}}", "duplicate key \"sum\" in histogram"},
        {"{{buckets:1}}", "character 11: expected a list in brackets, found \"1\""},
        {"{{schema:9}}",
         "character 11: expected a schema of -4 to 8, or -53, before this, found \"}\""},
        {"{{schema:0.5}}", "character 11: expected a space or `}}`, found \".\""},
        {"{{counter_reset_hint:maybe}}",
         "character 27: expected unknown, reset, not_reset or gauge before this, found \"}\""},
        {"{{schema:1}}+{{schema:0}}x1",
         "error combining histograms: cannot merge from schema 0 to 1"},
        {"{{schema:-53 custom_values:[1]}}+{{schema:-53 custom_values:[2]}}x1",
         "cannot apply this operation on custom buckets histograms with different custom bounds"},
        {"1x99999999", "character 11: a series has at most 2000000 values"},
    }));
    CAPTURE(row.text);
    CHECK(shown(parse_series_values(row.text)) == row.error);
}

TEST_CASE("a histogram alone is read, and nothing behind it", "[promql][notation]") {
    CHECK(parse_histogram(" {{count:2}} ").value()->count == 2);
    CHECK(parse_histogram("{{}} 1").error().message ==
          "character 6: expected nothing behind the histogram, found \"1\"");
    CHECK(parse_histogram("1").error().message ==
          "character 1: expected a histogram in double braces, found \"1\"");
}
