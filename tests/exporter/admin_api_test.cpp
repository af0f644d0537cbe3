#include "exporter/api/admin_api.h"

#include <catch2/catch.hpp>

using namespace vedette;
using namespace vedette::exporter;

namespace {

/// The answer to a POST with this parameter; snapshots are named after what was left out.
Response ask(bool enabled, const std::string& skip_head) {
    const auto routes = admin_routes({enabled, [](bool skip) -> Result<std::string> {
                                          return skip ? "without-head" : "with-head";
                                      }, {}, {}});
    REQUIRE(routes.size() == 6);
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
        {true, [](bool) -> Result<std::string> { return fail(Fault::Limit, "the disk is full"); },
         {}, {}});
    const Response response = routes.front().answer({});
    CHECK(response.status == 500);
    CHECK(
        response.body ==
        R"({"status":"error","errorType":"internal","error":"create snapshot: the disk is full"})");
}

TEST_CASE("series are deleted as Prometheus 3.5.3 deletes them", "[exporter][admin]") {
    struct Row {
        const char* what;
        bool enabled;
        std::vector<std::pair<std::string, std::string>> form;
        int status;
        const char* body;
        const char* erased;
    };
    const auto row = GENERATE(values<Row>({
        {"off by default", false, {{"match[]", "x"}}, 500,
         R"({"status":"error","errorType":"unavailable","error":"admin APIs disabled"})", ""},
        {"without a selector", true, {}, 400,
         R"({"status":"error","errorType":"bad_data","error":"no match[] parameter provided"})", ""},
        {"a selector that is none", true, {{"match[]", ""}}, 400,
         R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"match[]\": unknown position: parse error: unexpected end of input"})",
         ""},
        {"a time that is none", true, {{"match[]", "x"}, {"start", "q"}}, 400,
         R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"start\": invalid time value for 'start': cannot parse \"q\" to a valid timestamp"})",
         ""},
        {"all of a series", true, {{"match[]", "x"}}, 204, "",
         R"(__name__="x"; (-9223372036854775808, 9223372036854775807])"},
        {"both ends", true, {{"match[]", "x"}, {"match[]", "y"}, {"start", "1.5"}, {"end", "2"}}, 204,
         "", R"(__name__="x"; __name__="y"; (1499, 2000])"},
        {"nothing", true, {{"match[]", "x"}, {"start", "2"}, {"end", "1"}}, 204, "", ""},
    }));
    CAPTURE(row.what);
    std::string erased;
    const auto routes = admin_routes(
        {row.enabled, {},
         [&](const std::vector<std::vector<Matcher>>& selectors, Window window) -> Result<void> {
             for (const auto& selector : selectors) erased += to_string(selector.front()) + "; ";
             erased += "(" + std::to_string(window.from.ms) + ", " + std::to_string(window.to.ms) + "]";
             return {};
         },
         {}});
    Request request;
    request.form = row.form;
    for (const Route& route : routes) {
        if (route.path != "/api/v1/admin/tsdb/delete_series") continue;
        CHECK(route.role == Role::Admin);
        erased.clear();
        const Response response = route.answer(request);
        CHECK(response.status == row.status);
        CHECK(response.body == row.body);
        CHECK(erased == row.erased);
    }
}

TEST_CASE("what is deleted is cleaned when somebody asks, and says why not", "[exporter][admin]") {
    int cleaned = 0;
    const auto routes = admin_routes({true, {}, {}, [&]() -> Result<void> {
                                          if (++cleaned == 1) return {};
                                          return fail(Fault::Limit, "the disk is full");
                                      }});
    std::vector<int> statuses;
    for (const Route& route : routes)
        if (route.path == "/api/v1/admin/tsdb/clean_tombstones") {
            CHECK(route.role == Role::Admin);
            statuses.push_back(route.answer({}).status);
        }
    CHECK(statuses == std::vector<int>{204, 500});
}
