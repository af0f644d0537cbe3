#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/config.h"
#include "notify/settings.h"

namespace vedette::notify {

/// Collects notify's sections of one configuration and reads them together, because a receiver needs
/// the defaults of `global` and a route needs the names of receivers.
///
///     ConfigReader reader(folder);
///     for (const ConfigSection& section : reader.sections()) …read what the file has…
///     Settings settings = reader.finish(problems);
class ConfigReader {
public:
    /// Reads a template file's text; a problem is its message. A test gives its own.
    using ReadFile = std::function<Result<std::string>(const std::string& path)>;

    /// `folder` is where relative `templates` globs start; `read` opens what they match.
    ConfigReader(std::string folder, ReadFile read);

    /// `route`, `receivers`, `inhibit_rules`, `time_intervals`, `mute_time_intervals`, `templates`,
    /// `timezone`.
    /// The functions copy their node and live as long as this object.
    std::vector<ConfigSection> sections();
    /// `notify`, which Alertmanager has not: how all of it is done.
    ConfigSection own_section();
    /// The file's `global`, whose keys Prometheus's configuration shares: call it with the node when
    /// the file has one. Keys of Prometheus's `global` are left to their reader.
    void global(const ConfigNode& node);
    /// The sections come from a file that was written for Alertmanager: its receivers look as they did.
    void written_for_alertmanager() { own_words_ = false; }

    /// Everything that is wrong goes to `problems`; the result counts only when there is none.
    Settings finish(Problems& problems);

private:
    struct Global;
    Global read_global(Problems& problems);
    RouteNode read_route(const ConfigNode& node, const RouteNode* parent, const Settings& settings,
                         Problems& problems);
    void read_own(Settings& settings, Problems& problems) const;
    std::string shown() const;
    void read_intervals(const ConfigNode& list, std::string_view key, Problems& problems);
    void read_route_times(MapReader& map, bool is_root, RouteNode& route);
    void read_templates(Settings& settings, Problems& problems);

    std::string folder_;
    ReadFile read_;
    bool own_words_ = true;
    ConfigNode global_, route_, receivers_, inhibit_rules_, templates_, timezone_, own_;
    ConfigNode time_intervals_, mute_time_intervals_;
    std::vector<std::shared_ptr<const NamedInterval>> intervals_;
};

}  // namespace vedette::notify
