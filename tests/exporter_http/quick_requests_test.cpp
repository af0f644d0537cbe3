#include "exporter/http/quick_requests.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace vedette::http;
using namespace std::chrono_literals;

TEST_CASE("what was quick three times in a row is answered in the loop, until it is slow once") {
    constexpr auto quick = QuickRequests::quick;
    struct Row {
        const char* sentence;
        std::vector<std::chrono::nanoseconds> took;
        bool here;
    };
    const std::vector<Row> rows = {
        {"never asked", {}, false},
        {"quick twice is not enough", {1us, 1us}, false},
        {"quick three times", {1us, 1us, 1us}, true},
        {"the bound itself is quick", {quick, quick, quick}, true},
        {"a nanosecond more is not", {quick, quick, quick + 1ns}, false},
        {"slow once, and it begins anew", {1us, 1us, 1us, 1s, 1us, 1us}, false},
        {"and is trusted again after three more", {1us, 1us, 1us, 1s, 1us, 1us, 1us}, true},
        {"slow between quick ones", {1us, 1s, 1us, 1us, 1s, 1us}, false},
    };
    for (const Row& row : rows) {
        INFO(row.sentence);
        QuickRequests requests;
        const std::uint64_t key = QuickRequests::key_of("/api/v1/query", "query=up", "");
        for (const auto time : row.took) requests.took(key, time);
        CHECK(requests.is_quick(key) == row.here);
    }
}

TEST_CASE("another path, another parameter or another body is another request") {
    const std::uint64_t key = QuickRequests::key_of("/a", "query=up", "x");
    CHECK(QuickRequests::key_of("/a", "query=up", "x") == key);
    CHECK(QuickRequests::key_of("/b", "query=up", "x") != key);
    CHECK(QuickRequests::key_of("/a", "query=up1", "x") != key);
    CHECK(QuickRequests::key_of("/a", "query=up", "") != key);
    CHECK(QuickRequests::key_of("/a", "x", "query=up") != key);
}

TEST_CASE("of two requests that share a place the one asked last is remembered") {
    QuickRequests requests;
    const std::uint64_t one = 5, other = 5 + 1024;
    for (int i = 0; i < 3; ++i) requests.took(one, 1us);
    REQUIRE(requests.is_quick(one));
    CHECK_FALSE(requests.is_quick(other));
    requests.took(other, 1us);
    CHECK_FALSE(requests.is_quick(one));
    for (int i = 0; i < 2; ++i) requests.took(other, 1us);
    CHECK(requests.is_quick(other));
}
