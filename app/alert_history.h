#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/mutex.h"
#include "core/series.h"
#include "notify/message.h"
#include "promql/engine.h"

namespace vedette::app {

/// What an alerting expression compares: `rate(x[5m]) > 0.5` fires on the left side.
struct Comparison {
    std::string shown;  ///< the expression without the comparison, to be asked again
    std::string op;     ///< `>`; empty when it compares nothing
    std::optional<double> threshold;
};
/// The expression that a link of Prometheus's to its graph page asks about: `…/graph?g0.expr=up`;
/// empty when it is no such link.
std::string expression_of(std::string_view generator_url);
/// Of an expression's text; nothing when it cannot be parsed or its value is no line (`absent(x)`).
std::optional<Comparison> comparison_of(const std::string& expression);

/// The series that is about this alert: each of its labels but the name says what the alert's says, or
/// is not the alert's.
const QueryResult::Series* series_of(const QueryResult& result, const Labels& alert);

/// Answers, on a thread of its own, what alerts' expressions gave over the last hours. At most
/// `waiting_max` questions wait; more are answered with nothing at once.
class AlertHistory {
public:
    static constexpr std::size_t waiting_max = 64;
    using Done = std::function<void(std::shared_ptr<const notify::History>)>;

    AlertHistory(const promql::Engine& engine, SeriesSource& series, const Clock& clock);
    ~AlertHistory();
    AlertHistory(const AlertHistory&) = delete;
    AlertHistory& operator=(const AlertHistory&) = delete;

    /// Answers no more, and waits for the question at hand; later ones are answered with nothing.
    void stop() VEDETTE_EXCLUDES(mutex_);
    /// From any thread. `done` is called once, from this object's thread or inside the call.
    void ask(notify::AlertRef alert, Done done) VEDETTE_EXCLUDES(mutex_);

private:
    struct Question {
        notify::AlertRef alert;
        Done done;
    };
    void run(const std::stop_token& stop);
    std::shared_ptr<const notify::History> answer(const Alert& alert, const std::stop_token& stop) const;

    const promql::Engine& engine_;
    SeriesSource& series_;
    const Clock& clock_;

    Mutex mutex_;
    Condition wake_;
    std::deque<Question> questions_ VEDETTE_GUARDED_BY(mutex_);
    bool stopping_ VEDETTE_GUARDED_BY(mutex_) = false;
    std::jthread thread_;  // last: it uses all of the above
};

}  // namespace vedette::app
