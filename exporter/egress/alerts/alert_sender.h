#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/http/client.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "core/alert.h"
#include "core/mutex.h"
#include "exporter/egress/alerts/alert_settings.h"

namespace vedette::exporter {

/// Sends alerts to Alertmanagers over API v2, as Prometheus does, each Alertmanager with a queue of its
/// own. A queue holds the newest word on each alert; what could not be sent stays and is tried again
/// with growing waits, so an Alertmanager that was away hears of ends too. Beyond `queue_max` the
/// oldest goes, which is counted.
///
/// Threads: `send`, `load` and `urls` from any; the rest on the loop. Destroyed on the loop's thread.
class AlertSender {
public:
    static constexpr std::size_t queue_max = 10'000;
    static constexpr std::size_t batch_max = 256;
    static_assert(batch_max < queue_max);

    /// Sends one call and answers on the loop's thread.
    using Post = std::function<void(HttpCall call, Deadline deadline, HttpDone done)>;

    AlertSender(Loop& loop, Post post, const Clock& clock, Log& log, Metrics& metrics);
    ~AlertSender();
    AlertSender(const AlertSender&) = delete;
    AlertSender& operator=(const AlertSender&) = delete;

    /// Queues of Alertmanagers that are still there stay.
    void load(const AlertingSettings& settings) VEDETTE_EXCLUDES(mutex_);
    /// Pending ones are nobody's business yet. Never blocks, never fails.
    void send(std::span<const Alert> alerts) VEDETTE_EXCLUDES(mutex_);

    struct Urls {
        std::vector<std::string> active, dropped;
    };
    Urls urls() const VEDETTE_EXCLUDES(mutex_);

private:
    struct Word {
        std::uint64_t order = 0;
        Alert alert;  ///< relabelled
        Timestamp ends;
    };
    struct Queue {
        AlertmanagerSettings to;
        std::map<std::uint64_t, Word> words;           // by fingerprint
        std::map<std::uint64_t, std::uint64_t> order;  // oldest first
        bool in_flight = false;
        unsigned failures = 0;
        Loop::TimerId timer;  // the loop's thread only
    };
    using QueueRef = std::shared_ptr<Queue>;

    void put(Queue& queue, const Alert& alert) VEDETTE_REQUIRES(mutex_);
    void begin(const QueueRef& queue) VEDETTE_EXCLUDES(mutex_);
    void finished(const QueueRef& queue, std::vector<Word> batch, const HttpOutcome& outcome)
        VEDETTE_EXCLUDES(mutex_);
    void wake_all();
    Counter& counter(std::string_view name, std::string_view help, const std::string& url);

    Loop& loop_;
    const Post post_;
    const Clock& clock_;
    Log& log_;
    Metrics& metrics_;

    mutable Mutex mutex_;
    AlertingSettings settings_ VEDETTE_GUARDED_BY(mutex_);
    std::vector<QueueRef> queues_ VEDETTE_GUARDED_BY(mutex_);
    std::uint64_t last_order_ VEDETTE_GUARDED_BY(mutex_) = 0;
    bool woken_ VEDETTE_GUARDED_BY(mutex_) = false;  ///< the loop will look

    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // the loop's thread only
};

/// What API v2 takes: `[{"labels":…,"annotations":…,"startsAt":…,"endsAt":…,"generatorURL":…}]`.
std::string write_alerts(const std::vector<std::pair<const Alert*, Timestamp>>& alerts);

}  // namespace vedette::exporter
