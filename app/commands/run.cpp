#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include <cstdio>

#include "app/commands/commands.h"
#include "app/configuration.h"
#include "app/console.h"
#include "app/wiring.h"

namespace vedette::app {

namespace {

/// Signals come to the main thread alone, one after the other, through sigtimedwait.
sigset_t block_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return set;
}

/// How often systemd wants to hear from us, halved; nothing when it does not watch.
std::optional<timespec> watchdog_interval() {
    std::uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0 || usec == 0) return std::nullopt;
    usec /= 2;
    return timespec{static_cast<time_t>(usec / 1'000'000),
                    static_cast<long>(usec % 1'000'000) * 1000};
}

void reload(Daemon& daemon) {
    sd_notify(0, "RELOADING=1");
    (void)daemon.reload();  // what was wrong is in the log and in the metrics
    sd_notify(0, "READY=1");
}

void serve_until_stopped(Daemon& daemon, const sigset_t& signals) {
    const std::optional<timespec> watchdog = watchdog_interval();
    for (;;) {
        const int number =
            watchdog ? sigtimedwait(&signals, nullptr, &*watchdog) : sigwaitinfo(&signals, nullptr);
        if (number == SIGINT || number == SIGTERM) return;
        if (number == SIGHUP) reload(daemon);
        if (watchdog) sd_notify(0, "WATCHDOG=1");
    }
}

}  // namespace

Exit run(const RunOptions& options) {
    const sigset_t signals = block_signals();
    Problems problems;
    promql::Features features;
    for (const std::string& names : options.features)
        for (const std::string& note : promql::enable_features(features, names))
            fmt::print(stderr, "{}\n", note);
    const Overrides overrides{options.listen, options.external_url, features};
    Configuration configuration = options.config.empty()
                                      ? builtin_configuration(overrides, problems)
                                      : load_configuration(options.config, overrides, problems);
    fmt::print(stderr, "{}", problems.text());
    if (problems.any()) return Exit::Wrong;
    Result<std::unique_ptr<Daemon>> daemon = Daemon::open(std::move(configuration), options);
    if (!daemon) {
        fmt::print(stderr, "vedette: {}\n", daemon.error().message);
        return Exit::Wrong;
    }
    if (const Result<void> started = (*daemon)->start(); !started) {
        fmt::print(stderr, "vedette: {}\n", started.error().message);
        return Exit::Wrong;
    }
    if (options.console) print_summary((*daemon)->configuration(), (*daemon)->addresses());
    sd_notify(0, "READY=1");
    serve_until_stopped(**daemon, signals);
    sd_notify(0, "STOPPING=1");
    (*daemon)->stop();
    return Exit::Fine;
}

}  // namespace vedette::app
