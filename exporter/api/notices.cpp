#include "exporter/api/notices.h"

#include <algorithm>

#include "exporter/api/answer.h"

namespace vedette::exporter {

std::string Notices::Notice::json() const {
    JsonWriter json;
    json.begin_object()
        .field("text", text)
        .field("date", format_rfc3339(since))
        .field("active", active)
        .end_object();
    return json.take();
}

void Notices::tell(const Notice& notice) {
    const std::string data = notice.json();
    std::erase_if(streams_, [&](const auto& stream) { return !stream->send({}, data); });
}

void Notices::add(const std::string& text) {
    const Lock lock(mutex_);
    for (const Notice& notice : notices_)
        if (notice.text == text) return;
    notices_.push_back({text, clock_.now(), true});
    tell(notices_.back());
}

void Notices::remove(const std::string& text) {
    const Lock lock(mutex_);
    const auto found = std::find_if(notices_.begin(), notices_.end(),
                                    [&](const Notice& notice) { return notice.text == text; });
    if (found == notices_.end()) return;
    found->active = false;
    tell(*found);
    notices_.erase(found);
}

std::vector<Route> Notices::routes() {
    std::vector<Route> routes;
    routes.push_back({.method = "GET",
                      .path = "/api/v1/notifications",
                      .role = Role::Viewer,
                      .group = PathGroup::Api,
                      .weight = Weight::Inline,
                      .answer = [this](const Request&) {
                          return api_success([this](JsonWriter& json) {
                              const Lock lock(mutex_);
                              json.begin_list();
                              for (const Notice& notice : notices_) json.raw(notice.json());
                              json.end_list();
                          });
                      }});
    routes.push_back({.method = "GET",
                      .path = "/api/v1/notifications/live",
                      .role = Role::Viewer,
                      .group = PathGroup::Api,
                      .weight = Weight::Stream,
                      .answer = [this](const Request&) {
                          Response response;
                          response.on_open = [this](std::shared_ptr<EventStream> stream) {
                              const Lock lock(mutex_);
                              for (const Notice& notice : notices_) stream->send({}, notice.json());
                              streams_.push_back(std::move(stream));
                          };
                          return response;
                      }});
    return routes;
}

}  // namespace vedette::exporter
