// Trees, alerts and times beside what a real Alertmanager made of them (recorded/routing.json).
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/yaml.h"
#include "notify/config.h"
#include "notify/dispatcher.h"

using namespace vedette;
using namespace vedette::notify;

namespace {

nlohmann::json recorded() {
    std::ifstream file("tests/notify/recorded/routing.json");
    return nlohmann::json::parse(file);
}

Settings read(const std::string& text) {
    Problems problems;
    const ConfigNode root = read_yaml("tree.yml", text, problems);
    ConfigReader reader("/nowhere", [](const std::string&) { return Result<std::string>(""); });
    for (const ConfigSection& section : reader.sections())
        if (const ConfigNode* node = root.find(section.key)) section.read(*node, problems);
    Settings out = reader.finish(problems);
    CHECK(problems.text() == "");
    return out;
}

}  // namespace

TEST_CASE("alerts take the routes that a real Alertmanager sends them", "[notify][routing]") {
    std::size_t cases = 0;
    const nlohmann::json all = recorded();
    for (const auto& tree : all.at("trees")) {
        const Settings settings = read(tree.at("config").get<std::string>());
        for (const auto& one : tree.at("cases")) {
            LabelsBuilder labels;
            for (const auto& [name, value] : one.at("labels").items())
                labels.set(name, value.get<std::string>());
            std::vector<std::string> receivers;
            for (const RouteNode* route : match_routes(settings.route, labels.build()))
                receivers.push_back(route->receiver);
            CAPTURE(tree.at("config").get<std::string>(), one.at("labels").dump());
            CHECK(receivers == one.at("receivers").get<std::vector<std::string>>());
            ++cases;
        }
    }
    CHECK(cases > 500);
}

TEST_CASE("time intervals hold when a real Alertmanager says so", "[notify][routing]") {
    const nlohmann::json intervals = recorded().at("intervals");
    const Timestamp at{intervals.at("at_ms").get<std::int64_t>()};
    for (const auto& one : intervals.at("cases")) {
        Problems problems;
        const ConfigNode node = read_yaml("t.yml", one.at("interval").get<std::string>(), problems);
        const NamedInterval named = read_named_interval(node, problems);
        CAPTURE(one.at("interval").get<std::string>());
        CHECK(problems.text() == "");
        CHECK(named.holds(at) == one.at("mute").get<bool>());
    }
}
