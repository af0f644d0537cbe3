#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/metric_family.h"
#include "core/mutex.h"
#include "core/reading.h"
#include "probes/change.h"
#include "probes/measure.h"
#include "probes/series_writer.h"
#include "probes/settings.h"

namespace vedette::probes {

/// One reading, as much as a bar on the board needs.
struct Moment {
    Timestamp at;
    std::chrono::nanoseconds took{0};
    bool up = false;
};

/// One failed reading, kept longer than successes are.
struct Failure {
    Timestamp at;
    std::chrono::nanoseconds took{0};
    std::string reason;
    std::vector<Phase> phases;
    std::shared_ptr<const std::string> transcript;  // never null
};

/// What the book says about one target: plain values for the API and the page.
struct TargetStatus {
    std::string probe, type, group, instance, address;
    Labels labels;
    Milliseconds every{0}, timeout{0};
    State state = State::Unknown;
    Timestamp since;  ///< of the first reading in this state; meaningless while unknown
    std::optional<Moment> latest;
    std::string reason;             ///< of the latest reading; empty when it is up
    std::vector<Phase> phases;      ///< of the latest reading
    std::vector<Moment> recent;     ///< oldest first, at most limits::probe_recent_readings
    std::vector<Failure> failures;  ///< newest first, at most limits::probe_failures_kept
};

/// The latest word about every target, and what came just before.
///
///     Measured ──▶ state, since ──▶ observers (on a change)
///              ├─▶ ring of moments, last failures ──▶ snapshot()
///              ├─▶ series of the target ──▶ one Batch ──▶ SampleSink
///              └─▶ latest values ──▶ families()
///
/// `replace`, `record` and `on_change` belong to the loop's thread; what is const to any: it holds one target at a time, for microseconds, so that a page never holds
/// up the loop.
class Book {
public:
    /// A target's place in the book; the same over reloads that keep its probe's name and instance.
    using Id = std::uint64_t;
    struct Entry {
        Id id = 0;
        std::shared_ptr<const ProbeSettings> probe;
        std::size_t target = 0;  // index among the probe's targets
    };

    Book(SampleSink& sink, Log& log, Metrics& metrics);
    ~Book();
    Book(const Book&) = delete;
    Book& operator=(const Book&) = delete;

    /// From now on these targets. Who was there before under the same id keeps history and state;
    /// who is gone, or has other labels now, gets stale markers at `now`.
    void replace(const std::vector<Entry>& entries, Timestamp now);
    /// Takes a reading of a target in the book; of one that is gone it is dropped.
    void record(Id id, Measured measured);
    /// Called on the loop's thread after a reading that changed a target's state was recorded.
    void on_change(std::function<void(const Change&)> observer);

    /// All targets, in the order of the configuration.
    std::vector<TargetStatus> snapshot() const;
    std::optional<TargetStatus> find(std::string_view probe, std::string_view instance) const;
    /// Why this target is down; empty when it is up, not yet asked, or not in the book. Costs one
    /// look into a table.
    std::string why_down(std::string_view probe, std::string_view instance) const;
    /// Targets with a reading later than the `since`th, and the number of the latest one now. Begin
    /// with 0. Costs a comparison for each target that has none.
    struct News {
        std::vector<TargetStatus> targets;
        std::uint64_t until = 0;
    };
    News news(std::uint64_t since) const;
    /// The latest values of all targets, by name. Of a target without a reading there is nothing.
    std::vector<MetricFamily> families() const;

private:
    struct Kept;
    struct Pages {
        std::vector<std::shared_ptr<Kept>> all;
        std::map<std::pair<std::string, std::string>, const Kept*> by_name;  // probe, instance
    };
    std::shared_ptr<const Pages> pages() const VEDETTE_EXCLUDES(mutex_);

    SeriesWriter writer_;
    std::map<Id, std::shared_ptr<Kept>> by_id_;  // loop's thread only
    std::vector<std::function<void(const Change&)>> observers_;
    std::atomic<std::uint64_t> readings_ = 0;  // taken so far

    mutable Mutex mutex_;
    std::shared_ptr<const Pages> pages_ VEDETTE_GUARDED_BY(mutex_);  // replaced, never changed
};

}  // namespace vedette::probes
