#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/loop.h"
#include "base/metrics.h"
#include "core/limits.h"
#include "probes/measure.h"
#include "probes/schedule.h"
#include "probes/settings.h"

namespace vedette::probes {

/// Starts attempts when `Schedule` says so, on one loop, with one timer.
///
/// How late attempts start is exported (`vedette_probe_schedule_lag_seconds`), so that a reading
/// taken by an overloaded machine can be told from a slow target. On the loop's thread only, or
/// before it runs.
class Scheduler {
public:
    using Id = Schedule::Id;
    /// One target to be asked again and again.
    struct Job {
        Id id = 0;
        std::shared_ptr<const ProbeSettings> probe;
        std::size_t target = 0;  // index among the probe's targets
    };
    using OnReading = std::function<void(Id, Measured)>;

    Scheduler(const World& world, Metrics& metrics, OnReading on_reading,
              std::size_t in_flight_max = limits::probes_in_flight_per_loop);
    ~Scheduler();  // forgets attempts in flight: their readings go nowhere
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    /// From now on these jobs. One that was there before with the same id and `every` keeps its
    /// times; its next attempt has the new settings. An id that is gone never comes back.
    void replace(const std::vector<Job>& jobs);

    const Schedule& schedule() const { return schedule_; }

private:
    void start_due();
    void start(const Schedule::Start& start);
    void arm();
    void export_numbers();

    World world_;
    OnReading on_reading_;
    Schedule schedule_;
    std::unordered_map<Id, Job> jobs_;
    Loop::TimerId timer_;
    Schedule::TimePoint armed_for_;
    std::uint64_t skipped_counted_ = 0;
    HistogramMetric& lag_;
    Gauge& in_flight_;
    Gauge& waiting_;
    Counter& skipped_;
    Counter& cut_off_;
    std::shared_ptr<Scheduler*> self_;  // empty for those who come back after the end
};

}  // namespace vedette::probes
