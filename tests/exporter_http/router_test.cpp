#include "exporter/http/router.h"

#include <catch2/catch.hpp>

using namespace vedette;
using namespace vedette::http;

namespace {

Router sample() {
    Router router;
    const auto add = [&](const char* method, const char* path, PathGroup group = PathGroup::Api) {
        router.add({method, path, Role::Nobody, group, Weight::Inline,
                    [](const Request&) { return text_response(200, ""); }});
    };
    add("GET", "/", PathGroup::Pages);
    add("GET", "/api/v1/labels");
    add("POST", "/api/v1/labels");
    add("POST", "/api/v1/write", PathGroup::Write);
    add("GET", "/api/v1/label/{name}/values");
    add("GET", "/assets/{file...}", PathGroup::Pages);
    add("GET", "/assets/{file}/map", PathGroup::Pages);
    return router;
}

std::string found(const Router& router, const char* method, const char* path,
                  std::uint32_t groups = Router::all_groups) {
    const Router::Match match = router.find(method, path, groups);
    if (match.route == nullptr) return match.allowed.empty() ? "-" : "allow " + match.allowed;
    std::string text = match.route->path;
    for (const auto& [name, value] : match.captures) text += " " + name + "=" + value;
    return text;
}

}  // namespace

TEST_CASE("a path finds its route, its captures, or the methods it knows") {
    struct Row {
        const char* method;
        const char* path;
        const char* finds;
    };
    const auto row = GENERATE(values<Row>({
        {"GET", "/", "/"},
        {"HEAD", "/", "/"},
        {"GET", "/api/v1/labels", "/api/v1/labels"},
        {"GET", "/api/v1/%6cabels", "/api/v1/labels"},
        {"DELETE", "/api/v1/labels", "allow GET, HEAD, POST"},
        {"GET", "/api/v1/write", "allow POST"},
        {"GET", "/api/v1/labels/", "-"},
        {"GET", "/api/v1/label/job/values", "/api/v1/label/{name}/values name=job"},
        {"GET", "/api/v1/label/a%2Fb/values", "/api/v1/label/{name}/values name=a/b"},
        {"GET", "/api/v1/label//values", "-"},
        {"GET", "/api/v1/label/a/b/values", "-"},
        {"GET", "/assets/js/app.js", "/assets/{file...} file=js/app.js"},
        {"GET", "/assets/../etc/passwd", "/assets/{file...} file=../etc/passwd"},
        {"GET", "/assets", "-"},
        {"GET", "/%zz", "-"},
        {"GET", "/%00", "-"},
    }));
    CAPTURE(row.method, row.path);
    CHECK(found(sample(), row.method, row.path) == row.finds);
}

TEST_CASE("a route of a group that is not served does not exist") {
    const Router router = sample();
    CHECK(found(router, "GET", "/", Router::bit(PathGroup::Api)) == "-");
    CHECK(found(router, "POST", "/api/v1/write", Router::bit(PathGroup::Api)) == "-");
    CHECK(found(router, "GET", "/api/v1/labels", Router::bit(PathGroup::Api)) == "/api/v1/labels");
}
