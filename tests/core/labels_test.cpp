#include "core/labels.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

using namespace vedette;

TEST_CASE("labels are sorted, the last of one name wins, and empty values vanish",
          "[core][labels]") {
    const Labels labels{{"job", "api"}, {"__name__", "up"}, {"job", "web"}, {"zone", ""}};
    CHECK(to_string(labels) == R"(up{job="web"})");
    CHECK(labels.size() == 2);
    CHECK(labels.get("job") == "web");
    CHECK(labels.get("zone").empty());
    CHECK_FALSE(labels.has("nothing"));
}

TEST_CASE("no labels are equal to no labels", "[core][labels]") {
    const Labels none, also_none{{"a", ""}};
    CHECK(none == also_none);
    CHECK(none.hash() == also_none.hash());
    CHECK(none < Labels{{"a", "b"}});
    CHECK(to_string(none) == "{}");
    CHECK(none.bytes() == 0);
}

TEST_CASE("where a name ends is part of a label set's identity", "[core][labels]") {
    CHECK(Labels{{"ab", "c"}} != Labels{{"a", "bc"}});
    CHECK(Labels{{"a", "b"}, {"c", "d"}} != Labels{{"a", "bc"}, {"d", "x"}});
}

TEST_CASE("copies share one block and survive its first owner", "[core][labels]") {
    std::string_view value;
    Labels copy;
    {
        const Labels first{{"job", "api"}};
        copy = first;
        value = copy.get("job");
        CHECK(first.get("job").data() == value.data());
    }
    CHECK(value == "api");
}

TEST_CASE("label sets agree with a map about order and equality", "[core][labels]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto any = [&] {
        std::map<std::string, std::string> map;
        for (unsigned i = random() % 4; i > 0; --i)
            map[std::string(1, static_cast<char>('a' + random() % 3))] =
                std::string(1 + random() % 2, static_cast<char>('x' + random() % 2));
        return map;
    };
    const auto labels_of = [](const std::map<std::string, std::string>& map) {
        std::vector<Label> labels;
        for (const auto& [name, value] : map) labels.push_back({name, value});
        return Labels(std::move(labels));
    };
    for (int i = 0; i < 2000; ++i) {
        const auto a = any(), b = any();
        const Labels left = labels_of(a), right = labels_of(b);
        REQUIRE((left == right) == (a == b));
        REQUIRE((left <=> right) == (a <=> b));
        if (a == b) REQUIRE(left.hash() == right.hash());
    }
}

TEST_CASE("a builder sets, deletes and keeps", "[core][labels]") {
    LabelsBuilder builder(Labels{{"__name__", "up"}, {"job", "api"}, {"zone", "a"}});
    builder.set("job", "web").set("env", "prod").del("zone");
    CHECK(to_string(builder.build()) == R"(up{env="prod", job="web"})");
    CHECK(to_string(builder.set("env", "").build()) == R"(up{job="web"})");
    const std::vector<std::string> only{"job"};
    CHECK(to_string(builder.keep(only).build()) == R"({job="web"})");
}

TEST_CASE("names that are not classic are quoted", "[core][labels]") {
    CHECK(to_string(Labels{{"__name__", "http.requests"}, {"my.label", "x"}}) ==
          R"({"http.requests", "my.label"="x"})");
    CHECK(to_string(Labels{{"__name__", "up"}}) == "up");
    CHECK(to_string(Labels{{"a", "line\nquote\"back\\"}}) == R"({a="line\nquote\"back\\"})");
}

TEST_CASE("a fingerprint is Alertmanager's", "[core][labels]") {
    // FNV-1a over name, 0xff, value, 0xff: the second value is what Alertmanager 0.33.1 answered.
    CHECK(format_fingerprint(fingerprint(Labels{})) == "cbf29ce484222325");
    CHECK(format_fingerprint(fingerprint(Labels{{"alertname", "CheckoutDown"},
                                                {"severity", "critical"}})) == "04aab5f40291ffe2");
}

TEST_CASE("UTF-8 is judged to the letter", "[core][labels]") {
    struct Row {
        const char* what;
        std::string text;
        bool good;
    };
    const auto row = GENERATE(values<Row>({
        {"plain", "abc", true},
        {"two, three and four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", true},
        {"a lone continuation", "\x80", false},
        {"cut short", "\xe2\x82", false},
        {"overlong slash", "\xc0\xaf", false},
        {"a surrogate", "\xed\xa0\x80", false},
        {"above U+10FFFF", "\xf4\x90\x80\x80", false},
    }));
    CAPTURE(row.what);
    CHECK(is_utf8(row.text) == row.good);
}

TEST_CASE("classic names begin with a letter or underscore", "[core][labels]") {
    CHECK(is_classic_metric_name("job:up:sum"));
    CHECK_FALSE(is_classic_label_name("job:up"));
    CHECK_FALSE(is_classic_metric_name("9lives"));
    CHECK_FALSE(is_classic_metric_name(""));
    CHECK_FALSE(is_classic_label_name("a.b"));
}
