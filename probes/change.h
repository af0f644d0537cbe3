#pragma once

#include <string>
#include <string_view>

#include "core/labels.h"
#include "core/time.h"

namespace vedette::probes {

/// What is known of a target; `Unknown` until its first reading.
enum class State { Unknown, Up, Down };
std::string_view to_string(State state);  // `up`

/// A target went from one state to another.
struct Change {
    Timestamp at;
    std::string probe, instance;
    Labels labels;
    State from = State::Unknown, to = State::Unknown;
    std::string reason;       // why it is down; empty otherwise
    bool only_target = true;  // of its probe: then the probe's name says it all
};

/// One line for a terminal, in local time: `10:42:07  checkout  down  connection refused`. A probe
/// with several targets names the target too.
std::string to_line(const Change& change);

}  // namespace vedette::probes
