#include "exporter/api/answer.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace vedette;
using namespace vedette::exporter;

TEST_CASE("errors have Prometheus's types and codes", "[exporter][api]") {
    const Response bad = bad_parameter("step", "cannot parse \"x\" to a valid duration");
    CHECK(bad.status == 400);
    CHECK(
        bad.body ==
        R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"step\": cannot parse \"x\" to a valid duration"})");
    CHECK(api_failure({Fault::Timeout, "t"}).status == 503);
    CHECK(api_failure({Fault::Limit, "l"}).status == 422);
    CHECK(api_failure({Fault::Internal, "i"}).status == 500);
    CHECK(api_failure({Fault::Cancelled, "c"}).status == 499);
}

TEST_CASE("results have Prometheus's shape", "[exporter][api]") {
    const auto print = [](const QueryResult& result) {
        JsonWriter json;
        write_result(json, result);
        return json.take();
    };
    QueryResult result;
    result.series = {{Labels{{"__name__", "up"}}, {{{1500}, 1.0}}}};
    CHECK(print(result) ==
          R"({"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[1.500,"1"]}]})");
    result.kind = QueryResult::Kind::Matrix;
    result.series[0].samples.push_back({{2500}, INFINITY});
    CHECK(
        print(result) ==
        R"({"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1.500,"1"],[2.500,"+Inf"]]}]})");
    result.kind = QueryResult::Kind::Scalar;
    result.series = {{Labels{}, {{{2000}, 0.5}}}};
    CHECK(print(result) == R"({"resultType":"scalar","result":[2,"0.5"]})");
    result.kind = QueryResult::Kind::String;
    result.at = {2000};
    result.text = "a\"b";
    CHECK(print(result) == R"({"resultType":"string","result":[2,"a\"b"]})");
}

TEST_CASE("a native histogram shows its buckets with their borders", "[exporter][api]") {
    auto histogram = std::make_shared<Histogram>();
    histogram->count = 6;
    histogram->sum = 3.5;
    histogram->zero_threshold = 0.5;
    histogram->zero_count = 1;
    histogram->positive_spans = {{1, 2}};
    histogram->positive_buckets = {2, 0};
    histogram->negative_spans = {{0, 1}};
    histogram->negative_buckets = {3};
    QueryResult result;
    result.series = {{Labels{}, {{{1000}, HistogramRef(histogram)}}}};
    JsonWriter json;
    write_result(json, result);
    CHECK(
        json.take() ==
        R"({"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"6","sum":"3.5","buckets":)"
        R"([[1,"-1","-0.5","3"],[3,"-0.5","0.5","1"],[0,"1","2","2"]]}]}]})");
}

TEST_CASE("warnings and infos follow the data", "[exporter][api]") {
    const Response response =
        api_success([](JsonWriter& json) { json.value(1); }, {"careful"}, {"by the way"});
    CHECK(response.body ==
          R"({"status":"success","data":1,"warnings":["careful"],"infos":["by the way"]})");
    CHECK(response.content_type == "application/json");
}

TEST_CASE("times and steps are read as Prometheus reads them", "[exporter][api]") {
    CHECK(parse_time("1790000000.123").value().ms == 1'790'000'000'123);
    CHECK(parse_time("1970-01-01T00:00:01Z").value().ms == 1000);
    CHECK(parse_time("-1.5").value().ms == -1500);
    CHECK(parse_time("now").error().message == R"(cannot parse "now" to a valid timestamp)");
    CHECK(parse_step("0.5").value().count() == 500);
    CHECK(parse_step("1m").value().count() == 60'000);
    CHECK(parse_step("x").error().message == R"(cannot parse "x" to a valid duration)");
    CHECK(parse_step("1e300").error().message ==
          R"(cannot parse "1e300" to a valid duration. It overflows int64)");
}
