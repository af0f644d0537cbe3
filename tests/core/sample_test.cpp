#include "core/sample.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace vedette;

TEST_CASE("values print in each of Prometheus's three ways", "[core][sample]") {
    struct Row {
        double value;
        const char *exposition, *json, *expression;
    };
    const auto row = GENERATE(values<Row>({
        {0, "0", "0", "0"},
        {-0.0, "-0", "-0", "-0"},
        {1, "1", "1", "1"},
        {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004", "0.30000000000000004"},
        {999999, "999999", "999999", "999999"},
        {1e6, "1e+06", "1000000", "1000000"},
        {1234567, "1.234567e+06", "1234567", "1234567"},
        {1e21, "1e+21", "1e+21", "1e+21"},
        {999999999999999868928.0, "9.999999999999999e+20", "999999999999999900000",
         "999999999999999900000"},
        {0.0001, "0.0001", "0.0001", "0.0001"},
        {0.00001, "1e-05", "0.00001", "1e-05"},
        {0.000001, "1e-06", "0.000001", "1e-06"},
        {0.0000001, "1e-07", "1e-07", "1e-07"},
        {-2.5e-300, "-2.5e-300", "-2.5e-300", "-2.5e-300"},
        {INFINITY, "+Inf", "+Inf", "+Inf"},
        {-INFINITY, "-Inf", "-Inf", "-Inf"},
        {NAN, "NaN", "NaN", "NaN"},
    }));
    CAPTURE(row.value);
    CHECK(format_value(row.value) == row.exposition);
    CHECK(format_value(row.value, ValueStyle::Json) == row.json);
    CHECK(format_value(row.value, ValueStyle::Expression) == row.expression);
}

TEST_CASE("every printed value reads back to the same bits", "[core][sample]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 20000; ++i) {
        const double value = std::bit_cast<double>(random());
        if (std::isnan(value)) continue;
        for (const ValueStyle style :
             {ValueStyle::Exposition, ValueStyle::Json, ValueStyle::Expression}) {
            const std::string text = format_value(value, style);
            CAPTURE(text);
            REQUIRE(std::bit_cast<std::uint64_t>(parse_value(text).value()) ==
                    std::bit_cast<std::uint64_t>(value));
        }
    }
}

TEST_CASE("what Go's reader takes is taken and nothing else", "[core][sample]") {
    CHECK(parse_value("0x1p-2").value() == 0.25);
    CHECK(parse_value("+Infinity").value() == INFINITY);
    CHECK(parse_value("-inf").value() == -INFINITY);
    CHECK(std::isnan(parse_value("nan").value()));
    CHECK(parse_value(".5").value() == 0.5);
    CHECK(parse_value("1e-400").value() == 0);
    for (const char* bad :
         {"", "+", "-", "1 ", " 1", "1,5", "0x1", "+nan", "infx", "--1", "1e", "0x"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_value(bad).has_value());
    }
    CHECK(parse_value("1e400").error().message == R"(out of range: "1e400")");
    CHECK(parse_value("one").error().message == R"(not a number: "one")");
}

TEST_CASE("the stale marker is one NaN among many", "[core][sample]") {
    CHECK(is_stale(stale_marker()));
    CHECK_FALSE(is_stale(std::nan("")));
    CHECK(std::isnan(stale_marker()));
    Histogram ended;
    ended.sum = stale_marker();
    CHECK(is_stale(Value(std::make_shared<const Histogram>(ended))));
    CHECK_FALSE(is_stale(Value(std::make_shared<const Histogram>())));
}
