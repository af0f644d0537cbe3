#include "probes/http/http.h"

#include <fmt/format.h>

#include <array>

#include "core/labels.h"
#include "probes/http/transcript.h"

namespace vedette::probes {
namespace {

/// Where the time was spent when it ran out.
std::string_view still_doing(std::string_view phase) {
    if (phase == "resolve") return "resolving the name";
    if (phase == "connect") return "connecting";
    if (phase == "tls") return "in the TLS handshake";
    if (phase == "processing") return "waiting for the answer";
    if (phase == "transfer") return "receiving the answer";
    return "waiting";
}

std::string failure_reason(const HttpFailure& failure) {
    if (failure.error.fault == Fault::Timeout)
        return fmt::format("timed out {}", still_doing(failure.phase));
    return failure.error.message;
}

Reading read_outcome(const World& world, const HttpProbeSettings& settings, const std::string& url,
                     HttpOutcome outcome) {
    HttpVerdict verdict;
    if (outcome)
        verdict = judge(settings.expect, *outcome, world.clock.now());
    else
        verdict.reasons.push_back(failure_reason(outcome.error()));

    Reading reading;
    reading.up = verdict.reasons.empty();
    reading.reason = fmt::format("{}", fmt::join(verdict.reasons, "; "));
    reading.metrics = http_metrics(outcome, verdict.failed_due_to_regex);
    if (!reading.up || world.always_transcript) {
        const Hidden hidden(settings);
        reading.reason = hidden.in(std::move(reading.reason));
        reading.transcript = http_transcript(settings, url, outcome, hidden);
    }
    reading.phases = outcome ? std::move(outcome->phases) : std::move(outcome.error().phases);
    return reading;
}

}  // namespace

void start_http(const World& world, const std::shared_ptr<const HttpProbeSettings>& settings,
                const std::string& url, Deadline deadline, Done done) {
    HttpCall call;
    call.method = settings->method;
    call.url = url;
    call.headers = settings->headers;
    call.body = settings->body;
    call.settings = settings->client;
    call.family = settings->family;
    call.body_bytes_max = settings->body_bytes_max;
    call.http2 = settings->client->enable_http2;
    call.compressed = settings->compressed;
    call.redirects_max = limits::redirects_max;
    world.http.send(std::move(call), deadline,
                    [world, settings, url, done = std::move(done)](HttpOutcome outcome) {
                        done(read_outcome(world, *settings, url, std::move(outcome)));
                    });
}

}  // namespace vedette::probes
