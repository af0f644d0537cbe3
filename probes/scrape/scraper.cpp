#include "probes/scrape/scraper.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace vedette::scrape {
namespace {

/// The series about a scrape, in the order of their values; the last three only when asked for.
constexpr std::array<std::string_view, 8> report_names{
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
};

/// So much too late is no reason for a crooked time: even steps take less room.
constexpr std::chrono::milliseconds time_tolerance{2};

std::string key_of(const Target& target) {
    return fmt::format("{} {} {} {}", to_string(target.labels), target.url, target.interval.count(),
                       target.timeout.count());
}

std::string status_text(int status) {
    struct Known {
        int status;
        std::string_view text;
    };
    constexpr std::array known = {
        Known{204, "No Content"},
        Known{301, "Moved Permanently"},
        Known{302, "Found"},
        Known{400, "Bad Request"},
        Known{401, "Unauthorized"},
        Known{403, "Forbidden"},
        Known{404, "Not Found"},
        Known{405, "Method Not Allowed"},
        Known{429, "Too Many Requests"},
        Known{500, "Internal Server Error"},
        Known{502, "Bad Gateway"},
        Known{503, "Service Unavailable"},
        Known{504, "Gateway Timeout"},
    };
    for (const Known& each : known)
        if (each.status == status) return fmt::format("{} {}", status, each.text);
    return std::to_string(status);
}

}  // namespace

Scraper::Scraper(const ScraperDoors& doors)
    : loop_(doors.loop),
      http_(doors.http),
      dns_(doors.dns),
      sink_(doors.sink),
      reports_(doors.reports),
      clock_(doors.clock),
      log_(doors.log),
      failure_logs_(doors.files, doors.log),
      stored_(doors.metrics.counter("vedette_scrape_samples_total",
                                    "Samples of pages that were stored")),
      rejected_(doors.metrics.counter("vedette_scrape_samples_rejected_total",
                                      "Samples of pages that the store did not take")),
      refused_series_(
          doors.metrics.counter("vedette_scrape_samples_refused_total",
                                "Samples of pages whose series the store has no room for")),
      exemplars_(doors.metrics.counter("vedette_scrape_exemplars_total",
                                       "Exemplars on pages, known ones too")),
      failures_(doors.metrics.counter("vedette_scrape_failures_total", "Scrapes that failed")),
      discovery_failures_(
          doors.metrics.counter("vedette_scrape_discovery_failures_total",
                                "Lists and files of targets that could not be read")),
      targets_(doors.metrics.gauge("vedette_scrape_targets", "Targets that are scraped")),
      schedule_(limits::scrapes_in_flight_max),
      self_(std::make_shared<Scraper*>(this)) {}

Scraper::~Scraper() {
    stop();
}

void Scraper::stop() {
    *self_ = nullptr;
    self_ = std::make_shared<Scraper*>(this);
    if (timer_) loop_.cancel(std::exchange(timer_, {}));
    jobs_.clear();
    running_.clear();
}

void Scraper::load(const Settings& settings) {
    extra_metrics_ = settings.extra_metrics;
    auto before = std::exchange(jobs_, {});
    std::set<std::string> failure_logs;
    for (const JobSettings& job : settings.jobs)
        if (!job.failure_log.empty()) failure_logs.insert(job.failure_log);
    failure_logs_.open(failure_logs);
    {
        const Lock lock(mutex_);
        shown_jobs_.clear();
    }
    for (const JobSettings& given : settings.jobs) {
        auto job = std::make_unique<Job>();
        job->settings = std::make_shared<const JobSettings>(given);
        job->accept = accept_header(given);
        Job& placed = *jobs_.emplace(given.name, std::move(job)).first->second;
        placed.discovery = std::make_unique<Discovery>(
            DiscoveryDoors{loop_, http_, dns_, log_, discovery_failures_}, placed.settings,
            [this, &placed](const auto& groups) { take_groups(placed, groups); });
        const auto known = before.find(given.name);
        if (known != before.end()) {
            placed.targets = std::move(known->second->targets);
            for (const auto& [key, id] : placed.targets) {
                running_.at(id).job = &placed;
                running_.at(id).series.look_anew();
            }
            placed.discovery->inherit(*known->second->discovery);
            before.erase(known);
        }
        placed.discovery->start();
    }
    for (const auto& [name, gone] : before)
        for (const auto& [key, id] : gone->targets) end(id);
    start_due();
}

