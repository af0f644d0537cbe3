#pragma once

#include <map>
#include <string>

#include "app/commands/commands.h"
#include "app/configuration.h"

namespace vedette::app {

/// What `vedette run` goes by, under the names of Prometheus's flags: for `/api/v1/status/flags`.
/// What `storage` says of retention is among them.
std::map<std::string, std::string> flags_of(const RunOptions& options,
                                            const Configuration& configuration);

}  // namespace vedette::app
