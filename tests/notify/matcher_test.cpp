#include "notify/matcher.h"

#include <catch2/catch.hpp>

using namespace vedette;
using namespace vedette::notify;

TEST_CASE("matchers are read in the new spelling and in the old", "[notify]") {
    struct Row {
        const char* text;
        const char* printed;
    };
    const auto row = GENERATE(values<Row>({
        {R"(severity="critical")", R"({severity="critical"})"},
        {R"(severity=critical)", R"({severity="critical"})"},
        {R"({b=~"x|y", a != z,})", R"({a!="z",b=~"x|y"})"},
        {R"(a="x",b!~"y.*")", R"({a="x",b!~"y.*"})"},
        {R"( a = "quo\"te\\n\n" )", R"({a="quo\"te\\n\n"})"},
        {R"("größe"="a b")", R"({"größe"="a b"})"},
        {R"(größe=x)", R"({"größe"="x"})"},
        {R"(a=)", R"({a=""})"},
        {R"(a="")", R"({a=""})"},
        {R"(summary=disk is full)", R"({summary="disk is full"})"},
        {R"({})", R"({})"},
        {R"()", R"({})"},
    }));
    CAPTURE(row.text);
    const auto parsed = parse_matchers(row.text);
    REQUIRE(parsed);
    CHECK(to_string(*parsed) == row.printed);
    CHECK(to_string(*parse_matchers(row.printed)) == row.printed);
}

TEST_CASE("a bad matcher says where and what was expected", "[notify]") {
    struct Row {
        const char* text;
        const char* error;
    };
    const auto row = GENERATE(values<Row>({
        {R"(severity)", "matcher `severity`, position 9: expected one of = != =~ !~"},
        {R"(="x")", "matcher `=\"x\"`, position 1: expected a label name"},
        {R"(a="x)", "matcher `a=\"x`, position 5: expected a closing quote"},
        {R"(a="\q")",
         "matcher `a=\"\\q\"`, position 5: unknown escape; \\n \\t \\r \\\" \\\\ are known"},
        {R"({a="x")", "matcher `{a=\"x\"`, position 7: expected `}` or `,`"},
        {R"(a="x" b="y")", "matcher `a=\"x\" b=\"y\"`, position 7: expected the end"},
        {R"(a=~"(")", "pattern \"(\" of label `a`: missing ): ("},
    }));
    CAPTURE(row.text);
    const auto parsed = parse_matchers(row.text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message == row.error);
    CHECK(parsed.error().fault == Fault::BadInput);
}

TEST_CASE("a pattern matches the whole value, and a missing label is the empty value", "[notify]") {
    const Labels labels = {{"job", "checkout"}};
    struct Row {
        const char* matcher;
        bool holds;
    };
    const auto row = GENERATE(values<Row>({
        {"job=checkout", true},
        {"job=check", false},
        {R"(job=~"check.*")", true},
        {R"(job=~"check")", false},
        {R"(job=~"a|checkout")", true},
        {R"(job!~"check")", true},
        {R"(job!=checkout)", false},
        {R"(team="")", true},
        {R"(team=~".*")", true},
        {R"(team=~".+")", false},
        {R"(team!=ops)", true},
    }));
    CAPTURE(row.matcher);
    CHECK(match_all(*parse_matchers(row.matcher), labels) == row.holds);
}

TEST_CASE("what a matcher prints is read back, control characters too", "[notify]") {
    for (const std::string& text :
         {std::string("(=\x0e"), std::string("a=\"line\\nquote\\\"back\\\\\""),
          std::string("\"my label\"!~\"x|y\"")}) {
        CAPTURE(text);
        const auto parsed = parse_matchers(text);
        REQUIRE(parsed);
        const std::string printed = to_string(*parsed);
        const auto again = parse_matchers(printed);
        REQUIRE(again);
        CHECK(to_string(*again) == printed);
    }
}