void Scraper::take_groups(Job& job, const std::vector<TargetGroup>& groups) {
    std::vector<std::string> failures;
    const std::vector<Target> targets = make_targets(groups, *job.settings, failures);
    for (const std::string& failure : failures)
        log_.warn("a target cannot be scraped", {{"job", job.settings->name}, {"reason", failure}});
    auto before = std::exchange(job.targets, {});
    std::size_t active = 0;
    for (const Target& target : targets) {
        if (target.dropped) continue;
        ++active;
        Key key = key_of(target);
        const auto known = before.find(key);
        if (known == before.end()) {
            begin(job, std::move(key), target);
            continue;
        }
        job.targets.emplace(std::move(key), known->second);
        before.erase(known);
    }
    for (const auto& [key, id] : before) end(id);
    const std::size_t most = job.settings->targets_max;
    job.refusal =
        most > 0 && active > most
            ? fmt::format("target_limit exceeded (number of targets: {}, limit: {})", active, most)
            : "";
    show_dropped(job, targets);
    targets_.set(static_cast<double>(running_.size()));
    start_due();
}

void Scraper::show_dropped(const Job& job, const std::vector<Target>& targets) {
    const std::size_t asked = job.settings->dropped_targets_kept;
    const std::size_t most = asked > 0 ? asked : limits::scrape_dropped_targets_max;
    JobStatus shown;
    shown.name = job.settings->name;
    for (const Target& target : targets) {
        if (!target.dropped) continue;
        ++shown.dropped_count;
        if (shown.dropped.size() < most) shown.dropped.push_back(target.discovered);
    }
    const Lock lock(mutex_);
    shown_jobs_.insert_or_assign(shown.name, std::move(shown));
}

void Scraper::begin(Job& job, Key key, Target target) {
    const Id id = ++last_id_;
    schedule_.add({id, key, target.interval}, loop_.now(), clock_.now());
    TargetStatus status;
    status.job = job.settings->name;
    status.discovered = target.discovered;
    status.labels = target.labels;
    status.url = target.url;
    status.interval = target.interval;
    status.timeout = target.timeout;
    job.targets.emplace(std::move(key), id);
    running_.try_emplace(id, job, std::move(target), sink_);
    const Lock lock(mutex_);
    shown_.emplace(id, std::move(status));
}

/// The target is gone: all of its series end now, those about its scrapes too.
void Scraper::end(Id id) {
    const auto at = running_.find(id);
    Running& running = at->second;
    const Timestamp now = clock_.now();
    empty_batch();
    running.series.end(*running.job->settings, running.target.labels, now, batch_);
    report_begin_ = batch_.rows.size();
    if (!running.report.series.empty())
        put_report(running, now, std::vector<double>(running.report.series.size(), stale_marker()));
    commit(running.job->settings->name);
    schedule_.remove(id);
    running_.erase(at);
    const Lock lock(mutex_);
    shown_.erase(id);
}

// ── one scrape
// ───────────────────────────────────────────────────────────────────────────────────────

void Scraper::arm() {
    if (timer_) loop_.cancel(std::exchange(timer_, {}));
    if (const auto wake = schedule_.wake())
        timer_ = loop_.at(*wake, [this] {
            timer_ = {};
            start_due();
        });
}

void Scraper::start_due() {
    for (const probes::Schedule::Start& start : schedule_.take(loop_.now()))
        scrape(start.id, start.late);
    arm();
}

HttpCall Scraper::call_for(const Running& running) const {
    const JobSettings& job = *running.job->settings;
    HttpCall call;
    call.url = running.target.url;
    call.headers = {{"Accept", running.job->accept},
                    {"X-Prometheus-Scrape-Timeout-Seconds",
                     fmt::format("{}", static_cast<double>(running.target.timeout.count()) / 1e3)}};
    if (!job.compression) call.headers.emplace_back("Accept-Encoding", "identity");
    call.settings = job.http;
    call.body_bytes_max =
        job.body_bytes_max > 0
            ? std::min<std::uint64_t>(job.body_bytes_max, limits::scrape_body_bytes_max)
            : limits::scrape_body_bytes_max;
    call.fresh_connection = false;
    call.http2 = true;  // where TLS, the server and `enable_http2` allow it
    call.compressed = job.compression;
    return call;
}

