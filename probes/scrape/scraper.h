#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/http/client.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "core/mutex.h"
#include "core/series.h"
#include "core/time.h"
#include "probes/schedule.h"
#include "probes/scrape/discovery.h"
#include "probes/scrape/failure_log.h"
#include "probes/scrape/page/series.h"
#include "probes/scrape/settings.h"
#include "probes/scrape/status.h"
#include "probes/scrape/target.h"

namespace vedette::scrape {

/// What a scraper works through; all of it outlives it.
struct ScraperDoors {
    Loop& loop;
    HttpClient& http;
    DnsRecords& dns;
    Files& files;
    SampleSink& sink;
    /// Where samples about scrapes go when the sink has no room for those of a page: alerting
    /// stands on `up`. One store with it.
    SampleSink& reports;
    Clock& clock;
    Log& log;
    Metrics& metrics;
};

/// Reads the pages of all targets, each once an interval, and stores what they say.
///
///     Discovery ─groups─► make_targets ─► Schedule ─due─► HttpClient ─page─► PageSeries ─► sink
///      files, lists,       relabelling     spread by       gzip, limits       known series
///      name servers                        name                               by place
///
/// Every scrape is one batch: the page's samples, stale markers of what is gone, and `up` and
/// `scrape_…` about the scrape itself; when the sink has no room for it, the latter alone. A target
/// that does not answer is `up 0`, and its series end. A target that is gone gets markers for all of
/// its series; a restart writes none.
///
/// Everything but `snapshot` belongs to the loop's thread, or happens before the loop runs.
class Scraper {
public:
    explicit Scraper(const ScraperDoors& doors);
    ~Scraper();
    Scraper(const Scraper&) = delete;
    Scraper& operator=(const Scraper&) = delete;

    /// Scrapes what `settings` say from now on: at first or on a reload, whole. A target that is
    /// there before and after keeps its times and its series.
    void load(const Settings& settings);
    /// Asks nobody any more; what is in flight is forgotten.
    void stop();

    /// By job. Safe from any thread.
    std::vector<JobStatus> snapshot() const;
    /// Those that were scraped since, at most limits::board_scraped_targets_max. Safe from any
    /// thread.
    ScrapeNews news(std::uint64_t since) const;

private:
    using Id = probes::Schedule::Id;
    /// What tells a target again: labels, address and times.
    using Key = std::string;

    /// The series about the scrape itself.
    struct Report {
        std::vector<std::optional<SeriesRef>> series;
        std::uint64_t generation = 0;
    };
    struct Job;
    struct Running {
        Running(Job& of, Target what, SampleSink& sink)
            : job(&of), target(std::move(what)), series(sink) {}
        Job* job;
        Target target;
        PageSeries series;
        Report report;
    };
    struct Job {
        std::shared_ptr<const JobSettings> settings;
        std::string accept;
        std::string refusal;  ///< why none of its targets is asked: target_limit
        std::unique_ptr<Discovery> discovery;
        std::map<Key, Id> targets;
        std::shared_ptr<const MetricsAbout> about;  ///< of the target that was read last
    };
    /// One scrape that ended, one way or the other.
    struct Outcome {
        Timestamp at;
        std::chrono::steady_clock::time_point began;
        std::string error;
        std::uint64_t body_bytes = 0;
        bool body_too_large = false;
    };

    void take_groups(Job& job, const std::vector<TargetGroup>& groups);
    void begin(Job& job, Key key, Target target);
    void end(Id id);
    void show_dropped(const Job& job, const std::vector<Target>& targets);

    void start_due();
    void arm();
    void scrape(Id id, std::chrono::nanoseconds late);
    HttpCall call_for(const Running& running) const;
    void answered(Id id, Outcome outcome, const HttpOutcome& answer);
    Taken take_page(Running& running, Outcome& outcome, const HttpOutcome& answer);
    void finish(Id id, Running& running, const Outcome& outcome, const Taken& taken);
    void add_report(Running& running, const Outcome& outcome, const Taken& taken,
                    std::chrono::nanoseconds took);
    std::shared_ptr<const MetricsAbout> shared_about(const Running& running);
    void put_report(Running& running, Timestamp at, const std::vector<double>& values);
    void empty_batch();
    void commit(const std::string& job);
    /// The batch was refused as a whole: what it says about the scrape is taken all the same.
    void keep_report(const std::string& job, const Error& refusal);

    Loop& loop_;
    HttpClient& http_;
    DnsRecords& dns_;
    SampleSink& sink_;
    SampleSink& reports_;
    Clock& clock_;
    Log& log_;
    FailureLogs failure_logs_;
    bool extra_metrics_ = false;
    Counter& stored_;
    Counter& rejected_;
    Counter& refused_series_;
    Counter& exemplars_;
    Counter& failures_;
    Counter& discovery_failures_;
    Gauge& targets_;
    probes::Schedule schedule_;
    Loop::TimerId timer_;
    std::map<std::string, std::unique_ptr<Job>> jobs_;
    std::map<Id, Running> running_;
    Id last_id_ = 0;
    Batch batch_;
    std::size_t report_begin_ = 0;  ///< in its rows
    std::shared_ptr<Scraper*> self_;  ///< empty for those who come back after the end

    mutable Mutex mutex_;
    std::uint64_t scrapes_ VEDETTE_GUARDED_BY(mutex_) = 0;
    std::map<Id, TargetStatus> shown_ VEDETTE_GUARDED_BY(mutex_);
    std::map<std::string, JobStatus> shown_jobs_ VEDETTE_GUARDED_BY(mutex_);
};

}  // namespace vedette::scrape
