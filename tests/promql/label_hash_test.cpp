#include "promql/labels/label_hash.h"

#include <catch2/catch.hpp>
#include <string>

using namespace vedette;
using namespace vedette::promql;

TEST_CASE("XXH64 gives the published values", "[promql][hash]") {
    CHECK(xxh64("") == 0xef46db3751d8e999);
    CHECK(xxh64("a") == 0xd24ec4f1a98c6e5b);
    CHECK(xxh64("abc") == 0x44bc2cf5ad770999);
}

TEST_CASE("a hash takes names, values and their lengths in", "[promql][hash]") {
    CHECK(label_hash(Labels{{"a", "bc"}}) == xxh64(std::string("\1a\2bc", 5)));
    CHECK(label_hash(Labels{{"a", "bc"}}) != label_hash(Labels{{"ab", "c"}}));
    const std::string longest(254, 'x'), longer(255, 'x');
    CHECK(label_hash(Labels{{"a", longest}}) == xxh64("\1a\xfe" + longest));
    CHECK(label_hash(Labels{{"a", longer}}) == xxh64(std::string("\1a\xff\xff\0\0", 6) + longer));
}

TEST_CASE("a ratio and its negative complement part all hashes", "[promql][hash]") {
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const std::uint64_t hash = xxh64(std::to_string(i));
        CHECK(is_sampled(hash, 0.3) != is_sampled(hash, -0.7));
        CHECK(is_sampled(hash, -1));
    }
}
