#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/client.h"
#include "core/config.h"
#include "core/limits.h"
#include "core/reading.h"
#include "probes/http/expect.h"
#include "probes/settings.h"

namespace vedette::probes {

/// How the question is put, and what is expected of the answer.
struct HttpProbeSettings {
    std::string method = "GET";
    std::vector<Header> headers;
    std::string body;
    std::shared_ptr<const HttpSettings> client = std::make_shared<HttpSettings>();
    Family family = Family::V4Preferred;
    bool compressed = false;  ///< ask for gzip
    std::size_t body_bytes_max = limits::answer_body_bytes_max_default;
    HttpExpect expect;
};

/// Asks one URL once, redirects included, and says whether the answer is as expected.
///
/// No answer, a wrong answer and a slow one are readings with `up == false` and the reason. Metrics
/// carry blackbox_exporter's names, labels and meanings; those it does not write in a case (the
/// version of TLS without TLS) are not in the reading either. The transcript is written when the
/// target is down or the world asks for it; credentials in it are hidden. Calls `done` exactly
/// once, on the loop's thread, by `deadline`, never inside the call.
void start_http(const World& world, const std::shared_ptr<const HttpProbeSettings>& settings,
                const std::string& url, Deadline deadline, Done done);

/// The keys of `type: http`: blackbox_exporter's http module, Prometheus's http_config, our
/// `expect`.
HttpProbeSettings read_http_probe(MapReader& probe);
/// For the table of probes: as above, bound to `start_http`.
Attempt read_http(MapReader& probe);
/// Why `url` cannot be asked; empty when it can.
std::string http_objection(std::string_view url);

/// blackbox_exporter's metrics of an outcome. `resolved` tells whether a name was resolved at all.
std::vector<Reading::Metric> http_metrics(const HttpOutcome& outcome, bool failed_due_to_regex);

}  // namespace vedette::probes
