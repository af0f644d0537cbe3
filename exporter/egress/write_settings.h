#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/http/client.h"
#include "core/config.h"
#include "core/http.h"
#include "core/time.h"
#include "probes/scrape/relabel.h"

namespace vedette::exporter {

/// One entry of `remote_write`, with Prometheus's defaults.
struct RemoteWriteSettings {
    enum class Protocol { V1, V2 };

    std::string name;  ///< unique; made of the URL where it is not given
    std::string url;
    Milliseconds timeout = std::chrono::seconds(30);
    std::vector<Header> headers;
    std::vector<scrape::RelabelRule> relabel;
    bool send_native_histograms = false;
    Protocol protocol = Protocol::V1;
    std::shared_ptr<const HttpSettings> http;  ///< never null

    // ── queue_config ──
    std::size_t samples_a_request = 2000;
    Milliseconds send_deadline = std::chrono::seconds(5);
    Milliseconds backoff_min{30}, backoff_max = std::chrono::seconds(5);
    bool retry_429 = true;    ///< Prometheus: false
    Milliseconds age_max{0};  ///< older samples are dropped; 0: none

    // ── metadata_config ──
    bool send_metadata = true;
    Milliseconds metadata_interval = std::chrono::minutes(1);
    std::size_t metadata_a_request = 2000;
};

/// Reads the list `remote_write`. What is wrong, and what this version does not do (sigv4, azuread,
/// google_iam …), goes to the problems.
std::vector<RemoteWriteSettings> read_remote_write(const ConfigNode& list, Problems& problems);

}  // namespace vedette::exporter
