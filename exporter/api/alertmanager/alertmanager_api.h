#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/http.h"
#include "core/time.h"
#include "notify/ledger.h"
#include "notify/routing/intake.h"
#include "notify/routing/standing.h"
#include "notify/silence.h"

namespace vedette::exporter {

/// Whom Alertmanager's API asks. The functions may be called from any thread.
struct AlertmanagerSources {
    std::function<notify::Standing()> standing;
    /// Returns when the alerts are on disk.
    std::function<Result<void>(std::span<const notify::PostedAlert>)> take;
    std::function<std::vector<notify::Silence>()> silences;
    /// The silence's id, when it is on disk.
    std::function<Result<std::string>(notify::Silence silence, std::string who)> put_silence;
    std::function<Result<void>(std::string_view id, std::string who)> expire_silence;
    std::function<Result<std::vector<notify::AuditRow>>(std::size_t count)> audit;
    std::function<std::vector<std::string>()> receivers;
    std::function<std::string()> shown;  ///< configuration as YAML, without secrets
    std::function<Timestamp()> now;
    Timestamp started;
    std::string version, alertmanager_version;  ///< ours, and that of the one it behaves as
};

/// `/api/v2/…` as Alertmanager 0.33 has it: status, receivers, alerts, alerts/groups, silences. Reading
/// is for viewers; sending alerts and changing silences for editors. A silence may also have our keys
/// `recurring` (a list of time intervals) and `until: resolved`; `/api/vedette/v1/silences/audit` says
/// who changed which.
std::vector<Route> alertmanager_routes(AlertmanagerSources sources);

}  // namespace vedette::exporter
