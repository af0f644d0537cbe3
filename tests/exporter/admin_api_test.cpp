#include "exporter/api/admin_api.h"

#include <catch2/catch.hpp>

using namespace vedette;
using namespace vedette::exporter;

namespace {

/// The answer to a POST with this parameter; snapshots are named after what was left out.
Response ask(bool enabled, const std::string& skip_head) {
    const auto routes = admin_routes({enabled, [](bool skip) -> Result<std::string> {
                                          return skip ? "without-head" : "with-head";
                                      }});
    REQUIRE(routes.size() == 2);
    for (const Route& route : routes) CHECK(route.role == Role::Admin);
    Request request;
    request.method = "POST";
    if (!skip_head.empty()) request.form.emplace_back("skip_head", skip_head);
    return routes.front().answer(request);
}

}  // namespace

TEST_CASE("a snapshot is answered as Prometheus 3.5.3 answers", "[exporter][admin]") {
    struct Row {
        const char* what;
        bool enabled;
        const char* skip_head;
        int status;
        const char* body;
    };
    const auto row = GENERATE(values<Row>({
        {"off by default", false, "", 500,
         R"({"status":"error","errorType":"unavailable","error":"admin APIs disabled"})"},
        {"with the head", true, "", 200, R"({"status":"success","data":{"name":"with-head"}})"},
        {"without it", true, "T", 200, R"({"status":"success","data":{"name":"without-head"}})"},
        {"a word for no", true, "False", 200,
         R"({"status":"success","data":{"name":"with-head"}})"},
        {"neither yes nor no", true, "maybe", 400,
         R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: parsing \"maybe\": invalid syntax"})"},
    }));
    CAPTURE(row.what);
    const Response response = ask(row.enabled, row.skip_head);
    CHECK(response.status == row.status);
    CHECK(response.body == row.body);
}

TEST_CASE("a snapshot that fails says why", "[exporter][admin]") {
    const auto routes = admin_routes(
        {true, [](bool) -> Result<std::string> { return fail(Fault::Limit, "the disk is full"); }});
    const Response response = routes.front().answer({});
    CHECK(response.status == 500);
    CHECK(
        response.body ==
        R"({"status":"error","errorType":"internal","error":"create snapshot: the disk is full"})");
}
