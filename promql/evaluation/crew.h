#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "core/mutex.h"

namespace vedette::promql {

/// Threads that help a caller who has much to do. Who calls works too and takes whatever no helper
/// has begun, so nobody waits for helpers that are busy with somebody else's work.
///
/// Helpers start with the first work that is shared and are joined by the destructor, which may run
/// when no `run` does. Safe to call from any thread.
class Crew {
public:
    /// `size` work together at most, the caller among them: one helper less than that.
    explicit Crew(std::size_t size) : size_(size) {}
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    std::size_t size() const { return size_; }

    /// Calls work(0) … work(count - 1), begun in this order, several at the same time; returns when
    /// all have returned. Of what they throw the first is thrown here.
    void run(std::size_t count, const std::function<void(std::size_t)>& work);

private:
    struct Job {
        const std::function<void(std::size_t)>& work;
        std::size_t count, begun = 0, done = 0;
        std::exception_ptr thrown;
    };

    void start_helpers(std::size_t wanted) VEDETTE_REQUIRES(mutex_);
    void help();
    /// The next index to work on; a job with none left stands no longer in `jobs_`.
    std::size_t begin(Job& job) VEDETTE_REQUIRES(mutex_);
    /// Does one piece, holding nothing meanwhile.
    void work_on(Job& job, std::size_t index) VEDETTE_REQUIRES(mutex_);

    const std::size_t size_;
    Mutex mutex_;
    Condition wanted_, finished_;
    std::deque<Job*> jobs_ VEDETTE_GUARDED_BY(mutex_);  // of which something is not begun
    bool stopping_ VEDETTE_GUARDED_BY(mutex_) = false;
    std::vector<std::thread> helpers_ VEDETTE_GUARDED_BY(mutex_);
};

}  // namespace vedette::promql
