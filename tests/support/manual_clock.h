#pragma once

#include <atomic>

#include "core/time.h"

namespace vedette {

/// A clock that moves only when told to. Safe between threads.
class ManualClock final : public Clock {
public:
    explicit ManualClock(Timestamp start = {1'790'000'000'000}) : now_ms_(start.ms) {}

    Timestamp now() const override { return {now_ms_}; }
    std::chrono::steady_clock::time_point steady() const override {
        return std::chrono::steady_clock::time_point(std::chrono::milliseconds(steady_ms_));
    }
    /// Time passes.
    void wind(Milliseconds by) {
        now_ms_ += by.count();
        steady_ms_ += by.count();
    }
    /// Somebody sets the wall clock; steady time does not notice.
    void step(Milliseconds by) { now_ms_ += by.count(); }

private:
    std::atomic<std::int64_t> now_ms_;
    std::atomic<std::int64_t> steady_ms_{1'000'000};
};

}  // namespace vedette
