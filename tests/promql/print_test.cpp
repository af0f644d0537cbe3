#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "promql/syntax/parse.h"
#include "tests/promql/random_data.h"
#include "tests/promql/random_query.h"

using namespace vedette;
using namespace vedette::promql;

TEST_CASE("long queries are laid out as promtool lays them out", "[promql][print]") {
    std::ifstream file("tests/promql/recorded/pretty.json");
    const auto recorded = nlohmann::json::parse(file);
    REQUIRE(recorded["version"] == "3.5.3");
    for (const auto& row : recorded["cases"])
        CHECK(print_pretty(*parse(row["query"].get<std::string>()).value()) ==
              row["printed"].get<std::string>());
}

TEST_CASE("what is printed, on one line or on many, reads back as the same tree",
          "[promql][print]") {
    const auto seed = random_seed();
    CAPTURE(seed);
    RandomQuery random(seed);
    for (int i = 0; i < 3000; ++i) {
        const std::string text = random.query();
        CAPTURE(text);
        const Result<ExprPtr> expr = parse(text);
        if (!expr) FAIL(expr.error().message);
        const std::string line = print(**expr), page = print_pretty(**expr);
        CAPTURE(line, page);
        REQUIRE(parse(line));
        CHECK(same(**expr, *parse(line).value()));
        REQUIRE(parse(page));
        CHECK(same(**expr, *parse(page).value()));
    }
}
