#include "exporter/http/front.h"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <future>
#include <utility>

#include "base/loop.h"
#include "exporter/http/engine.h"

namespace vedette::http {

struct Front::State {
    State(ServerSettings settings, Log& log, Metrics& metrics)
        : thread("http-front"), engine(thread.loop(), std::move(settings), log, metrics) {}

    LoopThread thread;  // outlives the engine, whose workers post to it
    Engine engine;
    bool running = false;
    bool stopped = false;
};

Front::Front(ServerSettings settings, Log& log, Metrics& metrics)
    : state_(std::make_unique<State>(std::move(settings), log, metrics)) {}

Front::~Front() {
    stop(Milliseconds(0));
}

void Front::add(std::vector<Route> routes) {
    check(!state_->running, "routes are prepared before the front starts");
    for (Route& route : routes) state_->engine.router.add(std::move(route));
}

Result<void> Front::start() {
    check(!state_->running && !state_->stopped, "a front starts once");
    auto prepared = state_->engine.prepare(state_->engine.settings);
    if (!prepared) return fail(prepared.error());
    state_->thread.call([&] {
        // OpenSSL writes with write(2), which would raise it when a caller hangs up.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        state_->engine.serve(*std::move(prepared), state_->engine.settings);
    });
    state_->running = true;
    return {};
}

std::vector<std::string> Front::addresses() const {
    std::vector<std::string> all;
    state_->thread.call([&] { all = state_->engine.addresses(); });
    return all;
}

Result<void> Front::reload(ServerSettings settings) {
    check(state_->running, "only a running front is reloaded");
    Result<void> result;
    state_->thread.call([&] {
        auto prepared = state_->engine.prepare(settings);
        if (!prepared) {
            result = fail(prepared.error());
            return;
        }
        state_->engine.serve(*std::move(prepared), std::move(settings));
    });
    return result;
}

void Front::stop(Milliseconds grace) {
    if (state_->stopped) return;
    state_->stopped = true;
    Engine& engine = state_->engine;
    if (state_->running && grace.count() > 0) {
        auto gone = std::make_shared<std::promise<void>>();
        auto when_gone = gone->get_future();
        state_->thread.call([&] { engine.end_soon([gone] { gone->set_value(); }); });
        when_gone.wait_for(grace);
    }
    state_->running = false;
    state_->thread.call([&] {
        engine.end_soon([] {});
        engine.abort_all();
    });
    engine.workers.stop();
    // What the workers posted last finds no connection any more.
    state_->thread.call([&] { engine.abort_all(); });
    engine.door->close();
    // A stream may have posted just before; nothing that names the engine runs after this.
    state_->thread.call([] {});
}

}  // namespace vedette::http
