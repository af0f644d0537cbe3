// simulator: plays the outside world on loopback until it is stopped.
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "examples/simulator/world.h"

namespace {

using namespace vedette;

constexpr std::string_view help =
    "simulator: services that can be broken, an inbox for Slack, webhooks and mail; on loopback only\n"
    "\n"
    "  --listen 127.0.0.1:7890     inbox page, receivers, control\n"
    "  --smtp 127.0.0.1:7891       mail server\n"
    "  --services 127.0.0.1:7900   the first service, the others on the ports after it (0: free ones)\n"
    "\n"
    "Example:\n"
    "  simulator & curl -X POST http://127.0.0.1:7890/break/checkout\n";

/// Reads the command line; an error is a sentence for the person.
Result<simulator::WorldSettings> read_words(int count, char** words) {
    simulator::WorldSettings settings;
    for (int i = 1; i < count; i += 2) {
        const std::string_view word = words[i];
        std::string* place = word == "--listen" ? &settings.listen : word == "--smtp" ? &settings.smtp
                             : word == "--services" ? &settings.services : nullptr;
        if (place == nullptr) return fail(Fault::BadInput, fmt::format("unknown word `{}`; see --help", word));
        if (i + 1 == count) return fail(Fault::BadInput, fmt::format("`{}` needs an address", word));
        *place = words[i + 1];
    }
    return settings;
}

}  // namespace

int main(int count, char** words) {
    if (count == 2 && (words[1] == std::string_view("--help") || words[1] == std::string_view("-h"))) {
        fmt::print("{}", help);
        return 0;
    }
    const auto settings = read_words(count, words);
    if (!settings) {
        fmt::print(stderr, "simulator: {}\n", settings.error().message);
        return 2;
    }
    // Before any thread: signals come to this one alone.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    simulator::World world(*settings);
    if (const Result<void> started = world.start(); !started) {
        fmt::print(stderr, "simulator: {}\n", started.error().message);
        return 1;
    }
    fmt::print("simulator ready: {}\n", world.summary());
    std::fflush(stdout);
    sigwaitinfo(&signals, nullptr);
    return 0;
}
