#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace vedette::notify {

/// One moment on both clocks: wall time for people and disk, steady time for waiting, so that a
/// stepped clock neither delays nor repeats a page.
struct Moment {
    Timestamp wall;
    std::chrono::steady_clock::time_point steady;

    static Moment of(const Clock& clock) { return {clock.now(), clock.steady()}; }
};

/// Why something was or was not done. Logged, stored, shown and tested by the same word.
enum class Reason {
    // told
    FirstNotification,
    NewAlerts,
    SomeResolved,
    AllResolved,
    RepeatElapsed,
    // not told
    NothingNew,
    NothingFiring,   ///< and nobody was told before: there is nothing to take back
    ResolvedUnasked, ///< all resolved, and this receiver does not want to hear it
    FiringUnasked,   ///< it fires, and this receiver wants to hear only when all is over
    Inhibited,
    Silenced,
    TimeMuted,    ///< one of the route's `mute_time_intervals` holds
    TimeInactive, ///< none of the route's `active_time_intervals` holds
    NoReceiver,  ///< the receiver has no way to be told
    // attempts
    Sent,
    Recorded,       ///< shadow mode: it would have been sent
    Unfinished,     ///< a stop hid its outcome; it is made again as a possible repeat
    TryAgain,       ///< failed, worth trying again
    Refused,        ///< failed, trying the same again changes nothing; the next group interval may
    GivenUp,        ///< owed for limits::notify_owed_max
    ReceiverGone,   ///< the configuration no longer has it
};

/// `new alerts added`: Alertmanager's words where it has them.
std::string_view to_string(Reason reason);
/// The reason that prints so; nothing when there is none.
std::optional<Reason> parse_reason(std::string_view text);
/// The first five: something is to be sent.
bool tells(Reason reason);

/// Fingerprints, ascending.
using Fingerprints = std::vector<std::uint64_t>;

/// What one receiver was last told about one group.
struct Told {
    Fingerprints firing, resolved;
    Moment at;
    std::string remember = {};  ///< `Outcome::remember` of that message
};

/// Whether a receiver needs to hear about a group again.
///
///   told before?  firing now            resolved now                → reason
///   no            none                  any                           NothingFiring
///   no            some                  any                           FirstNotification
///   yes           one not told          any                           NewAlerts
///   yes           none, some were told  any                           AllResolved
///   yes           none, none were told  any                           NothingNew
///   yes           all told              one not told, wanted          SomeResolved
///   yes           all told              all told or unwanted          RepeatElapsed when the interval
///                                                                     is over, else NothingNew
///
/// `send_resolved`: this receiver wants to hear of single resolves.
Reason needs_update(const Told* last, const Fingerprints& firing, const Fingerprints& resolved,
                    bool send_resolved, Milliseconds repeat_interval, Moment now);

/// How a sender's attempt ended. Senders never try again by themselves.
struct Outcome {
    bool sent = false;
    bool recorded = false;  ///< sent: only in the ledger, nothing went out (shadow mode)
    bool retry = true;  ///< not sent: is it worth trying again?
    bool maybe_arrived = false;  ///< not sent as far as known, but the request went out whole
    std::optional<Milliseconds> retry_after;  ///< the service asked for it
    int status = 0;                           ///< HTTP status or SMTP reply; 0: it did not come to that
    std::string error;                        ///< one sentence; empty when sent
    /// Sent: where the service put the message, for the next one about the same; only its sender reads it.
    std::string remember = {};
};

struct RetryPlan {
    Reason reason = Reason::TryAgain;
    Milliseconds wait{0};  ///< of TryAgain
};

/// What follows a failed attempt. The wait doubles from limits::notify_backoff_first up to
/// notify_backoff_max and is drawn from its upper half by `jitter` (0 to 1), so that receivers that
/// failed together do not come back together; never shorter than the service asked for, which counts
/// up to limits::retry_after_max. Without that wish it does not wait past `group_interval`, where
/// newer content is due.
RetryPlan after_failure(const Outcome& outcome, unsigned failures, Milliseconds owed_for,
                        Milliseconds group_interval, double jitter);

/// `Retry-After` as integer or fractional seconds or an HTTP date; clamped to 0 … retry_after_max.
/// Nothing when it is none of them.
std::optional<Milliseconds> parse_retry_after(std::string_view text, Timestamp now);

}  // namespace vedette::notify
