#pragma once

#include <set>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/series.h"

namespace vedette::rules {

/// One series' value, to be written at the time of an evaluation.
struct Recorded {
    Labels labels;  ///< with the metric name
    Value value;
};

/// Writes what one rule gives, and ends the series that it gave last time and does not give now
/// with a stale marker, so that a graph stops where the answer stopped. Used by one thread at a
/// time.
class Recorder {
public:
    /// One batch. Fails when the sink takes nothing; then the series of last time stay remembered.
    /// A series the sink refuses is left out, and the first refusal is the error after the others
    /// were written.
    Result<Appended> write(SampleSink& sink, const std::vector<Recorded>& rows, Timestamp at);

    /// Ends every series: the rule is gone.
    Result<Appended> end(SampleSink& sink, Timestamp at) { return write(sink, {}, at); }

    /// What `other` wrote last time is left to it: `end` does not end it.
    void leave_to(const Recorder& other);

    std::size_t series() const { return before_.size(); }

private:
    std::set<Labels> before_;
};

}  // namespace vedette::rules
