#include "notify/templates.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace vedette;
using namespace vedette::notify;
using Json = nlohmann::json;

namespace {

Labels labels_of(const Json& json) {
    LabelsBuilder out;
    for (const auto& [name, value] : json.items()) out.set(name, value.get<std::string>());
    return out.build();
}

Annotations annotations_of(const Json& json) {
    Annotations::Texts out;
    for (const auto& [name, text] : json.items()) out.emplace(name, text.get<std::string>());
    return Annotations(std::move(out));
}

/// The message of recorded/templates_data.json.
Message recorded_message() {
    std::ifstream file("tests/notify/recorded/templates_data.json");
    const Json data = Json::parse(file);
    Message message;
    message.receiver = data["receiver"];
    message.external_url = data["externalURL"];
    message.reason = *parse_reason(data["notification_reason"].get<std::string>());
    message.group_labels = labels_of(data["groupLabels"]);
    for (const Json& one : data["alerts"]) {
        Alert alert;
        alert.labels = labels_of(one["labels"]);
        alert.annotations = annotations_of(one["annotations"]);
        alert.id = {fingerprint(alert.labels), {1}};
        alert.state = one["status"] == "firing" ? AlertState::Firing : AlertState::Resolved;
        alert.active_at = *parse_rfc3339(one["startsAt"].get<std::string>());
        alert.fired_at = alert.active_at;
        if (alert.state == AlertState::Resolved)
            alert.resolved_at = *parse_rfc3339(one["endsAt"].get<std::string>());
        alert.generator_url = one["generatorURL"];
        message.alerts.push_back(std::make_shared<const Alert>(alert));
    }
    return message;
}

/// Our name for a text that stands in the configuration; amtool gives it none.
std::string without_name(std::string text) {
    for (const auto& [ours, theirs] : {std::pair("template: message:", "template: :"),
                                       std::pair("executing \"message\"", "executing \"\"")})
        if (const auto at = text.find(ours); at != text.npos)
            text.replace(at, std::string_view(ours).size(), theirs);
    return text;
}

}  // namespace

TEST_CASE("templates of messages expand as Alertmanager's own do", "[notify][template]") {
    const auto templates = Templates::make({});
    REQUIRE(templates);
    const Message message = recorded_message();
    std::ifstream file("tests/notify/recorded/templates.expected");
    std::string line;
    REQUIRE(std::getline(file, line));
    CHECK(line.starts_with("amtool 0.33."));
    int rows = 0;
    while (std::getline(file, line)) {
        const Json row = Json::parse(line);
        const auto text = row[0].get<std::string>();
        CAPTURE(text);
        const auto got = (*templates)->expand(text, message);
        CHECK((got ? *got : without_name(got.error().message)) == row[1].get<std::string>());
        CHECK(!got.has_value() == row[2].get<bool>());
        ++rows;
    }
    CHECK(rows > 50);
}
