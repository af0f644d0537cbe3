#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/commands/commands.h"
#include "app/configuration.h"
#include "core/error.h"
#include "core/time.h"

namespace vedette::app {

/// All rooms, joined: the one place that introduces them to each other.
///
///   probes ─► store ◄─ remote write, pages   threads:  io     probes, scrapes, senders, resolver
///               │                                      front  sockets; workers, when first needed
///     promql ◄──┘──► rules ─► notify                   rules  evaluation of groups
///        └──────► front ◄─── book, status              store  log sync · ledger  its writer
///
/// Start order is bottom up, stop order top down: nobody is asked for work by somebody who is gone.
class Daemon {
public:
    /// Opens the data directory and joins the rooms; nothing is asked or served yet.
    static Result<std::unique_ptr<Daemon>> open(Configuration configuration,
                                                const RunOptions& options);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Binds the listeners, then starts everything.
    Result<void> start();
    /// Reads the configuration anew and swaps all or nothing. The error is what a person should
    /// read. Safe from any thread; one at a time.
    Result<void> reload();
    /// Ends everything in order; what is in flight is finished.
    void stop();

    /// For the summary of `--console`.
    std::vector<std::string> addresses() const;
    const Configuration& configuration() const;

private:
    struct Rooms;
    explicit Daemon(std::unique_ptr<Rooms> rooms);
    std::unique_ptr<Rooms> rooms_;
};

}  // namespace vedette::app
