#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "app/configuration.h"
#include "core/alert.h"
#include "core/mutex.h"
#include "probes/change.h"

namespace vedette::app {

/// What `run --console` says at its start: where the pages are, what is watched.
///
///   pages     http://127.0.0.1:7887          metrics   http://127.0.0.1:7887/metrics
///   watching  9 targets                      rules     4 alerts, 2 recordings
void print_summary(const Configuration& configuration, const std::vector<std::string>& addresses);

/// `10:42:07  checkout  down  connection refused`; from any thread.
void print_change(const probes::Change& change);
/// `10:42:07  CheckoutDown  firing  checkout does not answer`; from any thread.
void print_change(const Alert& alert);

/// Tells a transition from a sending again: the same state of the same alert is news only once. Safe
/// from any thread. Remembers what is open, and what was resolved as long as it may be told again.
class News {
public:
    bool is_new(const Alert& alert, std::chrono::steady_clock::time_point now)
        VEDETTE_EXCLUDES(mutex_);
    std::size_t remembered() const VEDETTE_EXCLUDES(mutex_);

private:
    mutable Mutex mutex_;
    std::map<AlertId, AlertState> told_ VEDETTE_GUARDED_BY(mutex_);
    std::deque<std::pair<std::chrono::steady_clock::time_point, AlertId>> resolved_
        VEDETTE_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace vedette::app
