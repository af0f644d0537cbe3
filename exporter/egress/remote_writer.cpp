#include "exporter/egress/remote_writer.h"

#include <algorithm>

#include "base/http/waiting.h"
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
    return [&loop, &client](const RemoteWriteSettings& settings, std::string body,
                            std::vector<Header> headers, std::stop_token stop) {
        HttpCall call;
        call.method = "POST";
        call.url = settings.url;
        call.headers = std::move(headers);
        call.body = std::move(body);
        call.settings = settings.http;
        call.fresh_connection = false;
        const HttpOutcome outcome =
            send_and_wait(loop, client, std::move(call), settings.timeout, stop);
        if (!outcome) return PostOutcome{0, {}, outcome.error().error.message};
        return PostOutcome{outcome->status, std::string(outcome->header("retry-after")),
                           outcome->body.substr(0, 256)};
    };
}

}  // namespace vedette::exporter
