#include "promql/syntax/parse.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "promql/functions/functions.h"

using namespace vedette;
using namespace vedette::promql;

namespace {

std::string verdict(std::string_view query) {
    const Result<ExprPtr> expr = parse(query);
    return expr ? print(**expr) : expr.error().message;
}

}  // namespace

TEST_CASE(
    "every query reads, or is refused in the words and at the place, as Prometheus 3.5.3 has it",
    "[promql][parse]") {
    std::ifstream file("tests/promql/recorded/parse.json");
    const auto recorded = nlohmann::json::parse(file);
    REQUIRE(recorded["version"] == "3.5.3");
    for (const auto& row : recorded["cases"]) {
        const auto query = row["query"].get<std::string>();
        CAPTURE(query);
        CHECK(verdict(query) ==
              (row.contains("printed") ? row["printed"] : row["error"]).get<std::string>());
    }
}

TEST_CASE("random texts, good and broken, get the verdict that Prometheus 3.5.3 gives",
          "[promql][parse]") {
    std::ifstream file("tests/promql/recorded/verdicts.json");
    const auto recorded = nlohmann::json::parse(file);
    REQUIRE(recorded["version"] == "3.5.3");
    const Features all{.experimental_functions = true, .duration_expressions = true};
    for (const auto& row : recorded["cases"]) {
        const auto query = row["query"].get<std::string>();
        CAPTURE(query);
        const Features features = row["features"].get<bool>() ? all : Features();
        const Result<ExprPtr> expr = parse(query, nullptr, features);
        if (row.contains("error")) {
            CHECK((expr ? print(**expr) : expr.error().message) == row["error"].get<std::string>());
            continue;
        }
        if (!expr) FAIL(expr.error().message);
        const auto printed = row["printed"].get<std::string>();
        if (print_pretty(**expr) == printed) continue;
        // Only where Prometheus's own form reads back as another tree.
        CAPTURE(printed, print_pretty(**expr));
        const Result<ExprPtr> theirs = parse(printed, nullptr, features);
        CHECK(!(theirs && same(**theirs, **expr)));
        CHECK(same(*parse(print_pretty(**expr), nullptr, features).value(), **expr));
    }
}

TEST_CASE("where Prometheus's own printing loses something, ours does not", "[promql][parse]") {
    struct Row {
        const char *query, *printed;
    };
    const auto row = GENERATE(values<Row>({
        {R"(up * on ("a b", c) up)", R"(up * on ("a b", c) up)"},
        {"a * ignoring () group_left b", "a * ignoring () group_left () b"},
        {"1 / -0m", "1 / -0s"},
    }));
    CHECK(verdict(row.query) == row.printed);
}

TEST_CASE("arithmetic on durations is printed so that it reads back", "[promql][parse]") {
    const Features features{.duration_expressions = true};
    struct Row {
        const char *query, *printed;
    };
    const auto row = GENERATE(values<Row>({
        {"up[5m+1m*2]", "up[5m + 1m * 2]"},
        {"up[(5m)]", "up[5m]"},
        {"up[(5m+1):(30/2)] offset -(1+2)", "up[(5m + 1):(30 / 2)] offset -(1 + 2)"},
        {"up[(-2)^2]", "up[(-2) ^ 2]"},
        {"up[-2^2]", "up[-2 ^ 2]"},
        {"up offset (1m) + 2", "up offset (1m + 2)"},
        {"up offset (1m+2) * 3", "up offset (1m + 2) * 3"},
        {"up offset -(2)^3", "up offset (-2 ^ 3)"},
        {"up offset --2 + 3", "up offset (2 + 3)"},
        {"up offset 1m + 2", "up offset 1m + 2"},
        {"up[0.0001]", "up[0.0001]"},
    }));
    const Result<ExprPtr> expr = parse(row.query, nullptr, features);
    if (!expr) FAIL(expr.error().message);
    CHECK(print(**expr) == row.printed);
    CHECK(same(*parse(row.printed, nullptr, features).value(), **expr));
}

TEST_CASE("an offset of one number ends there, one in parentheses goes on", "[promql][parse]") {
    const Features features{.duration_expressions = true};
    CHECK(parse("up offset 1m + 2", nullptr, features).value()->as<Binary>() != nullptr);
    const ExprPtr longer = std::move(*parse("up offset (1m) + 2", nullptr, features));
    REQUIRE(longer->as<Selector>() != nullptr);
    CHECK(longer->as<Selector>()->shift.offset == std::chrono::seconds(62));
}

