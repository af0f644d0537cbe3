#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "notify/message.h"
#include "notify/silence.h"

namespace vedette::notify {

/// One way of one receiver hearing about one group: what dedup and retry keep their memory by.
struct DeliveryKey {
    std::string group_key;
    std::string receiver;
    std::uint32_t integration = 0;  ///< index among the receiver's

    auto operator<=>(const DeliveryKey&) const = default;
};

/// What the sender of an alert said of its times (API v2).
struct PostedTimes {
    Timestamp starts, ends, updated;
    bool by_timeout = false;  ///< it named no end
};

/// What goes into the ledger; each is one row or one change of a row (docs/formats/alerts-db.md).
struct AlertEntry {
    AlertRef alert;
    Timestamp at;
    std::optional<PostedTimes> posted;  ///< of an alert that another program sent
};
/// Its sender said once more that it stands; only its times are new.
struct ResentEntry {
    AlertId id;
    PostedTimes times;
};
struct DecisionEntry {
    Timestamp at;
    DeliveryKey key;
    Reason reason = Reason::NothingNew;
    std::vector<AlertId> alerts;  ///< whom it concerns
    std::string detail;           ///< the silence, the inhibiting alert; else empty
};
/// Planned: to be sent, not begun. With `started`: on its way. Replaces a row of the same id.
struct AttemptEntry {
    std::int64_t id = 0;
    DeliveryKey key;
    unsigned number = 1;  ///< of tries for the same content
    Reason reason = Reason::FirstNotification;
    std::vector<AlertId> alerts;
    Timestamp planned;
    std::optional<Timestamp> started;
    bool possible_repeat = false;
};
struct AttemptEndEntry {
    std::int64_t id = 0;
    Timestamp finished;
    Reason outcome = Reason::Sent;
    int status = 0;
    std::string error;
};
struct ToldEntry {
    DeliveryKey key;
    Timestamp at;
    Fingerprints firing, resolved;
    std::string remember = {};  ///< `Outcome::remember`
};
/// As it stands now; with `what`, also a row of who did it.
struct SilenceEntry {
    Silence silence;
    std::string what;  ///< `created`, `changed`, `ended`
    std::string who;   ///< the one who did it, as far as known
};
using Entry = std::variant<AlertEntry, ResentEntry, DecisionEntry, AttemptEntry, AttemptEndEntry,
                           ToldEntry, SilenceEntry>;

/// What the ledger remembers when the program starts.
struct Memory {
    std::vector<Alert> alerts;  ///< firing, and resolved ones that somebody still has to hear of
    std::vector<ResentEntry> posted;  ///< those of `alerts` that other programs sent
    std::vector<ToldEntry> told;
    std::vector<AttemptEntry> unfinished;
    std::vector<Silence> silences;
    std::int64_t last_attempt_id = 0;
};

}  // namespace vedette::notify
