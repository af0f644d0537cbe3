#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/http/client.h"
#include "base/log.h"
#include "base/metrics.h"
#include "core/mutex.h"
#include "core/time.h"
#include "store/remote/settings.h"

namespace vedette::store {

/// What reading another server needs of the rest of the program; all may be called from any thread.
struct DatasourceDoors {
    /// Sends a call and waits for its outcome, by the timeout or until the token stops it.
    std::function<HttpOutcome(HttpCall, Milliseconds, const std::stop_token&)> exchange;
    const Clock& clock;
    Log& log;
    Metrics& metrics;
    /// Tells whoever looks (`true`), or takes it back.
    std::function<void(const std::string& text, bool holds)> notice;
};

/// Another server, as one configuration names it: asks it, knows how it is, and how it is read.
///
///     up ──no usable answer──► down: nobody asks for twice the time that it took to find out
///      ▲                         │ then one asks, and the others hear what was said before
///      └───── an answer ─────────┘
///
/// So a server that is dead costs those who ask a third of their time at most, and rules that do
/// not need it hardly wait. Safe from any thread but the one that the exchange needs.
class Server {
public:
    struct Numbers {
        static Numbers in(Metrics& metrics);

        Gauge& up;
        Counter& asked;
        Counter& failed;
        Counter& unasked;
        Counter& bytes;
        Counter& samples;
        HistogramMetric& seconds;
    };
    using Read = DatasourceSettings::Read;

    Server(DatasourceSettings settings, const DatasourceDoors& doors);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();  ///< takes back what it told

    const DatasourceSettings& settings() const { return settings_; }
    Numbers& numbers() { return numbers_; }

    /// A POST with a form, or with `body` as remote read wants it; a GET when both are empty.
    HttpCall call(std::string path, std::string form = {}) const;
    HttpCall read_call(std::string_view message) const;

    /// The answer, whose status is 2xx. Every error names the server and what it said: Unavailable
    /// when it is down, BadInput when it refuses this question, Limit when the answer is too long.
    Result<HttpAnswer> ask(HttpCall call, const std::stop_token& stop);
    /// How it is read: as configured, or as it answers.
    Result<Read> way(const std::stop_token& stop);
    /// An error about an answer, with the server's name; it is no answer then.
    Error spoiled(Error error);

private:
    using TimePoint = std::chrono::steady_clock::time_point;

    Result<HttpAnswer> exchange(HttpCall call, const std::stop_token& stop);
    Result<HttpAnswer> exchange_now(HttpCall call, const std::stop_token& stop);
    Result<void> judge(const HttpAnswer& answer);
    Result<void> may_ask();
    Result<void> enter(const std::stop_token& stop);
    void leave();
    void answered();
    void failed(const Error& error, std::chrono::nanoseconds took);
    void not_told();
    Result<std::optional<Read>> try_way(HttpCall call, Read read, const std::stop_token& stop);
    Error named(Error error) const;
    std::string notice() const;

    const DatasourceSettings settings_;
    const DatasourceDoors& doors_;
    const std::string shown_;  // the URL, without what is secret
    Numbers numbers_;

    Mutex mutex_;
    bool up_ VEDETTE_GUARDED_BY(mutex_) = true;
    Error why_ VEDETTE_GUARDED_BY(mutex_);
    TimePoint ask_again_ VEDETTE_GUARDED_BY(mutex_);
    std::optional<Read> way_ VEDETTE_GUARDED_BY(mutex_);
    std::size_t inside_ VEDETTE_GUARDED_BY(mutex_) = 0;
    Condition left_;
};

}  // namespace vedette::store
