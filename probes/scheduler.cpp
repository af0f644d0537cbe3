#include "probes/scheduler.h"

#include <map>
#include <utility>

#include "core/error.h"

namespace vedette::probes {
namespace {

/// What its place in the pattern is derived from.
std::string key_of(const Scheduler::Job& job) {
    return job.probe->name + '\n' + job.probe->targets[job.target].instance;
}

}  // namespace

Scheduler::Scheduler(const World& world, Metrics& metrics, OnReading on_reading,
                     std::size_t in_flight_max)
    : world_(world),
      on_reading_(std::move(on_reading)),
      schedule_(in_flight_max),
      lag_(metrics.histogram("vedette_probe_schedule_lag_seconds",
                             "How much later than planned attempts started",
                             {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10})),
      in_flight_(metrics.gauge("vedette_probe_in_flight", "Attempts under way")),
      waiting_(metrics.gauge("vedette_probe_waiting", "Targets that are due and wait for a place")),
      skipped_(metrics.counter("vedette_probe_skipped_total",
                               "Turns left out because the one before was not over in time")),
      cut_off_(metrics.counter("vedette_probe_cut_off_total",
                               "Attempts that did not end by themselves at their deadline")),
      self_(std::make_shared<Scheduler*>(this)) {}

Scheduler::~Scheduler() {
    world_.loop.cancel(timer_);
}

void Scheduler::replace(const std::vector<Job>& jobs) {
    std::map<Milliseconds, std::size_t> sharing;  // by period
    for (const Job& job : jobs) ++sharing[job.probe->every];
    auto before = std::exchange(jobs_, {});
    for (const Job& job : jobs) {
        const auto known = before.find(job.id);
        const bool is_new = known == before.end();
        check(is_new || known->second.probe->every == job.probe->every,
              "a job with another rhythm is another job");
        if (is_new)
            schedule_.add({job.id, key_of(job), job.probe->every, sharing[job.probe->every]},
                          world_.loop.now(), world_.clock.now());
        else
            before.erase(known);
        jobs_.emplace(job.id, job);
    }
    for (const auto& [id, gone] : before) schedule_.remove(id);
    start_due();
}

void Scheduler::start_due() {
    for (const Schedule::Start& due : schedule_.take(world_.loop.now())) start(due);
    export_numbers();
    arm();
}

void Scheduler::start(const Schedule::Start& due) {
    const Job& job = jobs_.at(due.id);
    lag_.observe(std::chrono::duration<double>(due.late).count());
    measure(world_, *job.probe->attempt, job.probe->targets[job.target].address, job.probe->timeout,
            [weak = std::weak_ptr<Scheduler*>(self_), id = due.id](Measured measured) {
                const auto self = weak.lock();
                if (self == nullptr) return;
                Scheduler& scheduler = **self;
                if (measured.cut_off) scheduler.cut_off_.add();
                scheduler.schedule_.finished(id);
                if (scheduler.jobs_.contains(id)) scheduler.on_reading_(id, std::move(measured));
                scheduler.start_due();
            });
}

void Scheduler::arm() {
    const auto wake = schedule_.wake();
    if (timer_ && wake && *wake == armed_for_) return;
    world_.loop.cancel(std::exchange(timer_, {}));
    if (!wake) return;
    armed_for_ = *wake;
    timer_ = world_.loop.at(*wake, [this] {
        timer_ = {};
        start_due();
    });
}

void Scheduler::export_numbers() {
    in_flight_.set(static_cast<double>(schedule_.in_flight()));
    waiting_.set(static_cast<double>(schedule_.waiting()));
    skipped_.add(static_cast<double>(schedule_.skipped() - skipped_counted_));
    skipped_counted_ = schedule_.skipped();
}

}  // namespace vedette::probes
