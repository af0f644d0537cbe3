#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "core/mutex.h"
#include "exporter/http/answerer.h"

namespace vedette::http {

/// A few threads for what must not run on the loop. A thread starts when there is work and none is
/// free, so a quiet daemon has none. Safe between threads, but for `stop`, which one thread calls.
class Workers {
public:
    using Work = std::function<void(Answerer&)>;

    Workers(Log& log, std::size_t threads_max, std::size_t queue_max, std::chrono::seconds idle);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// False when as much waits already as may.
    bool submit(Work work);
    /// Does what was taken on, then ends the threads.
    void stop();

private:
    void run();

    Log& log_;
    const std::size_t threads_max_, queue_max_;
    const std::chrono::seconds idle_;
    Mutex mutex_;
    Condition work_came_;
    std::deque<Work> queue_ VEDETTE_GUARDED_BY(mutex_);
    std::vector<std::thread> threads_ VEDETTE_GUARDED_BY(mutex_);
    std::size_t free_ VEDETTE_GUARDED_BY(mutex_) = 0;
    bool stopping_ VEDETTE_GUARDED_BY(mutex_) = false;
};

}  // namespace vedette::http
