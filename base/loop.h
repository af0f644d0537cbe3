#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include "core/time.h"

namespace vedette {

/// Timers, sockets and posted work on one thread, over epoll. Nothing that runs on it may block.
///
/// `post` and `stop` are safe from any thread; everything else only on the loop's thread, or before
/// `run`. Callbacks may add and cancel anything, themselves included.
class Loop {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    struct TimerId {
        std::uint64_t id = 0;
        explicit operator bool() const { return id != 0; }
    };
    /// What a socket is watched for; combined with |.
    static constexpr unsigned readable = 1, writable = 2;

    /// Ignores SIGPIPE in the whole process from now on.
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Runs until `stop`. Timers that are due run in the order of their times.
    void run();
    void stop();
    /// Runs what is due now and returns; waits at most `wait` for the first event. For tests and
    /// `run_once`.
    void turn(Milliseconds wait);
    bool on_loop_thread() const;

    void post(std::function<void()> work);
    TimerId at(TimePoint when, std::function<void()> work);
    TimerId after(Milliseconds wait, std::function<void()> work);
    void cancel(TimerId timer);

    /// Level-triggered. `ready` gets the events that hold (errors and hang-ups are both bits). One
    /// watch a descriptor; watching again replaces. Unwatch before closing it.
    void watch(int fd, unsigned events, std::function<void(unsigned)> ready);
    void unwatch(int fd);
    /// Unwatches and closes, with one system call less: a descriptor that is closed is watched no
    /// more. Only for those that nobody else holds open.
    void close(int fd);

    /// Taken once a turn.
    TimePoint now() const;
    /// How late the latest due timer ran, and the longest single callback, since last asked.
    struct Lag {
        std::chrono::nanoseconds timer{0}, callback{0};
    };
    Lag take_lag();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A loop and the thread it runs on; stops and joins when it goes.
class LoopThread {
public:
    explicit LoopThread(const char* name);  // at most 15 characters, shown by ps -L
    ~LoopThread();
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;

    Loop& loop();
    /// Runs `work` on the loop and waits for it. Must not be called on the loop.
    void call(const std::function<void()>& work);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace vedette
