#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/http/client.h"
#include "core/config.h"
#include "core/labels.h"
#include "core/time.h"
#include "probes/scrape/relabel.h"

namespace vedette::exporter {

/// One Alertmanager that alerts are sent to.
struct AlertmanagerSettings {
    std::string url;  ///< of its `/api/v2/alerts`
    Milliseconds timeout = std::chrono::seconds(10);
    std::shared_ptr<const HttpSettings> http;        ///< never null
    std::vector<scrape::RelabelRule> alert_relabel;  ///< of its entry, after those for all
};

/// Prometheus's `alerting`.
struct AlertingSettings {
    std::vector<scrape::RelabelRule> alert_relabel;
    std::vector<AlertmanagerSettings> alertmanagers;
    std::vector<std::string> dropped;  ///< URLs that `relabel_configs` left out
    Labels external_labels;            ///< set by the wiring, as the next
    /// An alert that is not sent again ends so long after it was sent.
    Milliseconds valid_for = std::chrono::minutes(4);
};

/// Reads `alerting`. What is wrong, and ways of finding Alertmanagers that this version does not have,
/// goes to the problems.
AlertingSettings read_alerting(const ConfigNode& node, Problems& problems);

}  // namespace vedette::exporter
