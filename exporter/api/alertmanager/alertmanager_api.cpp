#include "exporter/api/alertmanager/alertmanager_api.h"

#include <fmt/format.h>

#include <array>
#include <memory>

#include "exporter/api/alertmanager/alerts.h"
#include "exporter/api/alertmanager/answers.h"
#include "exporter/api/alertmanager/silences.h"

namespace vedette::exporter {

namespace {

using namespace alertmanager;

Response get_status(const AlertmanagerSources& sources, const Request&) {
    return answered([&](JsonWriter& json) {
        json.begin_object().key("cluster").begin_object().key("peers").begin_list().end_list();
        json.field("status", "disabled").end_object();
        json.key("config").begin_object().field("original", sources.shown()).end_object();
        json.field("uptime", format_rfc3339(sources.started)).key("versionInfo").begin_object();
        for (const char* key : {"branch", "buildDate", "buildUser", "goVersion"}) json.field(key, "");
        json.field("revision", "vedette " + sources.version);
        json.field("version", sources.alertmanager_version).end_object().end_object();
    });
}

Response get_receivers(const AlertmanagerSources& sources, const Request&) {
    return answered([&](JsonWriter& json) {
        json.begin_list();
        for (const std::string& name : sources.receivers()) {
            json.begin_object().key("labels").begin_object().field("name", name).end_object();
            json.field("name", name).end_object();
        }
        json.end_list();
    });
}

struct Door {
    std::string_view method, path;
    Response (*answer)(const AlertmanagerSources&, const Request&);
};

constexpr std::array<Door, 10> doors{{
    {"GET", "/api/v2/status", get_status},
    {"GET", "/api/v2/receivers", get_receivers},
    {"GET", "/api/v2/alerts", get_alerts},
    {"POST", "/api/v2/alerts", post_alerts},
    {"GET", "/api/v2/alerts/groups", get_groups},
    {"GET", "/api/v2/silences", get_silences},
    {"POST", "/api/v2/silences", post_silence},
    {"GET", "/api/v2/silence/{id}", get_silence},
    {"DELETE", "/api/v2/silence/{id}", delete_silence},
    {"GET", "/api/vedette/v1/silences/audit", get_audit},
}};

}  // namespace

std::vector<Route> alertmanager_routes(AlertmanagerSources given) {
    const auto sources = std::make_shared<const AlertmanagerSources>(std::move(given));
    std::vector<Route> routes;
    for (const Door& door : doors)
        routes.push_back(
            {.method = std::string(door.method),
             .path = std::string(door.path),
             .role = door.method == "GET" ? Role::Viewer : Role::Editor,
             .group = PathGroup::Api,
             .weight = Weight::Worker,
             .answer = [sources, answer = door.answer](
                           const Request& request) { return answer(*sources, request); }});
    routes.push_back({.method = "GET",
                      .path = "/api/v2/{rest...}",
                      .role = Role::Viewer,
                      .group = PathGroup::Api,
                      .weight = Weight::Inline,
                      .answer = [](const Request& request) {
                          return invalid(404, fmt::format("path {} was not found", request.path));
                      }});
    return routes;
}

}  // namespace vedette::exporter
