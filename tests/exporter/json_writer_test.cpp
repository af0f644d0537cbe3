#include "exporter/json_writer.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

using namespace vedette;
using namespace vedette::exporter;

TEST_CASE("commas stand between values and nowhere else", "[exporter][json]") {
    JsonWriter json;
    json.begin_object()
        .field("a", 1)
        .key("b")
        .begin_list()
        .value("x")
        .value(true)
        .null()
        .begin_object()
        .end_object();
    json.end_list().key("c").begin_object().field("d", 0.5).end_object().end_object();
    CHECK(json.take() == R"({"a":1,"b":["x",true,null,{}],"c":{"d":0.5}})");
}

TEST_CASE("any text is written so that another reader gets it back", "[exporter][json]") {
    for (const std::string& text : {std::string("plain"), std::string("\"\\\n\r\t\x01\x1f"),
                                    std::string("é€😀"), std::string("</script>")}) {
        JsonWriter json;
        json.value(text);
        CAPTURE(json.text());
        CHECK(nlohmann::json::parse(json.text()).get<std::string>() == text);
    }
}

TEST_CASE("bytes that are not UTF-8 are replaced one by one", "[exporter][json]") {
    JsonWriter json;
    json.value(std::string("a\xff\xc3(\xe2\x82"));
    CHECK(json.take() == "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST_CASE("times are seconds with at most three decimals", "[exporter][json]") {
    const auto print = [](std::int64_t ms) {
        JsonWriter json;
        json.timestamp({ms});
        return json.take();
    };
    CHECK(print(1'790'000'000'000) == "1790000000");
    CHECK(print(1'790'000'000'007) == "1790000000.007");
    CHECK(print(1'790'000'000'120) == "1790000000.120");
    CHECK(print(-1500) == "-1.500");
    CHECK(print(0) == "0");
}

TEST_CASE("a sample's value stands in quotes, a number that JSON has not is null",
          "[exporter][json]") {
    JsonWriter json;
    json.begin_list()
        .sample_value(NAN)
        .sample_value(INFINITY)
        .sample_value(1e6)
        .value(NAN)
        .value(1e6)
        .end_list();
    CHECK(json.take() == R"(["NaN","+Inf","1000000",null,1000000])");
}

TEST_CASE("labels are an object in label order", "[exporter][json]") {
    JsonWriter json;
    json.labels(Labels{{"job", "a\"b"}, {"__name__", "up"}});
    CHECK(json.take() == R"({"__name__":"up","job":"a\"b"})");
}
