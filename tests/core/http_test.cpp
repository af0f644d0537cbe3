#include "core/http.h"

#include <catch2/catch.hpp>

using namespace vedette;

TEST_CASE("roles include those before them", "[core][http]") {
    CHECK(Role::Nobody < Role::Viewer);
    CHECK(Role::Viewer < Role::Editor);
    CHECK(Role::Editor < Role::Admin);
    for (const Role role : {Role::Nobody, Role::Viewer, Role::Editor, Role::Admin})
        CHECK(parse_role(to_string(role)) == role);
    CHECK_FALSE(parse_role("root").has_value());
}

TEST_CASE("path groups print and read back", "[core][http]") {
    for (const PathGroup group : {PathGroup::Pages, PathGroup::Metrics, PathGroup::Api,
                                  PathGroup::Write, PathGroup::Admin, PathGroup::Health})
        CHECK(parse_path_group(to_string(group)) == group);
    CHECK_FALSE(parse_path_group("everything").has_value());
}

TEST_CASE("a request gives the first value of a name and all of them", "[core][http]") {
    Request request;
    request.form = {{"match[]", "up"}, {"x", "1"}, {"match[]", "down"}};
    request.headers = {{"accept", "text/plain"}};
    CHECK(request.param("match[]") == "up");
    CHECK(request.params("match[]") == std::vector<std::string_view>{"up", "down"});
    CHECK(request.param("nothing").empty());
    CHECK(request.header("accept") == "text/plain");
}
