#pragma once

#include <string>
#include <vector>

#include "core/config.h"

namespace vedette::exporter::otlp {

/// Prometheus's `otlp:` section, with its defaults.
struct Settings {
    enum class Translation {
        UnderscoreEscapingWithSuffixes,  ///< names of the old alphabet, unit and `_total` appended
        NoUtf8EscapingWithSuffixes,      ///< names as they are, unit and `_total` appended
        NoTranslation,                   ///< names as they are
    };
    Translation translation = Translation::UnderscoreEscapingWithSuffixes;
    bool promote_all_resource_attributes = false;
    std::vector<std::string> promote_resource_attributes;  ///< those that become labels
    std::vector<std::string> ignore_resource_attributes;   ///< those that do not, of all
    bool keep_identifying_resource_attributes = false;     ///< in target_info
    bool convert_histograms_to_nhcb = false;

    bool operator==(const Settings&) const = default;
};

/// Reads the section; what it cannot be is among the problems, by file and line.
Settings read_otlp_section(const ConfigNode& section, Problems& problems);

}  // namespace vedette::exporter::otlp
