#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "core/alert.h"
#include "core/metric_family.h"
#include "core/mutex.h"
#include "core/series.h"
#include "core/time.h"
#include "rules/group.h"
#include "rules/status.h"

namespace vedette::rules {

/// Everything the rules need of the rest of the program; outlives the manager.
struct Doors {
    Ask ask;               ///< answers expressions
    SampleSink& samples;   ///< takes recorded series, ALERTS, ALERTS_FOR_STATE
    SeriesSource& series;  ///< holds ALERTS_FOR_STATE of before a restart
    AlertSink& alerts;     ///< hears transitions and resends
    AlertMemory& memory;   ///< what was open when the program stopped
    Clock& clock;
    Log& log;
    Metrics& metrics;
    Prepare prepare = nullptr;     ///< answers the same expression quicker the second time
    LabelSource* names = nullptr;  ///< knows what there is, for rules that select nothing
};

/// Evaluates rule groups on time. Safe to call from any thread.
///
///     Manager manager(settings, doors);
///     manager.load(groups);   // also on every reload
///     manager.start();
class Manager {
public:
    explicit Manager(Doors doors);
    ~Manager();  ///< as `stop`
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    /// Puts these groups in the place of those before. Groups with the same file and name and, in
    /// them, rules with the same kind, name and labels keep their alerts, with the same ids. Alerts
    /// of rules that are gone are resolved. The first call restores what `AlertMemory` holds. Fails
    /// with BadInput, and changes nothing, when two groups have one file and one name. Waits for a
    /// running evaluation.
    Result<void> load(std::vector<RuleGroup> groups, const RuleSettings& settings);

    /// Evaluates every group whose time has come. The thread of `start` calls it; tests call it
    /// themselves.
    void evaluate_due(Timestamp now, std::stop_token stop = {});

    /// Samples came that rules may wait for. Groups with `evaluate: on_arrival` are evaluated soon:
    /// once for all that came meanwhile, and at most once in `arrivals_every`. Cheap, and safe to
    /// call from wherever samples are taken.
    ///
    ///   batches       |  | |              |
    ///   evaluations   ×     └─ 100 ms ─►× ×        the first at once, the next two as one
    void arrived();
    static constexpr Milliseconds arrivals_every{100};

    /// Starts the thread that evaluates; `stop` ends and joins it, cutting a running question
    /// short.
    void start();
    void stop();

    /// What is known after the last evaluation of each group, in the order of load.
    std::vector<GroupStatus> status() const;
    /// What /metrics says of the groups, under Prometheus's names.
    std::vector<MetricFamily> families() const;

private:
    void restore(Timestamp now) VEDETTE_REQUIRES(work_);
    void end_groups(Timestamp now) VEDETTE_REQUIRES(work_);
    void look_at_clock() VEDETTE_REQUIRES(work_);
    void publish() VEDETTE_REQUIRES(work_);
    /// Of one group, after it was evaluated.
    void publish(std::size_t index) VEDETTE_REQUIRES(work_);
    void catch_up(Timestamp now) VEDETTE_REQUIRES(work_);
    bool take_arrivals() VEDETTE_REQUIRES(work_);
    void look_for_names(Timestamp now) VEDETTE_REQUIRES(work_);
    /// How long until a group is due, and until arrivals may be looked at again.
    Milliseconds until_next(Timestamp now);
    Milliseconds until_arrivals();
    void run(std::stop_token stop);

    Doors doors_;
    Surroundings with_;

    Mutex work_;  ///< held while groups change or run; guards these:
    RuleSettings settings_ VEDETTE_GUARDED_BY(work_);
    std::vector<Group> groups_ VEDETTE_GUARDED_BY(work_);
    std::vector<Group> ending_ VEDETTE_GUARDED_BY(work_);
    bool restored_ VEDETTE_GUARDED_BY(work_) = false;
    /// How far the wall clock was ahead of the steady one at the last look.
    std::optional<Milliseconds> ahead_ VEDETTE_GUARDED_BY(work_);
    using SteadyTime = std::chrono::steady_clock::time_point;
    SteadyTime arrivals_from_ VEDETTE_GUARDED_BY(work_){};  ///< none are looked at before
    SteadyTime names_from_ VEDETTE_GUARDED_BY(work_){};     ///< nor names

    mutable Mutex published_mutex_;  ///< held as long as a copy takes; guards this:
    std::vector<GroupStatus> published_ VEDETTE_GUARDED_BY(published_mutex_);

    std::atomic<bool> any_on_arrival_ = false;
    Mutex sleep_;                                      ///< guards these:
    bool loaded_ VEDETTE_GUARDED_BY(sleep_) = false;   ///< what is due next may have changed
    bool arrived_ VEDETTE_GUARDED_BY(sleep_) = false;  ///< and nobody has looked yet
    Condition wake_;
    std::jthread thread_;
};

}  // namespace vedette::rules
