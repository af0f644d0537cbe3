#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/labels.h"
#include "core/reading.h"
#include "core/time.h"

namespace vedette {
class Clock;
class HttpClient;
class Loop;
}  // namespace vedette

namespace vedette::probes {

/// What an attempt may use to reach the outside: a handful of references, copied by who needs them
/// longer than the call. What they lead to outlives every attempt.
struct World {
    Loop& loop;
    HttpClient& http;
    Clock& clock;
    /// Write down what was said even when all is well; otherwise only failures are written down.
    bool always_transcript = false;
};

/// One attempt at one target: one probe type with its settings, ready to run. It makes one try,
/// holds its deadline and calls `done` once, on the loop's thread, never inside the call. Being
/// down is a reading. What it forgets of this, `measure` enforces.
using Attempt = std::function<void(const World& world, const std::string& target, Deadline deadline,
                                   Done done)>;

/// One thing that is watched.
struct Target {
    std::string address;   ///< as the type wants it: a URL, host:port …
    std::string instance;  ///< the address, or the label `instance` when the person gave one
    Labels labels;         ///< job, instance, the probe's labels, the target's own
};

/// One entry of `probes:`.
struct ProbeSettings {
    std::string name;                               ///< label `job`; unique
    std::string type;                               ///< a line of the table of probes
    std::string group = "services";                 ///< heading on the status board
    Milliseconds every = std::chrono::seconds(15);  ///< from start to start
    Milliseconds timeout =
        std::chrono::seconds(10);            ///< at most `every`; default the smaller of both
    std::vector<Target> targets;             ///< at least one; instances are unique
    std::shared_ptr<const Attempt> attempt;  ///< never null
    std::string where;                       ///< `watch.yml:14`, for messages
};

/// What the configuration says about probes.
struct Settings {
    std::vector<ProbeSettings> probes;
};

/// `probes:` and `probe_files:`, read into `settings`, which outlives what is returned. Globs are
/// relative to the file that holds them; each file is a map with the one key `probes`. All problems
/// are reported, not the first; names are unique over all files.
std::vector<ConfigSection> config_sections(Settings& settings);

/// One probe as the command line asks for it: `vedette probe http URL`. Every setting has its
/// default. Fails with BadInput for an unknown type or a target that its type cannot use.
Result<ProbeSettings> probe_of(std::string_view type, std::string_view target);

}  // namespace vedette::probes
