#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "promql/labels/go_sort.h"
#include "promql/labels/natural_order.h"

using namespace vedette::promql;

TEST_CASE("sorting as Go does sorts, whatever the lengths and patterns", "[promql][order]") {
    std::mt19937 random(7);
    for (int round = 0; round < 400; ++round) {
        std::vector<int> data(random() % 700);
        const unsigned values = 1 + random() % 40;
        for (int& value : data) value = static_cast<int>(random() % values);
        if (round % 4 == 0) std::sort(data.begin(), data.end());
        if (round % 8 == 0) std::reverse(data.begin(), data.end());
        std::vector<int> expected = data;
        std::sort(expected.begin(), expected.end());
        go_sort(data, [](int a, int b) { return a < b; });
        CHECK(data == expected);
    }
}

TEST_CASE("an order that contradicts itself loses no element", "[promql][order]") {
    std::mt19937 random(8);
    for (int round = 0; round < 200; ++round) {
        std::vector<int> data(random() % 300);
        for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<int>(i);
        const std::vector<int> expected = data;
        go_sort(data, [&](int, int) { return random() % 2 == 0; });
        std::sort(data.begin(), data.end());
        CHECK(data == expected);
    }
}

TEST_CASE("runs of digits count as numbers", "[promql][order]") {
    CHECK(natural_before("v1.9", "v1.10"));
    CHECK_FALSE(natural_before("v1.10", "v1.9"));
    CHECK(natural_before("a", "a1"));
    CHECK(natural_before("2", "10"));
    // What Prometheus's library makes of these contradicts itself.
    CHECK(natural_before("01", "1"));
    CHECK(natural_before("1", "01"));
    CHECK_FALSE(natural_before("", "a"));
    CHECK_FALSE(natural_before("a", ""));
}
