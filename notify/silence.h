#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "notify/matcher.h"
#include "notify/routing/time_interval.h"

namespace vedette::notify {

/// A person's wish not to be told about some alerts for a while.
struct Silence {
    enum class State { Pending, Active, Expired };

    std::string id;
    AlertMatchers matchers;
    Timestamp starts, ends, updated;
    std::string created_by, comment;
    /// Ours: between start and end it holds only at these times, as `time_intervals` are written, in
    /// JSON or YAML: `[{"weekdays":["sunday"],"location":"Europe/Paris"}]`. Empty: all the time.
    std::string recurring;
    std::shared_ptr<const std::vector<TimeInterval>> times;  ///< `recurring`, read
    bool until_resolved = false;  ///< ours: over as soon as none of the alerts it held for fires

    State state(Timestamp now) const;
    /// Active, and one of its times holds.
    bool holds(Timestamp now) const;
};
std::string_view to_string(Silence::State state);

/// Reads `recurring` into `times`. Fails with BadInput and what is wrong first.
Result<void> read_times(Silence& silence);

/// All silences that are known, with the rules of Alertmanager's API v2. One thread.
class SilenceTable {
public:
    /// What a change did: the silence as it stands now, and the one that it took the place of.
    struct Change {
        Silence now;
        std::optional<Silence> ended;
        bool created = false;
    };

    /// Without an id it is a new silence, named `fresh_id`, which holds from now at the earliest. With
    /// one it changes that silence: in place when only words or the end change (or a start that has not
    /// come), else the old one ends and a new one begins. Fails with NotFound when the id is unknown;
    /// with BadInput, in Alertmanager's words, when it ends before it starts or has ended, has no
    /// matcher, only matchers that hold for a label that is not there (it would silence everything), or
    /// is longer than `longest` (0: any length).
    Result<Change> set(Silence silence, std::string fresh_id, Milliseconds longest, Timestamp now);
    /// As it was stored; ended ones too.
    void restore(Silence silence);
    /// Ends it now; one that is over stays as it is. Fails with NotFound.
    Result<Silence> expire(std::string_view id, Timestamp now);
    /// Drops those that ended before `before`.
    void forget(Timestamp before);

    /// The first silence that holds for `labels`, or null. Valid until the table changes.
    const Silence* silencing(const Labels& labels, Timestamp now) const;
    const std::map<std::string, Silence, std::less<>>& all() const { return silences_; }

private:
    std::map<std::string, Silence, std::less<>> silences_;
};

}  // namespace vedette::notify
