#include "core/http.h"

#include <algorithm>
#include <array>

namespace vedette {

namespace {

constexpr std::array<std::string_view, 4> role_names{"nobody", "viewer", "editor", "admin"};
constexpr std::array<std::string_view, 6> group_names{"pages", "metrics", "api",
                                                      "write", "admin",   "health"};

template <typename Enum, std::size_t count>
std::optional<Enum> find_name(const std::array<std::string_view, count>& names,
                              std::string_view text) {
    const auto at = std::find(names.begin(), names.end(), text);
    if (at == names.end()) return std::nullopt;
    return static_cast<Enum>(at - names.begin());
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string_view first_of(const Pairs& pairs, std::string_view name) {
    const auto at =
        std::find_if(pairs.begin(), pairs.end(), [&](const auto& p) { return p.first == name; });
    return at == pairs.end() ? std::string_view() : std::string_view(at->second);
}

}  // namespace

std::string_view to_string(Role role) {
    return role_names[static_cast<std::size_t>(role)];
}

std::optional<Role> parse_role(std::string_view text) {
    return find_name<Role>(role_names, text);
}

std::string_view to_string(PathGroup group) {
    return group_names[static_cast<std::size_t>(group)];
}

std::optional<PathGroup> parse_path_group(std::string_view text) {
    return find_name<PathGroup>(group_names, text);
}

std::string_view Request::header(std::string_view lower_case_name) const {
    return first_of(headers, lower_case_name);
}

std::string_view Request::param(std::string_view name) const {
    return first_of(form, name);
}

std::vector<std::string_view> Request::params(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [field, value] : form)
        if (field == name) values.push_back(value);
    return values;
}

std::string_view Request::capture(std::string_view name) const {
    return first_of(captures, name);
}

Response text_response(int status, std::string body) {
    Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

Response json_response(int status, std::string body) {
    Response response = text_response(status, std::move(body));
    response.content_type = "application/json";
    return response;
}

}  // namespace vedette