TEST_CASE("a duration that cannot be computed is read, and refused before anything is evaluated",
          "[promql][parse]") {
    const Features features{.duration_expressions = true};
    struct Row {
        const char *query, *why;
    };
    const auto row = GENERATE(values<Row>({
        {"up[1m - 2m]", "3:10: duration must be greater than 0"},
        {"up[5m:1 - 1]", "6:11: duration must be greater than 0"},
        {"up[1 / (1 - 1):1 % (2 - 2)]", "15:25: modulo by zero"},
        {"rate(up[1 % (1 - 1)])", "8:18: modulo by zero"},
    }));
    const Result<ExprPtr> expr = parse(row.query, nullptr, features);
    if (!expr) FAIL(expr.error().message);
    CHECK(check_durations(**expr).error().message == row.why);
}

TEST_CASE("features are switched on by Prometheus's names; others are spoken of", "[promql]") {
    Features features;
    CHECK(enable_features(features, "promql-duration-expr,,promql-delayed-name-removal").empty());
    CHECK(features == Features{.duration_expressions = true, .delayed_name_removal = true});
    CHECK(enable_features(features, "promql-per-step-stats,nonsense,use-uncached-io") ==
          std::vector<std::string>{
              "Unknown option for --enable-feature: \"nonsense\"",
              "--enable-feature=use-uncached-io changes nothing: files are read and written "
              "through the cache"});
    CHECK(features.per_step_stats);
}

TEST_CASE("an error is drawn below the text with what was expected", "[promql][parse]") {
    struct Row {
        const char *query, *picture;
    };
    const auto row = GENERATE(values<Row>({
        {"sum by job (up)",
         "sum by job (up)\n"
         "       ^^^ a label list needs parentheses: (job)"},
        {"rate(up)",
         "rate(up)\n"
         "     ^^ a range in brackets is missing, as in [5m]"},
        {"1 == 1",
         "1 == 1\n"
         "  ^^ == bool"},
        {"up{job=api}",
         "up{job=api}\n"
         "       ^^^ a label's value stands in quotes: \"api\""},
        {"sum(\n  up offset x\n)",
         "  up offset x\n"
         "            ^ unexpected identifier \"x\" in offset, expected number or duration"},
        {"1 +",
         "1 +\n"
         "   ^ unexpected end of input"},
    }));
    ParseProblem problem;
    REQUIRE(!parse(row.query, &problem));
    CHECK(problem.picture == row.picture);
}

TEST_CASE("a picture of a long line shows only the part around the error", "[promql][parse]") {
    ParseProblem problem;
    REQUIRE(!parse(std::string(5000, 'a') + " b" + std::string(5000, 'c'), &problem));
    CHECK(problem.picture.size() < 600);
    CHECK(problem.column == 5002);
}

TEST_CASE("nesting up to the limit reads, one more level is refused", "[promql][parse]") {
    const std::size_t most = limits::query_depth_max;
    const auto repeated = [](std::string_view text, std::size_t times) {
        std::string out;
        for (std::size_t i = 0; i < times; ++i) out += text;
        return out;
    };
    struct Row {
        const char *what, *open, *middle, *close;
    };
    const auto row = GENERATE(values<Row>({
        {"parentheses", "(", "x", ")"},
        {"signs", "-", "x", ""},
        {"calls", "abs(", "x", ")"},
        {"aggregations", "sum(", "x", ")"},
        {"a chain to the left", "", "x", "+x"},
        {"a chain to the right", "x^", "x", ""},
    }));
    CAPTURE(row.what);
    const auto nested = [&](std::size_t levels) {
        return repeated(row.open, levels) + row.middle + repeated(row.close, levels);
    };
    const Result<ExprPtr> deepest = parse(nested(most - 1));
    REQUIRE(deepest);
    CHECK(print(**deepest).size() >= most);
    const Result<ExprPtr> deeper = parse(nested(most));
    REQUIRE(!deeper);
    CHECK(deeper.error().fault == Fault::Limit);
    CHECK(deeper.error().message.find("query nests deeper than 5000 levels") != std::string::npos);
}

