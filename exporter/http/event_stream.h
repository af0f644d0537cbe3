#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/loop.h"
#include "core/http.h"
#include "core/mutex.h"

namespace vedette::http {

/// A way to post to a loop that may end first. Safe between threads.
class LoopDoor {
public:
    explicit LoopDoor(Loop& loop) : loop_(&loop) {}
    bool post(std::function<void()> work);
    void close();

private:
    Mutex mutex_;
    Loop* loop_ VEDETTE_GUARDED_BY(mutex_);
};

/// One listener's events on their way to its socket. Handlers hold it as long as they like; the
/// connection closes it when the listener is gone.
///
///     send() ─► pending ──(posted to the loop)──► take() ─► the connection's output ─► sent()
///               └──────────── backlog: counted until the bytes have left ───────────────┘
class FrontEventStream final : public EventStream {
public:
    /// `wake` runs on the loop when there is something to take, or when the stream was cut.
    FrontEventStream(std::shared_ptr<LoopDoor> door, std::function<void()> wake,
                     std::size_t backlog_bytes_max);

    bool send(std::string_view event, std::string_view data) override;
    bool open() const override;

    std::string take();            ///< on the loop
    void sent(std::size_t bytes);  ///< on the loop
    void close();
    bool was_cut() const;

private:
    const std::shared_ptr<LoopDoor> door_;
    const std::function<void()> wake_;
    const std::size_t backlog_bytes_max_;
    mutable Mutex mutex_;
    std::string pending_ VEDETTE_GUARDED_BY(mutex_);
    std::size_t backlog_ VEDETTE_GUARDED_BY(mutex_) = 0;
    bool open_ VEDETTE_GUARDED_BY(mutex_) = true;
    bool cut_ VEDETTE_GUARDED_BY(mutex_) = false;
};

/// `event: name`, one `data:` line for each line of `data`, an empty line. Line ends in `event` are
/// cut.
std::string event_text(std::string_view event, std::string_view data);

}  // namespace vedette::http
