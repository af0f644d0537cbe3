#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/http.h"

namespace vedette::http {

/// Finds the route of a request. Exact paths win over patterns, earlier patterns over later ones.
/// Filled before the front starts, then only read: pointers to routes stay good.
class Router {
public:
    /// A method and path that stand there already are a bug.
    void add(Route route);

    struct Match {
        const Route* route = nullptr;  ///< null: see `allowed`
        std::string path;              ///< decoded
        std::vector<std::pair<std::string, std::string>> captures;
        std::string
            allowed;  ///< the methods of the path when the method does not fit; empty: no such path
    };
    /// `raw_path` as sent. HEAD finds the route of GET. Only routes of `groups` (bits by PathGroup)
    /// exist.
    Match find(std::string_view method, std::string_view raw_path, std::uint32_t groups) const;

    static constexpr std::uint32_t all_groups = ~std::uint32_t{0};
    static std::uint32_t bit(PathGroup group) { return 1U << static_cast<unsigned>(group); }

private:
    using Methods = std::map<std::string, Route, std::less<>>;
    struct Pattern {
        std::string path;
        std::vector<std::string> segments;
        Methods methods;
    };
    void choose(const Methods& methods, std::string_view method, std::uint32_t groups,
                Match& match) const;

    std::unordered_map<std::string, Methods> exact_;
    std::vector<Pattern> patterns_;
};

}  // namespace vedette::http
