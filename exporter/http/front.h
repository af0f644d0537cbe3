#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "core/error.h"
#include "core/http.h"
#include "core/limits.h"
#include "exporter/http/settings.h"

namespace vedette::http {

/// Listens, judges, and hands sound requests to routes. One thread owns every socket; a few
/// workers, started when first needed, run the handlers that are not `Weight::Inline`.
///
///     socket ─► head ─► Host ─► route ─► Origin ─► who ─► role ─► body ─► handler ─► answer
///               400 408  421    404 405   403     401 429 403   400 408 413 415  500 503
///               414 431
///
/// Handlers of Inline and Stream routes run on the front's loop and must not block; those of Worker
/// routes run side by side. `answer` gets a Request whose `stop` is requested when its caller goes
/// away and when the front stops. All methods but the constructor may be called from any one
/// thread.
class Front {
public:
    Front(ServerSettings settings, Log& log, Metrics& metrics);
    /// Stops without grace when still running.
    ~Front();
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;

    /// Before `start` only. A method and path given twice are a bug.
    void add(std::vector<Route> routes);
    /// Binds every listener, or none and says which failed and why.
    Result<void> start();
    /// What is listened on, as `127.0.0.1:7887`, in the order of the listeners; port 0 is resolved.
    std::vector<std::string> addresses() const;
    /// Takes users, tokens, hosts, limits and listeners over at once. Listeners whose address
    /// stays stay open, with the certificate they then have; when a new one cannot be bound or a
    /// certificate not be read, nothing changes. The number of workers stays as it was.
    Result<void> reload(ServerSettings settings);
    /// Accepts nobody new, finishes what is in flight within `grace`, then cuts what is left. Idle
    /// connections and event streams end at once. Waits for handlers that are running.
    void stop(Milliseconds grace = limits::graceful_stop_max);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace vedette::http
