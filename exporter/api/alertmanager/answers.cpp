#include "exporter/api/alertmanager/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/labels.h"

namespace vedette::exporter::alertmanager {

namespace {

using Json = nlohmann::json;

/// Milliseconds of 0001-01-01T00:00:00Z, Go's zero time.
constexpr std::int64_t zero_time_ms = -62'135'596'800'000;

std::string_view go_kind(const Json& value) {
    if (value.is_boolean()) return "bool";
    if (value.is_number()) return "number";
    if (value.is_array()) return "array";
    return value.is_object() ? "object" : "string";
}

}  // namespace

Response refused(int status, std::string_view message) {
    JsonWriter json;
    json.value(message);
    return json_response(status, json.take() + "\n");
}

Response invalid(int code, std::string_view message) {
    JsonWriter json;
    json.begin_object().field("code", code).field("message", message).end_object();
    return json_response(code >= 600 ? 422 : code, json.take());
}

Response answered(const std::function<void(JsonWriter&)>& write) {
    JsonWriter json;
    write(json);
    return json_response(200, json.take() + "\n");
}

Document::Document(const Request& request, std::string_view what)
    : what_(what), root_(std::make_unique<Json>()) {
    parse(request);
}

Document::~Document() = default;

void Document::parse(const Request& request) {
    std::string_view type = request.header("content-type");
    type = type.substr(0, type.find(';'));
    while (type.ends_with(' ')) type.remove_suffix(1);
    if (type != "application/json")
        return refuse(invalid(415, fmt::format("unsupported media type {}, only [application/json] "
                                               "are allowed",
                                               quote(request.header("content-type")))));
    if (request.body.empty()) return refuse(invalid(602, what_ + " in body is required"));
    // The library says where, in words for programmers; the place is what helps.
    std::size_t at = 0;
    try {
        *root_ = Json::parse(request.body);
        return;
    } catch (const Json::parse_error& error) {
        at = error.byte;
    }
    refuse(invalid(400, fmt::format("parsing {} body from \"\" failed, because it is no JSON at "
                                    "byte {}",
                                    what_, at)));
}

void Document::refuse(Response response) {
    if (!wrong_) wrong_ = std::move(response);
}

void Document::refuse_type(const Json& found, std::string_view place, std::string_view expected) {
    refuse(invalid(400, fmt::format("parsing {} body from \"\" failed, because json: cannot "
                                    "unmarshal {} into {} of type {}",
                                    what_, go_kind(found), place, expected)));
}

const Json* Document::required(const Json& object, const char* name, std::string_view place) {
    const auto found = object.find(name);
    if (found != object.end() && !found->is_null()) return &*found;
    refuse(invalid(602, fmt::format("{}{} in body is required", place, name)));
    return nullptr;
}

std::string Document::text(const Json& value, std::string_view place) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_null()) refuse_type(value, fmt::format("Go struct field {}", place), "string");
    return {};
}

bool Document::truth(const Json& value, std::string_view place) {
    if (value.is_boolean()) return value.get<bool>();
    refuse_type(value, fmt::format("Go struct field {}", place), "bool");
    return false;
}

std::optional<Timestamp> Document::time(const Json& value) {
    const std::string said = value.is_string() ? value.get<std::string>() : value.dump();
    if (value.is_string() && said.empty()) return std::nullopt;
    const auto read = parse_rfc3339(said);
    if (!read) {
        refuse(invalid(400, fmt::format("parsing {} body from \"\" failed, because parsing time {} "
                                        "as \"2006-01-02\": cannot parse {} as \"2006\"",
                                        what_, quote(said), quote(said))));
        return std::nullopt;
    }
    if (read->ms == zero_time_ms) return std::nullopt;
    return *read;
}

tl::expected<notify::AlertMatchers, Response> filter_parameters(const Request& request) {
    notify::AlertMatchers out;
    for (const std::string_view text : request.params("filter")) {
        auto read = notify::parse_matchers(text);
        if (!read)
            return tl::make_unexpected(refused(400, fmt::format("bad matcher format: {}", text)));
        std::ranges::move(*read, std::back_inserter(out));
    }
    return out;
}

bool flag_parameter(const Request& request, std::string_view name) {
    constexpr std::array<std::string_view, 7> no{"false", "0", "no", "n", "off", "f", "unchecked"};
    std::string text(request.param(name));
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return text.empty() || std::ranges::find(no, text) == no.end();
}

}  // namespace vedette::exporter::alertmanager
