#include "core/error.h"

#include <catch2/catch.hpp>

#include "core/limits.h"
#include "core/series.h"

using namespace vedette;

namespace {

Result<int> half(int number) {
    if (number % 2 != 0) return fail(Fault::BadInput, "the number is odd");
    return number / 2;
}

}  // namespace

TEST_CASE("a result is its value or says why there is none", "[core][error]") {
    CHECK(half(4).value() == 2);
    const Result<int> odd = half(3);
    REQUIRE_FALSE(odd.has_value());
    CHECK(odd.error() == Error{Fault::BadInput, "the number is odd"});
}

TEST_CASE("every fault has a word of its own", "[core][error]") {
    std::vector<std::string_view> words;
    for (int i = 0; i <= static_cast<int>(Fault::Internal); ++i)
        words.push_back(to_string(static_cast<Fault>(i)));
    std::sort(words.begin(), words.end());
    CHECK(std::adjacent_find(words.begin(), words.end()) == words.end());
    CHECK(to_string(Fault::Limit) == "limit reached");
}

TEST_CASE("a matcher prints as PromQL writes it", "[core][series]") {
    CHECK(to_string(Matcher{Matcher::Op::Equal, "job", "api"}) == R"(job="api")");
    CHECK(to_string(Matcher{Matcher::Op::NotMatch, "path", R"(/x\d)"}) == R"(path!~"/x\\d")");
    CHECK(to_string(Matcher{Matcher::Op::NotEqual, "my.label", "a"}) == R"("my.label"!="a")");
}
