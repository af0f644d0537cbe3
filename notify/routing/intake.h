#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "notify/entries.h"

namespace vedette::notify {

/// An alert as another program sends it to API v2.
struct PostedAlert {
    Labels labels;
    Annotations annotations;
    std::optional<Timestamp> starts, ends;
    std::string generator_url;
};

/// What other programs say of their alerts, turned into alerts of ours. They send each alert again and
/// again; one that they stop sending ends when they last said it would, or `resolve_timeout` after they
/// last sent it. A pure state machine on the wall clock, as Alertmanager's; one thread.
///
///     posted ─► merge with what stands ─► firing, its end in the future ─── the end comes ──► resolved
///                                     └─► resolved, its end is past
///
/// Invariants: (I1) an alert keeps its id while it fires, whatever start is sent later; (I2) what is
/// returned as an entry is on disk before the sender is told so (its caller's promise).
class Intake {
public:
    /// One that stands, as API v2 shows it.
    struct Standing {
        AlertRef alert;
        Timestamp starts, ends, updated;
        bool by_timeout = false;  ///< the sender named no end
    };

    /// Takes one up from the ledger.
    void restore(AlertRef alert, const PostedTimes& times);
    /// Merges and remembers. A resend that changes nothing but its end becomes a `ResentEntry`.
    std::vector<Entry> take(std::span<const PostedAlert> alerts, Milliseconds resolve_timeout,
                            Timestamp now);
    /// Those whose end has come: resolved ones. They are forgotten here.
    std::vector<AlertRef> due(Timestamp now);
    std::optional<Timestamp> next_due() const;

    /// Null when it does not stand. Valid until the next change.
    const Standing* find(std::uint64_t fingerprint) const;
    std::size_t size() const { return standing_.size(); }

private:
    Entry merge(const PostedAlert& posted, std::uint64_t fingerprint, Milliseconds resolve_timeout,
                Timestamp now);
    void keep(std::uint64_t fingerprint, Standing standing);

    std::unordered_map<std::uint64_t, Standing> standing_;        // by fingerprint
    std::set<std::pair<Timestamp, std::uint64_t>> ends_;  // of `standing_`
};

}  // namespace vedette::notify
