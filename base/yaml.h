#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/config.h"

namespace vedette {

/// Reads one YAML document into a plain tree, strictly: duplicate keys, several documents, cycles,
/// alias bombs, non-string keys and what exceeds limits.h are problems, each with its place. Merge
/// keys (`<<`) work as Go's reader has them: explicit keys win, earlier maps win over later ones
/// (Prometheus's rule files; Alertmanager's older reader lets a `<<` below a key win over it).
/// Returns Null when the text cannot be read at all; what is wrong is in `problems`.
ConfigNode read_yaml(std::string name, std::string_view text, Problems& problems);

/// Reads a file from disk and then as above; an unreadable file is a problem.
ConfigNode read_yaml_file(const std::string& path, Problems& problems);

}  // namespace vedette
