#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vedette::promql {

/// What of the language stands behind Prometheus's `--enable-feature`; off unless asked for.
struct Features {
    bool experimental_functions = false;  ///< `promql-experimental-functions`
    bool duration_expressions = false;    ///< `promql-duration-expr`: `up[1m + 30s]`
    bool delayed_name_removal = false;    ///< `promql-delayed-name-removal`
    bool per_step_stats = false;          ///< `promql-per-step-stats`: samples of each step

    bool operator==(const Features&) const = default;
};

/// Switches on what a comma list of Prometheus's names asks for. Returns one sentence for each name
/// that changes nothing here: unknown ones, and known ones of which it says why.
std::vector<std::string> enable_features(Features& features, std::string_view names);

}  // namespace vedette::promql
