#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/http/client.h"
#include "base/loop.h"
#include "core/mutex.h"
#include "exporter/egress/write_queue.h"

namespace vedette::exporter {

/// All queues of `remote_write`, each with a thread of its own. One thread loads and stops.
class RemoteWriters {
public:
    /// `hold` says from which segment on the log is needed; nothing when it is not.
    RemoteWriters(WriteDoors doors, std::function<void(std::optional<std::uint64_t>)> hold);
    ~RemoteWriters();
    RemoteWriters(const RemoteWriters&) = delete;
    RemoteWriters& operator=(const RemoteWriters&) = delete;

    /// Ends the queues there are and starts these: each goes on where the one of its name was. The
    /// position of a queue that is gone is forgotten.
    void load(const std::vector<RemoteWriteSettings>& settings, const Labels& external);
    /// Ends all; what was not sent is sent after the next start.
    void stop();

private:
    struct Running;
    void run(Running& running, const std::stop_token& stop);
    void hold_what_is_needed();

    const WriteDoors doors_;
    const std::function<void(std::optional<std::uint64_t>)> hold_;
    Mutex mutex_;
    std::vector<std::unique_ptr<Running>> running_;
};

/// `WriteDoors::post` over the client of a loop: sends there and waits here.
std::function<PostOutcome(const RemoteWriteSettings&, std::string, std::vector<Header>,
                          std::stop_token)>
post_over(Loop& loop, HttpClient& client);

}  // namespace vedette::exporter
