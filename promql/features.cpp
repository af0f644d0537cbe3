#include "promql/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/labels.h"

namespace vedette::promql {

namespace {

struct Switch {
    std::string_view name;
    bool Features::* feature;
};

constexpr std::array switches = {
    Switch{"promql-experimental-functions", &Features::experimental_functions},
    Switch{"promql-duration-expr", &Features::duration_expressions},
    Switch{"promql-delayed-name-removal", &Features::delayed_name_removal},
    Switch{"promql-per-step-stats", &Features::per_step_stats},
};

/// What Prometheus 3.5 knows besides, and why it changes nothing here.
struct Known {
    std::string_view name, why;
};

constexpr std::array known = {
    Known{"native-histograms", ""},  // so does it
    Known{"exemplar-storage", ""},   // the store is asked by who wires it
    Known{"memory-snapshot-on-shutdown", "the log is read at start"},
    Known{"extra-scrape-metrics", ""},  // scraping asks for it itself
    Known{"metadata-wal-records", "metadata is always logged"},
    Known{"auto-reload-config", "a reload is asked for by SIGHUP or POST /-/reload"},
    Known{"concurrent-rule-eval", "rules of a group are evaluated in order"},
    Known{"created-timestamp-zero-ingestion", ""},  // so does it
    Known{"delayed-compaction", "the store has its own times for that"},
    Known{"type-and-unit-labels", "type and unit never become labels"},
    Known{"use-uncached-io", "files are read and written through the cache"},
};

std::optional<std::string> enable(Features& features, std::string_view name) {
    if (name.empty()) return std::nullopt;
    const auto same_name = [&](const auto& each) { return each.name == name; };
    if (const auto* at = std::find_if(switches.begin(), switches.end(), same_name);
        at != switches.end()) {
        features.*(at->feature) = true;
        return std::nullopt;
    }
    const auto* at = std::find_if(known.begin(), known.end(), same_name);
    if (at != known.end() && at->why.empty()) return std::nullopt;
    if (at != known.end())
        return fmt::format("--enable-feature={} changes nothing: {}", name, at->why);
    return fmt::format("Unknown option for --enable-feature: {}", quote(name));
}

}  // namespace

std::vector<std::string> enable_features(Features& features, std::string_view names) {
    std::vector<std::string> notes;
    while (true) {
        const std::size_t comma = names.find(',');
        if (auto note = enable(features, names.substr(0, comma)); note)
            notes.push_back(std::move(*note));
        if (comma == std::string_view::npos) return notes;
        names.remove_prefix(comma + 1);
    }
}

}  // namespace vedette::promql
