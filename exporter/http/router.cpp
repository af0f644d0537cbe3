#include "exporter/http/router.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "exporter/http/head.h"

namespace vedette::http {

namespace {

/// `/a/b/` → "a", "b", "".
template <typename Text>
std::vector<Text> segments_of(std::string_view path) {
    std::vector<Text> segments;
    path.remove_prefix(path.empty() ? 0 : 1);
    while (true) {
        const std::size_t slash = path.find('/');
        segments.emplace_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return segments;
        path.remove_prefix(slash + 1);
    }
}

bool is_capture(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool takes_the_rest(std::string_view segment) {
    return is_capture(segment) && segment.ends_with("...}");
}

using Captures = std::vector<std::pair<std::string, std::string>>;

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string_view>& path,
          Captures& captures) {
    captures.clear();
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const std::string_view segment = pattern[i];
        if (i >= path.size()) return false;
        if (takes_the_rest(segment)) {
            const char* from = path[i].data();
            const std::string_view rest(
                from, static_cast<std::size_t>(path.back().data() + path.back().size() - from));
            captures.emplace_back(segment.substr(1, segment.size() - 5),
                                  percent_decoded(rest, false).value_or(std::string()));
            return true;
        }
        const std::string decoded = percent_decoded(path[i], false).value_or(std::string());
        if (is_capture(segment)) {
            if (decoded.empty()) return false;
            captures.emplace_back(segment.substr(1, segment.size() - 2), decoded);
        } else if (decoded != segment) {
            return false;
        }
    }
    return pattern.size() == path.size();
}

}  // namespace

void Router::add(Route route) {
    check(route.path.starts_with('/'), "a route's path begins with a slash");
    check(static_cast<bool>(route.answer), "a route has an answer");
    Methods* methods = nullptr;
    if (route.path.find('{') == std::string::npos) {
        methods = &exact_[route.path];
    } else {
        const auto known = std::find_if(patterns_.begin(), patterns_.end(),
                                        [&](const Pattern& p) { return p.path == route.path; });
        if (known == patterns_.end()) {
            patterns_.push_back({route.path, segments_of<std::string>(route.path), {}});
            methods = &patterns_.back().methods;
        } else {
            methods = &known->methods;
        }
    }
    const std::string method = route.method;
    check(methods->emplace(method, std::move(route)).second, "a method and path have one route");
}

void Router::choose(const Methods& methods, std::string_view method, std::uint32_t groups,
                    Match& match) const {
    const auto served = [groups](const Route& route) { return (groups & bit(route.group)) != 0; };
    auto at = methods.find(method);
    if (at == methods.end() && method == "HEAD") at = methods.find("GET");
    if (at != methods.end() && served(at->second)) {
        match.route = &at->second;
        match.allowed.clear();
        return;
    }
    for (const auto& [name, route] : methods) {
        if (!served(route)) continue;
        if (!match.allowed.empty()) match.allowed += ", ";
        match.allowed += name;
        if (name == "GET" && methods.find("HEAD") == methods.end()) match.allowed += ", HEAD";
    }
}

Router::Match Router::find(std::string_view method, std::string_view raw_path,
                           std::uint32_t groups) const {
    Match match;
    if (auto path = percent_decoded(raw_path, false)) {
        match.path = *std::move(path);
    } else {
        return match;
    }
    if (const auto at = exact_.find(match.path); at != exact_.end()) {
        choose(at->second, method, groups, match);
        return match;
    }
    const auto segments = segments_of<std::string_view>(raw_path);
    for (const Pattern& pattern : patterns_) {
        if (!fits(pattern.segments, segments, match.captures)) continue;
        choose(pattern.methods, method, groups, match);
        if (match.route != nullptr) return match;
    }
    match.captures.clear();
    return match;
}

}  // namespace vedette::http
