#pragma once

#include <string>
#include <vector>

#include "app/configuration.h"
#include "core/alert.h"
#include "probes/change.h"

namespace vedette::app {

/// What `run --console` says at its start: where the pages are, what is watched.
///
///   pages     http://127.0.0.1:7887          metrics   http://127.0.0.1:7887/metrics
///   watching  9 targets                      rules     4 alerts, 2 recordings
void print_summary(const Configuration& configuration, const std::vector<std::string>& addresses);

/// `10:42:07  checkout  down  connection refused`; from any thread.
void print_change(const probes::Change& change);
/// `10:42:07  CheckoutDown  firing  checkout does not answer`; from any thread.
void print_change(const Alert& alert);

}  // namespace vedette::app
