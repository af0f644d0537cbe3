#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "base/yaml.h"
#include "notify/senders/service.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;

/// A scalar as YAML reads it: null, truth, number or text.
Json scalar_json(const ConfigNode& node) {
    const std::string& text = node.text;
    if (node.quoted) return text;
    if (text == "true" || text == "false") return text == "true";
    const char* end = text.data() + text.size();
    std::int64_t whole = 0;
    if (const auto read = std::from_chars(text.data(), end, whole); read.ec == std::errc() && read.ptr == end)
        return whole;
    double number = 0;
    const bool looks = !text.empty() && text.find_first_not_of("+-.0123456789eE") == text.npos;
    if (looks)
        if (const auto read = std::from_chars(text.data(), end, number); read.ec == std::errc() && read.ptr == end)
            return number;
    return text;
}

template <typename Scalar>
Json node_json(const ConfigNode& node, const Scalar& scalar) {
    if (node.is_scalar()) return scalar(node);
    if (node.is_list()) {
        Json out = Json::array();
        for (const ConfigNode& item : node.items) out.push_back(node_json(item, scalar));
        return out;
    }
    if (!node.is_map()) return nullptr;
    Json out = Json::object();
    for (const auto& entry : node.entries) out[entry.key] = node_json(entry.value, scalar);
    return out;
}

}  // namespace

std::string Filler::expand(std::string_view text) {
    auto out = draft_.templates.expand(text, draft_.message);
    if (out) return std::move(*out);
    fail_with(out.error());
    return {};
}

std::string Filler::text(std::string_view key) {
    return expand(draft_.settings.text(key));
}

std::string Filler::secret(std::string_view key) {
    const Secret& secret = draft_.settings.secret(key);
    if (!secret.is_set()) return {};
    auto out = secret.reveal();
    if (out) return std::move(*out);
    fail_with(out.error());
    return {};
}

void Filler::put(Json& into, const char* key, std::string value) {
    if (!value.empty()) into[key] = std::move(value);
}

void Filler::put(Json& into, const char* key, std::size_t max, Measure by) {
    std::string value = text(key);
    put(into, key, max == 0 ? std::move(value) : cut_marked(value, max, by));
}

Json Filler::tree(const ConfigNode& node) {
    return node_json(node, [this](const ConfigNode& scalar) -> Json {
        const bool is_template = scalar.text.find("{{") != scalar.text.npos;
        return is_template ? Json(expand(scalar.text)) : scalar_json(scalar);
    });
}

Json Filler::typed_tree(const ConfigNode& node) {
    return node_json(node, [this](const ConfigNode& scalar) -> Json { return typed(expand(scalar.text)); });
}

Json Filler::typed(std::string_view text) {
    if (text.starts_with('{') || text.starts_with('['))
        if (Json json = Json::parse(text, nullptr, false); !json.is_discarded()) return json;
    Problems problems;
    const ConfigNode read = read_yaml("template", text, problems);
    return problems.any() ? Json(std::string(text)) : node_json(read, scalar_json);
}

void Filler::fail_with(Error error) {
    if (!failure_) failure_ = std::move(error);
}

Result<std::vector<Post>> Filler::finish(std::vector<Post> posts) const {
    if (failure_) return fail(*failure_);
    return posts;
}

std::string print_json(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string join_url(std::string_view base, std::string_view path) {
    while (base.ends_with('/')) base.remove_suffix(1);
    return fmt::format("{}/{}", base, path);
}

std::string incident_key(const Message& message) {
    return sha256(message.group_key);
}

std::string_view worst_severity(const Message& message) {
    static constexpr std::string_view order[] = {"critical", "error", "warning", "info"};
    for (const std::string_view severity : order)
        for (const AlertRef& alert : message.alerts)
            if (alert->state == AlertState::Firing && alert->labels.get("severity") == severity)
                return severity;
    return "error";
}

}  // namespace vedette::notify
