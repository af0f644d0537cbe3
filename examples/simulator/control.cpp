#include "examples/simulator/control.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "examples/simulator/inbox_page.h"

namespace vedette::simulator {

namespace {

using Answer = std::function<Response(const Request&)>;

/// A whole number within bounds; nothing when it is none.
std::optional<int> number(const Request& request, std::string_view name, int otherwise, int min, int max) {
    const std::string_view text = request.param(name);
    if (text.empty()) return otherwise;
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) return std::nullopt;
    return value;
}

/// A person in a browser goes back to the page; a program reads a line.
Response done(const Request& request, std::string line) {
    if (request.header("accept").find("text/html") == std::string_view::npos) return text_response(200, line + "\n");
    Response response = text_response(303, "");
    response.headers.emplace_back("Location", "/inbox");
    return response;
}

Response failed(const Result<void>& result) {
    return text_response(result.error().fault == Fault::NotFound ? 404 : 500, result.error().message + "\n");
}

Response break_service(Services& services, const Request& request) {
    const auto health = parse_break(request.param("how"));
    if (!health)
        return text_response(400, fmt::format("how={} is unknown; expected refuse, error, slow or garbage\n", request.param("how")));
    const auto ms = number(request, "ms", 3000, 0, 60'000);
    if (!ms) return text_response(400, "ms must be a whole number up to 60000\n");
    const std::string name(request.capture("service"));
    if (const auto result = services.set(name, *health, Milliseconds(*ms)); !result) return failed(result);
    return done(request, fmt::format("{} {}; mend it: curl -X POST http://{}/mend/{}", name, to_string(*health),
                                     request.header("host"), name));
}

Response mend_service(Services& services, const Request& request) {
    const std::string name(request.capture("service"));
    if (const auto result = services.set(name, Health::Well, Milliseconds(0)); !result) return failed(result);
    return done(request, name + " is well");
}

Response break_receiver(Inbox& inbox, const Request& request) {
    const std::string_view receiver = request.capture("receiver");
    if (receiver != "slack" && receiver != "hook") return text_response(404, "receivers are slack and hook\n");
    const auto status = number(request, "status", 500, 200, 599);
    const auto after = number(request, "retry_after", 0, 0, 3600);
    const auto times = number(request, "times", 1, 0, 1'000'000);
    if (!status || !after || !times)
        return text_response(400, "expected status=200…599, retry_after=seconds up to 3600, times=a whole number\n");
    inbox.break_receiver(receiver == "slack" ? Message::Kind::Slack : Message::Kind::Webhook,
                         {*status, *after, static_cast<std::uint64_t>(*times)});
    return done(request, fmt::format("the next {} to {} are answered {}", *times, receiver, *status));
}

Response services_json(const Services& services) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const ServiceState& one : services.states())
        out.push_back({{"name", one.name}, {"provider", one.provider}, {"port", one.port},
                       {"state", to_string(one.health)}, {"slow_by_ms", one.slow_by.count()}});
    return json_response(200, out.dump(2) + "\n");
}

Response html(std::string body) {
    Response response = text_response(200, std::move(body));
    response.content_type = "text/html; charset=utf-8";
    response.headers.emplace_back("Content-Security-Policy", inbox_security_policy());
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

Response script_response() {
    Response response;
    response.content_type = "text/javascript; charset=utf-8";
    response.fixed_body = inbox_script();
    return response;
}

Response to_inbox() {
    Response response = text_response(302, "");
    response.headers.emplace_back("Location", "/inbox");
    return response;
}

Route route(std::string method, std::string path, Answer answer, Weight weight = Weight::Inline) {
    Route out;
    out.method = std::move(method);
    out.path = std::move(path);
    out.role = Role::Nobody;
    out.group = PathGroup::Pages;
    out.weight = weight;
    out.answer = std::move(answer);
    return out;
}

std::vector<Route> page_routes(Services& services, Inbox& inbox, const Clock& clock) {
    const auto body = [&](auto page) {
        return [&, page](const Request&) { return html(page(services.states(), inbox.newest_first(), clock.now())); };
    };
    std::vector<Route> routes;
    routes.push_back(route("GET", "/", [](const Request&) { return to_inbox(); }));
    routes.push_back(route("GET", "/inbox", body(inbox_page), Weight::Worker));
    routes.push_back(route("GET", "/inbox/body", body(inbox_body), Weight::Worker));
    routes.push_back(route("GET", "/inbox.js", [](const Request&) { return script_response(); }));
    routes.push_back(route("GET", "/inbox.json",
                           [&](const Request&) { return json_response(200, inbox_json(inbox.newest_first())); },
                           Weight::Worker));
    routes.push_back(route("GET", "/inbox/events",
                           [&](const Request&) {
                               Response response;
                               response.on_open = [&](std::shared_ptr<EventStream> stream) { inbox.watch(std::move(stream)); };
                               return response;
                           },
                           Weight::Stream));
    routes.push_back(route("POST", "/inbox/clear", [&](const Request& request) {
        inbox.clear();
        return done(request, "cleared");
    }));
    return routes;
}

}  // namespace

std::vector<Route> control_routes(Services& services, Inbox& inbox, const Clock& clock) {
    std::vector<Route> routes = page_routes(services, inbox, clock);
    // On a worker: ports are opened and closed before the answer.
    const auto changing = [&](auto change) {
        return [&, change](const Request& request) {
            Response response = change(services, request);
            inbox.announce();
            return response;
        };
    };
    routes.push_back(route("POST", "/break/{service}", changing(break_service), Weight::Worker));
    routes.push_back(route("POST", "/mend/{service}", changing(mend_service), Weight::Worker));
    routes.push_back(route("GET", "/services", [&](const Request&) { return services_json(services); }));
    routes.push_back(route("POST", "/fault/{receiver}", [&](const Request& request) { return break_receiver(inbox, request); }));
    for (const auto& [path, kind] : {std::pair("/slack/{name...}", Message::Kind::Slack), std::pair("/hook/{name...}", Message::Kind::Webhook)})
        routes.push_back(route("POST", path, [&inbox, of = kind](const Request& request) { return inbox.receive(of, request); }));
    return routes;
}

}  // namespace vedette::simulator
