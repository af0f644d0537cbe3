#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/annotations.h"
#include "core/error.h"
#include "core/labels.h"
#include "core/time.h"

namespace vedette {

/// Names one alert for ever: its labels' fingerprint and the moment its condition began to hold.
/// Does not change over restarts, resends, and reloads that keep its rule.
struct AlertId {
    std::uint64_t fingerprint = 0;
    Timestamp since;

    auto operator<=>(const AlertId&) const = default;
};

/// `c0ffee0123456789-1790000000000`
std::string to_string(const AlertId& id);
Result<AlertId> parse_alert_id(std::string_view text);

enum class AlertState { Pending, Firing, Resolved };
std::string_view to_string(AlertState state);  // "pending", "firing", "resolved"

/// One alert as rules hand it to notify.
struct Alert {
    AlertId id;
    Labels labels;       ///< `alertname` among them
    Annotations annotations;  ///< expanded
    AlertState state = AlertState::Pending;
    double value = 0;                      ///< of the expression when last evaluated
    Timestamp active_at;                   ///< condition began to hold
    std::optional<Timestamp> fired_at;     ///< hold was waited out
    std::optional<Timestamp> resolved_at;  ///< condition ceased, or the rule went
    std::string generator_url;             ///< where the expression can be looked at
    std::string rule;                      ///< `file;group;alertname`: whose it is
    std::string reason;                    ///< why the last transition happened, for a person
};

/// Takes what rules decided. Safe to call from any thread.
class AlertSink {
public:
    virtual ~AlertSink() = default;
    /// Transitions and resends. Returns when they are on disk, or (a page beats its record) when
    /// they are at least in memory and the disk did not answer in time. An error means: not taken,
    /// offer again.
    virtual Result<void> take(std::span<const Alert> alerts) = 0;
};

/// What was open when the program stopped, so that a `for` timer survives a restart.
class AlertMemory {
public:
    virtual ~AlertMemory() = default;
    /// Every alert not resolved, pending ones included, as last taken.
    virtual Result<std::vector<Alert>> open_alerts() = 0;
};

}  // namespace vedette