TEST_CASE("a text over a megabyte and a million open parentheses are refused, not crashed upon",
          "[promql][parse]") {
    CHECK(parse(std::string(limits::query_text_bytes_max + 1, ' ')).error().message ==
          "1:1: parse error: query is 1048577 bytes long, more than 1048576 are not read");
    CHECK(parse(std::string(1'000'000, '(')).error().message ==
          "1:5001: parse error: query nests deeper than 5000 levels");
}

TEST_CASE("every node knows its bytes", "[promql][parse]") {
    const std::string text = R"( sum by (a) (rate(x{b="c"}[5m] offset 1m)) / -(y) + 2 ^ 3m )";
    const auto expr = parse(text).value();
    std::vector<std::string> seen;
    const std::function<void(const Expr&)> walk = [&](const Expr& node) {
        seen.push_back(text.substr(node.at.begin, node.at.end - node.at.begin));
        if (const auto* binary = node.as<Binary>()) {
            walk(*binary->lhs);
            seen.push_back(
                text.substr(binary->op_at.begin, binary->op_at.end - binary->op_at.begin));
            walk(*binary->rhs);
        }
        if (const auto* aggregate = node.as<Aggregate>()) walk(*aggregate->expr);
        if (const auto* call = node.as<Call>())
            for (const auto& arg : call->args) walk(*arg);
        if (const auto* unary = node.as<Unary>()) walk(*unary->expr);
        if (const auto* paren = node.as<Paren>()) walk(*paren->expr);
    };
    walk(*expr);
    CHECK(seen ==
          std::vector<std::string>{R"(sum by (a) (rate(x{b="c"}[5m] offset 1m)) / -(y) + 2 ^ 3m)",
                                   R"(sum by (a) (rate(x{b="c"}[5m] offset 1m)) / -(y))",
                                   R"(sum by (a) (rate(x{b="c"}[5m] offset 1m)))",
                                   R"(rate(x{b="c"}[5m] offset 1m))", R"(x{b="c"}[5m] offset 1m)",
                                   "/", "-(y)", "(y)", "y", "+", "2 ^ 3m", "2", "^", "3m"});
}

TEST_CASE("a selector alone gives its matchers, anything else is refused", "[promql][parse]") {
    const auto matchers = parse_selector(R"({__name__=~"up|x",job!="a"})").value();
    REQUIRE(matchers.size() == 2);
    CHECK(matchers[0] == Matcher{Matcher::Op::Match, "__name__", "up|x"});
    CHECK(matchers[1] == Matcher{Matcher::Op::NotEqual, "job", "a"});
    // What Prometheus 3.5.3 says of `match[]`.
    const std::pair<const char*, const char*> refused[]{
        {"", "unknown position: parse error: unexpected end of input"},
        {" ", "1:2: parse error: unexpected end of input"},
        {"1", R"_(1:1: parse error: unexpected number "1")_"},
        {R"_(sum(x))_", R"_(1:4: parse error: unexpected "(")_"},
        {"x[5m]", R"_(1:2: parse error: unexpected "[")_"},
        {"x offset 5m", "1:3: parse error: unexpected <offset>"},
        {"x @ 1", R"_(1:3: parse error: unexpected "<Item 57400>" <op:@>)_"},
        {R"_("a")_", R"_(1:1: parse error: unexpected string "\"a\"")_"},
        {"x y", R"_(1:3: parse error: unexpected identifier "y")_"},
        {"x{", "1:3: parse error: unexpected end of input inside braces"},
        {R"_((x))_", R"_(1:1: parse error: unexpected "(")_"},
        {"-x", "1:1: parse error: unexpected <op:->"},
        {"x,", R"_(1:2: parse error: unexpected ",")_"},
        {"bool", "1:1: parse error: unexpected <bool>"},
        {R"_(on{a="b"})_", "1:1: parse error: unexpected <on>"},
        {"x{} offset", "1:5: parse error: unexpected <offset>"},
    };
    for (const auto& [text, why] : refused) {
        CAPTURE(text);
        CHECK(parse_selector(text).error().message == why);
    }
    for (const char* text : {"sum", "rate", "and", "by", "offset", "x#c"}) {
        CAPTURE(text);
        CHECK(parse_selector(text));
    }
}

TEST_CASE("the table of functions is in order, so that a name is found", "[promql][parse]") {
    for (const Function& function : all_functions())
        CHECK(find_function(function.name) == &function);
    CHECK(find_function("nope") == nullptr);
}
