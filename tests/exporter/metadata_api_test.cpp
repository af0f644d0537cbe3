#include "exporter/api/metadata_api.h"

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

using namespace vedette;
using namespace vedette::exporter;
using nlohmann::json;

namespace {

using Params = std::vector<std::pair<std::string, std::string>>;

scrape::TargetStatus target(const char* instance, scrape::MetricsAbout about) {
    scrape::TargetStatus out;
    out.job = "shop";
    out.labels = Labels{{"instance", instance}, {"job", "shop"}};
    out.metrics = std::make_shared<const scrape::MetricsAbout>(std::move(about));
    return out;
}

/// Two targets that agree about `depth` and not about `hits`, one that was not yet read, and what
/// was written to us.
MetadataSources sources() {
    return {[] {
                scrape::JobStatus job;
                job.name = "shop";
                job.active = {target("a", {{"depth", "gauge", "How deep.", "metres"},
                                           {"hits", "counter", "Hits.", ""}}),
                              target("b", {{"depth", "gauge", "How deep.", "metres"},
                                           {"hits", "counter", "All \"hits\".", ""}}),
                              scrape::TargetStatus{}};
                return std::vector{job};
            },
            [] {
                return std::vector<scrape::MetricAbout>{{"depth", "gauge", "Written.", ""},
                                                        {"probe_success", "gauge", "Up?", ""}};
            }};
}

Response ask(std::string_view path, Params params) {
    for (const Route& route : metadata_routes(sources()))
        if (route.path == path) {
            Request request;
            request.form = std::move(params);
            return route.answer(request);
        }
    FAIL("no such route");
    return {};
}

json data(std::string_view path, Params params) {
    const Response response = ask(path, std::move(params));
    CHECK(response.status == 200);
    const json answer = json::parse(response.body);
    CHECK(answer["status"] == "success");
    return answer["data"];
}

constexpr std::string_view metadata = "/api/v1/metadata", of_targets = "/api/v1/targets/metadata";

}  // namespace

TEST_CASE("metadata says once what several targets say alike, and all that they say apart",
          "[exporter][metadata]") {
    const json all = data(metadata, {});
    CHECK(all["depth"] == json::parse(R"([{"type":"gauge","unit":"metres","help":"How deep."}])"));
    CHECK(all["hits"].size() == 2);
    // What was written to us counts where no target knows better.
    CHECK(all["probe_success"][0]["help"] == "Up?");
    CHECK(all.size() == 3);
}

TEST_CASE("metadata is limited by metrics, by words for each, and to one metric",
          "[exporter][metadata]") {
    CHECK(data(metadata, {{"limit", "1"}}).size() == 1);
    CHECK(data(metadata, {{"limit", "0"}}).empty());
    CHECK(data(metadata, {{"limit_per_metric", "1"}})["hits"].size() == 1);
    const json one = data(metadata, {{"metric", "hits"}});
    CHECK(one.size() == 1);
    CHECK(one["hits"].size() == 2);
    CHECK(data(metadata, {{"metric", "nobody"}}).empty());
    for (const char* name : {"limit", "limit_per_metric"}) {
        const Response response = ask(metadata, {{name, "1.5"}});
        CHECK(response.status == 400);
        CHECK(json::parse(response.body)["error"] == std::string(name) + " must be a number");
    }
}

TEST_CASE("metadata of targets names the target, and the metric unless one was asked for",
          "[exporter][metadata]") {
    const json all = data(of_targets, {});
    REQUIRE(all.size() == 4);
    CHECK(all[0] == json::parse(R"({"target":{"instance":"a","job":"shop"},"metric":"depth",
        "type":"gauge","help":"How deep.","unit":"metres"})"));
    const json one = data(of_targets, {{"metric", "hits"}, {"match_target", "{instance=\"b\"}"}});
    CHECK(one == json::parse(R"([{"target":{"instance":"b","job":"shop"},"type":"counter",
        "help":"All \"hits\".","unit":""}])"));
    CHECK(data(of_targets, {{"match_target", "{}"}}).size() == 4);
    CHECK(data(of_targets, {{"match_target", "{job=\"other\"}"}}).empty());
    // Whole targets: the one that passes the limit is still told.
    CHECK(data(of_targets, {{"limit", "1"}}).size() == 2);
    CHECK(data(of_targets, {{"limit", "0"}}).empty());
    CHECK(ask(of_targets, {{"limit", "x"}}).status == 400);
    CHECK(ask(of_targets, {{"match_target", "{"}}).status == 400);
}
