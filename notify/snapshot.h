#pragma once

#include <optional>
#include <string>
#include <vector>

#include "notify/message.h"
#include "notify/silence.h"

namespace vedette::notify {

/// Where one alert stands with one receiver, for people.
struct DeliveryStatus {
    std::string receiver;
    std::string integration;  ///< "slack"
    std::string target;       ///< `#ops`
    std::string text;         ///< `sent to #ops 3 s ago`, `retrying in 10 s: HTTP 429`
    bool trouble = false;     ///< it should have arrived and has not
};
struct AlertStatus {
    AlertRef alert;
    std::string headline;
    std::vector<DeliveryStatus> deliveries;  ///< empty: no route, or not yet placed
    std::string silenced_by;                 ///< id of a silence; empty when none
    std::string inhibited_by;                ///< fingerprint of an alert; empty when none
};
struct GroupStatus {
    std::string key, receiver;
    Labels labels;
    std::vector<std::uint64_t> alerts;  ///< fingerprints
    Milliseconds next_flush_in{0};
};

/// Everything a page shows about telling, at one moment. A copy: keep it as long as you like.
struct Snapshot {
    Timestamp at;
    std::vector<AlertStatus> alerts;  ///< firing first, then lately resolved; by labels
    std::vector<GroupStatus> groups;
    std::vector<std::string> receivers;
    std::vector<Silence> silences;
    std::size_t owed = 0, in_flight = 0;
};

}  // namespace vedette::notify
