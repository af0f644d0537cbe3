#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/http/client.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "core/series.h"
#include "core/time.h"
#include "probes/book.h"
#include "probes/scheduler.h"
#include "probes/settings.h"

namespace vedette::probes {

/// The room: asks every target on time, keeps and stores what they say.
///
/// Everything but `book()`'s readers belongs to the loop's thread, or happens before the loop runs.
/// What it is given outlives it.
class Probes {
public:
    Probes(Loop& loop, HttpClient& http, SampleSink& sink, Clock& clock, Log& log,
           Metrics& metrics);
    ~Probes();
    Probes(const Probes&) = delete;
    Probes& operator=(const Probes&) = delete;

    /// Watches what `settings` say from now on: at first or on a reload, whole. A target with the
    /// same probe name and instance keeps its history, and its times if `every` is the same; one
    /// that is gone gets stale markers.
    void load(const Settings& settings);
    /// Asks nobody any more; what is in flight is forgotten. No stale markers: a restart goes on.
    void stop();

    /// Observers and the latest values; its reading functions are safe from any thread.
    Book& book() { return book_; }
    const Book& book() const { return book_; }

private:
    using Key = std::pair<std::string, std::string>;  // probe, instance
    struct Place {
        Book::Id book = 0;
        Scheduler::Id job = 0;
        Milliseconds every{0};
    };

    World world_;
    Metrics& metrics_;
    Book book_;
    std::map<Key, Place> places_;
    std::map<Scheduler::Id, Book::Id> book_of_job_;
    std::uint64_t last_id_ = 0;
    Gauge& targets_;
    std::unique_ptr<Scheduler> scheduler_;  // null after `stop`
};

}  // namespace vedette::probes
