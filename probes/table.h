#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/config.h"
#include "probes/settings.h"

namespace vedette::probes {

/// One type of probe: what `type:` says, and how its settings become an attempt.
struct ProbeType {
    std::string_view name;     ///< `http`
    std::string_view summary;  ///< one line for the documentation
    /// Why `target` cannot be used, in words that end a sentence; empty when it can.
    std::string (*objection)(std::string_view target);
    /// Reads the type's own keys from the probe's map. What is wrong goes to the map's problems.
    Attempt (*read)(MapReader& probe);
};

/// The table of probes.
std::span<const ProbeType> probe_types();
/// Nothing when there is no such type.
const ProbeType* find_probe_type(std::string_view name);

}  // namespace vedette::probes
