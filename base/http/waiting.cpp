#include "base/http/waiting.h"

#include "core/mutex.h"

namespace vedette {

HttpOutcome send_and_wait(Loop& loop, HttpClient& client, HttpCall call, Milliseconds timeout,
                          const std::stop_token& stop) {
    struct Waiting {
        Mutex mutex;
        Condition told;
        std::optional<HttpOutcome> outcome;
    };
    check(!loop.on_loop_thread(), "nobody waits on the loop for what the loop does");
    const auto waiting = std::make_shared<Waiting>();
    const auto answered = [waiting](HttpOutcome outcome) {
        const Lock lock(waiting->mutex);
        waiting->outcome = std::move(outcome);
        waiting->told.notify_one();
    };
    loop.post([&client, answered, call = std::move(call), timeout]() mutable {
        client.send(std::move(call), Deadline::after(std::chrono::steady_clock::now(), timeout),
                    answered);
    });
    const Lock lock(waiting->mutex);
    waiting->told.wait(waiting->mutex, stop, [&] { return waiting->outcome.has_value(); });
    if (waiting->outcome) return std::move(*waiting->outcome);
    return tl::unexpected(
        HttpFailure{{Fault::Cancelled, "stopped"}, "processing", {}, "", 0, {}});
}

}  // namespace vedette
