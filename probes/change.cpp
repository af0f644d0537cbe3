#include "probes/change.h"

#include <fmt/format.h>

#include <ctime>

namespace vedette::probes {

std::string_view to_string(State state) {
    switch (state) {
        case State::Unknown:
            return "unknown";
        case State::Up:
            return "up";
        case State::Down:
            return "down";
    }
    return "unknown";
}

std::string to_line(const Change& change) {
    const auto seconds = static_cast<std::time_t>(change.at.ms / 1000);
    std::tm local{};
    localtime_r(&seconds, &local);
    std::string line = fmt::format("{:02}:{:02}:{:02}  {}", local.tm_hour, local.tm_min,
                                   local.tm_sec, change.probe);
    if (!change.only_target) line += "  " + change.instance;
    line += fmt::format("  {}", to_string(change.to));
    if (!change.reason.empty()) line += "  " + change.reason;
    return line;
}

}  // namespace vedette::probes
