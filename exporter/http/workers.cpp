#include "exporter/http/workers.h"

#include <pthread.h>

#include <utility>

namespace vedette::http {

Workers::Workers(Log& log, std::size_t threads_max, std::size_t queue_max,
                 std::chrono::seconds idle)
    : log_(log), threads_max_(threads_max), queue_max_(queue_max), idle_(idle) {}

Workers::~Workers() {
    stop();
}

bool Workers::submit(Work work) {
    const Lock lock(mutex_);
    if (stopping_ || queue_.size() >= queue_max_) return false;
    queue_.push_back(std::move(work));
    if (free_ >= queue_.size()) {
        work_came_.notify_one();
    } else if (threads_.size() < threads_max_) {
        threads_.emplace_back([this] { run(); });
    }
    return true;
}

void Workers::stop() {
    std::vector<std::thread> threads;
    {
        const Lock lock(mutex_);
        stopping_ = true;
        threads.swap(threads_);
    }
    work_came_.notify_all();
    for (std::thread& thread : threads) thread.join();
}

void Workers::run() {
    pthread_setname_np(pthread_self(), "http-worker");
    Answerer answerer(log_, idle_);
    while (true) {
        Work work;
        {
            const Lock lock(mutex_);
            ++free_;
            while (queue_.empty() && !stopping_) work_came_.wait(mutex_);
            --free_;
            if (queue_.empty()) return;
            work = std::move(queue_.front());
            queue_.pop_front();
        }
        work(answerer);
    }
}

}  // namespace vedette::http