void Scraper::scrape(Id id, std::chrono::nanoseconds late) {
    Running& running = running_.at(id);
    Outcome outcome;
    outcome.at = clock_.now();
    outcome.began = clock_.steady();
    if (late <= time_tolerance) outcome.at = outcome.at - std::chrono::round<Milliseconds>(late);
    if (!running.job->refusal.empty()) {
        outcome.error = running.job->refusal;
        empty_batch();
        running.series.end(*running.job->settings, running.target.labels, outcome.at, batch_);
        finish(id, running, outcome, {});
        return;
    }
    http_.send(call_for(running), Deadline::after(loop_.now(), running.target.timeout),
               [self = self_, id, outcome](const HttpOutcome& answer) {
                   if (*self != nullptr) (*self)->answered(id, outcome, answer);
               });
}

/// Keeps the room for the next page, unless this one was large.
void Scraper::empty_batch() {
    if (batch_.rows.capacity() > limits::scrape_batch_rows_kept) batch_.rows = {};
    batch_.rows.clear();
    batch_.exemplars.clear();
}

Taken Scraper::take_page(Running& running, Outcome& outcome, const HttpOutcome& answer) {
    const JobSettings& job = *running.job->settings;
    Result<PageFormat> format = PageFormat::Text;
    if (!answer) {
        outcome.error =
            fmt::format("Get {}: {}", quote(running.target.url), answer.error().error.message);
    } else if (answer->status != 200) {
        outcome.error = "server returned HTTP status " + status_text(answer->status);
    } else if (answer->body_cut ||
               (job.body_bytes_max > 0 && answer->body.size() >= job.body_bytes_max)) {
        outcome.error = "body size limit exceeded";
        outcome.body_too_large = true;
    } else {
        outcome.body_bytes = answer->body.size();
        format = page_format(answer->header("content-type"), job.fallback_protocol);
        if (!format) outcome.error = format.error().message;
    }
    if (!outcome.error.empty()) {
        // As in Prometheus: what came and cannot be read is not among the failures.
        if (format)
            failure_logs_.write(job.failure_log, outcome.at, job.name, running.target.url,
                                outcome.error);
        running.series.end(job, running.target.labels, outcome.at, batch_);
        return {};
    }
    Taken taken =
        running.series.take(answer->body, *format, job, running.target.labels, outcome.at, batch_);
    outcome.error = taken.error;
    return taken;
}

void Scraper::answered(Id id, Outcome outcome, const HttpOutcome& answer) {
    const auto at = running_.find(id);
    if (at == running_.end()) {  // gone meanwhile
        schedule_.finished(id);
    } else {
        empty_batch();
        const Taken taken = take_page(at->second, outcome, answer);
        finish(id, at->second, outcome, taken);
    }
    start_due();
}

void Scraper::finish(Id id, Running& running, const Outcome& outcome, const Taken& taken) {
    const std::string& job = running.job->settings->name;
    const std::chrono::nanoseconds took = clock_.steady() - outcome.began;
    add_report(running, outcome, taken, took);
    // Most are known already, which the store refuses; that is not worth a word.
    if (!running.series.zeros().rows.empty()) (void)sink_.append(running.series.zeros());
    commit(job);
    exemplars_.add(static_cast<double>(taken.exemplars));
    if (taken.refused > 0) {
        refused_series_.add(static_cast<double>(taken.refused));
        // The store has warned of the job and the limit; the target is told where targets are shown.
        log_.debug("series of a page are not stored",
                   {{"job", job}, {"url", running.target.url}, {"reason", taken.refusal}});
    }
    if (!outcome.error.empty()) {
        failures_.add();
        log_.debug("a scrape failed",
                   {{"job", job}, {"url", running.target.url}, {"reason", outcome.error}});
    }
    schedule_.finished(id);
    const Lock lock(mutex_);
    TargetStatus& status = shown_.at(id);
    const auto health =
        outcome.error.empty() ? TargetStatus::Health::Up : TargetStatus::Health::Down;
    if (status.health != health) status.since = outcome.at;
    status.health = health;
    status.scrape = ++scrapes_;
    status.last_error = outcome.error;
    if (outcome.error.empty() && taken.refused > 0)
        status.last_error =
            fmt::format("{} samples were not stored: {}", taken.refused, taken.refusal);
    status.last_scrape = outcome.at;
    status.took = took;
    status.metrics = shared_about(running);
}

