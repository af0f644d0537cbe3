#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "core/metric_family.h"
#include "core/reading.h"
#include "core/time.h"
#include "probes/settings.h"

namespace vedette::probes {

/// A reading with what every probe is measured by.
struct Measured {
    Timestamp at;                      ///< wall time when it began: the time of its samples
    std::chrono::nanoseconds took{0};  ///< from start to end, by the steady clock
    /// Its metrics begin with `up`, `probe_success` and `probe_duration_seconds`.
    Reading reading;
    bool cut_off = false;  ///< the probe did not answer in time and was not waited for
};

/// Runs one attempt and measures around it; what no probe can forget:
///
/// (W1) `then` is called exactly once, on the loop's thread, never inside this call, at most
/// limits::probe_overrun_grace after the timeout, whatever the attempt does: answers at once,
/// twice, late, never, or throws. (W2) Too late is a reading like any other, with `up == false`.
/// (W3) `up`, `probe_success` and the duration are written here and nowhere else. (W4) A reason
/// stands beside every `up == false`, none beside `up == true`.
void measure(const World& world, const Attempt& attempt, const std::string& target,
             Milliseconds timeout, std::function<void(Measured)> then);

/// One reading of one target, waited for: turns the loop until it is in. For the command line and
/// tests; not from within the loop.
Measured run_once(const World& world, const ProbeSettings& probe, const Target& target);

/// The metrics of a reading as families, sorted by name, each point with `labels` beside its own
/// (see `joined`).
std::vector<MetricFamily> families_of(const Measured& measured, const Labels& labels);

}  // namespace vedette::probes
