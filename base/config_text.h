#pragma once

#include <string>
#include <string_view>

#include "core/config.h"

namespace vedette {

/// A configuration as YAML for people to look at: what may be a secret is `<secret>`, passwords in
/// URLs are `xxxxx`. Comments and aliases are gone, merge keys applied, keys in the file's order.
std::string config_text(const ConfigNode& root);

/// Whether a scalar under this key is hidden; `inside` is the key of the list or map around it. By
/// the names of keys, so that a value is hidden wherever it stands and whoever reads it: a test
/// holds every key that is read as a secret to this.
bool is_hidden_key(std::string_view key, std::string_view inside);

}  // namespace vedette