/// Targets of a job mostly say the same about their metrics: then it is kept once.
std::shared_ptr<const MetricsAbout> Scraper::shared_about(const Running& running) {
    auto& last = running.job->about;
    const auto& own = running.series.about();
    if (!last || (last != own && *last != *own)) last = own;
    return last;
}

void Scraper::add_report(Running& running, const Outcome& outcome, const Taken& taken,
                         std::chrono::nanoseconds took) {
    std::vector<double> values{outcome.error.empty() ? 1.0 : 0.0,
                               std::chrono::duration<double>(took).count(),
                               static_cast<double>(taken.scraped), static_cast<double>(taken.kept),
                               static_cast<double>(taken.added)};
    if (extra_metrics_) {
        values.push_back(static_cast<double>(running.target.timeout.count()) / 1e3);
        values.push_back(static_cast<double>(running.job->settings->samples_max));
        values.push_back(outcome.body_too_large ? -1.0 : static_cast<double>(outcome.body_bytes));
    }
    put_report(running, outcome.at, values);
}

void Scraper::put_report(Running& running, Timestamp at, const std::vector<double>& values) {
    Report& report = running.report;
    report_begin_ = batch_.rows.size();
    const std::uint64_t generation = sink_.generation();
    if (report.generation != generation) report.series.clear();
    report.generation = generation;
    if (report.series.size() < values.size()) report.series.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!report.series[i]) {
            LabelsBuilder labels(running.target.labels);
            const auto series =
                reports_.series(labels.set(metric_name_label, report_names[i]).build());
            if (!series) continue;
            report.series[i] = *series;
        }
        batch_.rows.push_back({*report.series[i], {at, values[i]}});
    }
}

void Scraper::commit(const std::string& job) {
    if (batch_.rows.empty()) return;
    const auto appended = sink_.append(batch_);
    if (!appended && appended.error().fault == Fault::Limit) {
        keep_report(job, appended.error());
        return;
    }
    if (!appended) {
        rejected_.add(static_cast<double>(batch_.rows.size()));
        log_.warn("a scrape is not stored", {{"job", job}, {"reason", appended.error().message}});
        return;
    }
    stored_.add(static_cast<double>(appended->stored));
    if (appended->first_rejection.empty()) return;
    rejected_.add(
        static_cast<double>(appended->out_of_order + appended->duplicate + appended->too_old));
    log_.warn("samples of a page are not stored",
              {{"job", job}, {"reason", appended->first_rejection}});
}

ScrapeNews Scraper::news(std::uint64_t since) const {
    const Lock lock(mutex_);
    ScrapeNews out{{}, scrapes_};
    for (const auto& [id, status] : shown_) {
        if (out.targets.size() == limits::board_scraped_targets_max) break;
        if (status.scrape > since) out.targets.push_back(status);
    }
    return out;
}

void Scraper::keep_report(const std::string& job, const Error& refusal) {
    rejected_.add(static_cast<double>(report_begin_));
    batch_.rows.erase(batch_.rows.begin(),
                      batch_.rows.begin() + static_cast<std::ptrdiff_t>(report_begin_));
    batch_.exemplars.clear();
    log_.warn("a scrape is not stored", {{"job", job}, {"reason", refusal.message}});
    if (batch_.rows.empty()) return;
    if (const auto kept = reports_.append(batch_))
        stored_.add(static_cast<double>(kept->stored));
    else
        rejected_.add(static_cast<double>(batch_.rows.size()));
}

std::vector<JobStatus> Scraper::snapshot() const {
    std::map<std::string, JobStatus> jobs;
    {
        const Lock lock(mutex_);
        jobs = shown_jobs_;
        for (const auto& [id, status] : shown_) {
            JobStatus& job = jobs[status.job];
            job.name = status.job;
            job.active.push_back(status);
        }
    }
    std::vector<JobStatus> out;
    for (auto& [name, job] : jobs) {
        std::sort(job.active.begin(), job.active.end(),
                  [](const auto& a, const auto& b) { return a.url < b.url; });
        out.push_back(std::move(job));
    }
    return out;
}

}  // namespace vedette::scrape
