#pragma once

#include <string>
#include <vector>

#include "notify/message.h"

namespace vedette::notify {

/// One alert that fires, as other programs ask for it (Alertmanager's API v2).
struct StandingAlert {
    AlertRef alert;
    Timestamp starts, ends, updated;
    std::vector<std::string> receivers;    ///< of every route it takes, in the tree's order
    std::vector<std::string> silenced_by;  ///< ids of silences, ascending
    std::string inhibited_by;              ///< fingerprint of an alert; empty when none
};
struct StandingGroup {
    std::string receiver;
    Labels labels;
    std::vector<std::size_t> alerts;    ///< index into `Standing::alerts`, in `comes_before` order
    std::vector<std::string> muted_by;  ///< time intervals, as the last flush saw them
};

/// What fires at one moment. A copy: keep it as long as you like.
struct Standing {
    Timestamp at;
    std::vector<StandingAlert> alerts;  ///< by fingerprint
    std::vector<StandingGroup> groups;  ///< by number of labels, labels, receiver
};

}  // namespace vedette::notify
