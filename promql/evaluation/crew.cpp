#include "promql/evaluation/crew.h"

#include <algorithm>
#include <system_error>

namespace vedette::promql {

Crew::~Crew() {
    std::vector<std::thread> helpers;
    {
        const Lock lock(mutex_);
        stopping_ = true;
        helpers.swap(helpers_);
    }
    wanted_.notify_all();
    for (std::thread& each : helpers) each.join();
}

void Crew::run(std::size_t count, const std::function<void(std::size_t)>& work) {
    if (count == 0) return;
    const Lock lock(mutex_);
    Job job{work, count, 0, 0, nullptr};
    const std::size_t helpers = std::min(size_, count) - 1;
    start_helpers(helpers);
    jobs_.push_back(&job);
    for (std::size_t i = 0; i < helpers; ++i) wanted_.notify_one();
    while (job.begun < job.count) work_on(job, begin(job));
    while (job.done < job.count) finished_.wait(mutex_);
    if (job.thrown) std::rethrow_exception(job.thrown);
}

void Crew::start_helpers(std::size_t wanted) {
    try {
        while (helpers_.size() < wanted) helpers_.emplace_back([this] { help(); });
    } catch (const std::system_error&) {
        // A machine that gives no more threads: those there are do it.
    }
}

void Crew::help() {
    const Lock lock(mutex_);
    while (!stopping_) {
        if (jobs_.empty()) {
            wanted_.wait(mutex_);
            continue;
        }
        Job& job = *jobs_.front();
        work_on(job, begin(job));
    }
}

std::size_t Crew::begin(Job& job) {
    const std::size_t index = job.begun++;
    if (job.begun == job.count) std::erase(jobs_, &job);
    return index;
}

void Crew::work_on(Job& job, std::size_t index) {
    mutex_.unlock();
    std::exception_ptr thrown;
    try {
        job.work(index);
    } catch (...) {
        thrown = std::current_exception();
    }
    mutex_.lock();
    if (!job.thrown) job.thrown = thrown;
    // Under the lock, and the last touch: the job is the caller's, who may return now.
    if (++job.done == job.count) finished_.notify_all();
}

}  // namespace vedette::promql
