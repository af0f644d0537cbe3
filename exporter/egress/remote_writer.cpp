#include "exporter/egress/remote_writer.h"

#include <algorithm>

#include "core/exchange_limits.h"
#include "core/mutex.h"

namespace vedette::exporter {

struct RemoteWriters::Running {
    Running(const RemoteWriteSettings& settings, const Labels& external, const WriteDoors& doors)
        : queue(settings, external, doors) {}

    WriteQueue queue;
    std::jthread thread;
};

RemoteWriters::RemoteWriters(WriteDoors doors,
                             std::function<void(std::optional<std::uint64_t>)> hold)
    : doors_(std::move(doors)), hold_(std::move(hold)) {}

RemoteWriters::~RemoteWriters() {
    stop();
}

void RemoteWriters::load(const std::vector<RemoteWriteSettings>& settings, const Labels& external) {
    stop();
    std::vector<std::string> paths;
    if (!settings.empty())
        if (auto made = doors_.files.make_folders(doors_.folder); !made)
            doors_.log.error("remote write has no folder", {{"error", made.error().message}});
    for (const RemoteWriteSettings& one : settings) {
        auto running = std::make_unique<Running>(one, external, doors_);
        paths.push_back(running->queue.path());
        if (const auto opened = running->queue.open(); !opened) {
            doors_.log.error("remote write does not begin",
                             {{"remote", one.name}, {"error", opened.error().message}});
            continue;
        }
        running_.push_back(std::move(running));
    }
    if (const auto names = doors_.files.list(doors_.folder))
        for (const std::string& name : *names)
            if (const std::string path = doors_.folder + '/' + name;
                std::find(paths.begin(), paths.end(), path) == paths.end())
                (void)doors_.files.remove(path);
    hold_what_is_needed();
    for (const auto& running : running_)
        running->thread =
            std::jthread([this, &running = *running](const std::stop_token& stop_token) {
                run(running, stop_token);
            });
}

void RemoteWriters::run(Running& running, const std::stop_token& stop) {
    Mutex mutex;
    Condition rest;
    std::uint64_t held = running.queue.needed_from();
    while (!stop.stop_requested()) {
        const Milliseconds wait = running.queue.step(stop);
        if (running.queue.needed_from() != held) {
            held = running.queue.needed_from();
            hold_what_is_needed();
        }
        if (wait <= Milliseconds(0)) continue;
        const Lock lock(mutex);
        rest.wait_for(mutex, stop, wait, [] { return false; });
    }
    running.queue.save();
}

/// By any queue's thread; the list changes only while none runs.
void RemoteWriters::hold_what_is_needed() {
    const Lock lock(mutex_);
    std::optional<std::uint64_t> from;
    for (const auto& running : running_)
        from = std::min(from.value_or(~std::uint64_t{0}), running->queue.needed_from());
    hold_(from);
}

void RemoteWriters::stop() {
    for (const auto& running : running_) running->thread.request_stop();
    for (const auto& running : running_)
        if (running->thread.joinable()) running->thread.join();
    running_.clear();
}

std::function<PostOutcome(const RemoteWriteSettings&, std::string, std::vector<Header>,
                          std::stop_token)>
post_over(Loop& loop, HttpClient& client) {
    struct Waiting {
        Mutex mutex;
        Condition told;
        std::optional<PostOutcome> outcome;
    };
    return [&loop, &client](const RemoteWriteSettings& settings, std::string body,
                            std::vector<Header> headers, std::stop_token stop) {
        HttpCall call;
        call.method = "POST";
        call.url = settings.url;
        call.headers = std::move(headers);
        call.body = std::move(body);
        call.settings = settings.http;
        call.fresh_connection = false;
        const auto waiting = std::make_shared<Waiting>();
        const auto answered = [waiting](HttpOutcome outcome) {
            PostOutcome said;
            if (outcome) {
                said.status = outcome->status;
                said.retry_after = outcome->header("retry-after");
                said.text = outcome->body.substr(0, 256);
            } else {
                said.text = outcome.error().error.message;
            }
            const Lock lock(waiting->mutex);
            waiting->outcome = std::move(said);
            waiting->told.notify_one();
        };
        loop.post(
            [&client, answered, call = std::move(call), timeout = settings.timeout]() mutable {
                client.send(std::move(call),
                            Deadline::after(std::chrono::steady_clock::now(), timeout), answered);
            });
        const Lock lock(waiting->mutex);
        waiting->told.wait(waiting->mutex, stop, [&] { return waiting->outcome.has_value(); });
        return waiting->outcome.value_or(PostOutcome{0, {}, "stopped"});
    };
}

}  // namespace vedette::exporter
