#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "notify/matcher.h"

namespace vedette::notify {

/// A person's wish not to be told about some alerts for a while.
struct Silence {
    enum class State { Pending, Active, Expired };

    std::string id;
    AlertMatchers matchers;
    Timestamp starts, ends, updated;
    std::string created_by, comment;

    State state(Timestamp now) const;
};
std::string_view to_string(Silence::State state);

/// All silences that are known. One thread.
class SilenceTable {
public:
    /// Adds or, by id, replaces. Fails with BadInput when it ends before it starts, has ended, has no
    /// matcher, or only matchers that hold for a label that is not there (it would silence everything).
    Result<void> put(Silence silence, Timestamp now);
    /// As `put`, but as it was stored, ended ones too.
    void restore(Silence silence);
    /// Ends it now. Fails with NotFound, and with BadInput when it is over already.
    Result<Silence> expire(std::string_view id, Timestamp now);
    /// Drops those that ended before `before`.
    void forget(Timestamp before);

    /// The first active silence that holds for `labels`, or null. Valid until the table changes.
    const Silence* silencing(const Labels& labels, Timestamp now) const;
    const std::map<std::string, Silence, std::less<>>& all() const { return silences_; }

private:
    std::map<std::string, Silence, std::less<>> silences_;
};

}  // namespace vedette::notify
