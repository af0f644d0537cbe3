#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "core/sample.h"
#include "probes/http/http.h"

namespace vedette::probes {
namespace {

using Metrics = std::vector<Reading::Metric>;

constexpr std::array<std::string_view, 5> phase_names = {"connect", "processing", "resolve", "tls",
                                                         "transfer"};

/// {phase="connect"} and so on, in the order of `phase_names`: built once, shared by every reading.
const std::array<Labels, 5>& phase_labels() {
    static const std::array<Labels, 5> labels = {
        Labels{{"phase", phase_names[0]}}, Labels{{"phase", phase_names[1]}},
        Labels{{"phase", phase_names[2]}}, Labels{{"phase", phase_names[3]}},
        Labels{{"phase", phase_names[4]}}};
    return labels;
}

double seconds(std::chrono::nanoseconds took) {
    return std::chrono::duration<double>(took).count();
}

double took(const std::vector<Phase>& phases, std::string_view name) {
    const auto at = std::find_if(phases.begin(), phases.end(),
                                 [&](const Phase& phase) { return phase.name == name; });
    return at == phases.end() ? 0 : seconds(at->took);
}

/// 32-bit FNV-1a over the address's bytes, as blackbox_exporter has it: changes when the address
/// does.
double address_hash(const std::string& address) {
    std::array<unsigned char, 16> bytes{};
    std::size_t count = 0;
    if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1)
        count = 4;
    else if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1)
        count = 16;
    if (count == 0) return 0;
    std::uint32_t hash = 2166136261U;
    for (std::size_t i = 0; i < count; ++i) hash = (hash ^ bytes[i]) * 16777619U;
    return hash;
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`, and the two older forms RFC 9110 asks readers to take.
std::optional<double> http_date(std::string_view text) {
    if (text.empty()) return std::nullopt;
    const std::string date(text);
    for (const char* form :
         {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
        std::tm parts{};
        const char* end = strptime(date.c_str(), form, &parts);
        if (end != nullptr && *end == '\0') return static_cast<double>(timegm(&parts));
    }
    return std::nullopt;
}

double version_number(std::string_view version) {
    const auto number = parse_value(version);
    return number ? *number : 0;
}

/// What is known of the connection, whether it came to an answer or not.
struct Connection {
    const std::vector<Phase>& phases;
    const std::string& address;
    bool resolved;
};

void add(Metrics& out, std::string_view name, double value, std::string_view help,
         Labels labels = {}) {
    out.push_back({name, std::move(labels), value, help});
}

void add_phases(Metrics& out, const Connection& connection) {
    add(out, "probe_dns_lookup_time_seconds", took(connection.phases, "resolve"),
        "Returns the time taken for probe dns lookup in seconds");
    for (std::size_t i = 0; i < phase_names.size(); ++i) {
        // A name that was not found has no other phases, in blackbox_exporter as here.
        if (!connection.resolved && phase_names[i] != "resolve") continue;
        add(out, "probe_http_duration_seconds", took(connection.phases, phase_names[i]),
            "Duration of http request by phase, summed over all redirects", phase_labels()[i]);
    }
    const std::string& address = connection.address;
    const bool is_v6 = address.find(':') != std::string::npos;
    add(out, "probe_ip_protocol",
        address.empty() ? 0
        : is_v6         ? 6
                        : 4,
        "Specifies whether probe ip protocol is IP4 or IP6");
    add(out, "probe_ip_addr_hash", address_hash(address),
        "Specifies the hash of IP address. It's useful to detect if the IP address changes.");
}

/// blackbox_exporter counts a redirect when it is told of it, followed or not.
int told_redirects(const HttpOutcome& outcome) {
    if (!outcome) {
        const HttpFailure& failure = outcome.error();
        return failure.redirects + (failure.error.fault == Fault::Limit ? 1 : 0);
    }
    constexpr std::array<int, 5> redirecting = {301, 302, 303, 307, 308};
    const bool is_redirect =
        std::find(redirecting.begin(), redirecting.end(), outcome->status) != redirecting.end();
    return outcome->redirects + (is_redirect && !outcome->header("location").empty() ? 1 : 0);
}

void add_answer(Metrics& out, const HttpAnswer* answer, int redirects) {
    double length = 0;
    if (answer) length = answer->content_length ? static_cast<double>(*answer->content_length) : -1;
    add(out, "probe_http_content_length", length, "Length of http content response");
    add(out, "probe_http_redirects", redirects, "The number of redirects");
    add(out, "probe_http_ssl", answer && answer->tls ? 1 : 0,
        "Indicates if SSL was used for the final redirect");
    add(out, "probe_http_status_code", answer ? answer->status : 0, "Response HTTP status code");
    add(out, "probe_http_uncompressed_body_length",
        answer ? static_cast<double>(answer->body_bytes) : 0,
        "Length of uncompressed response body");
    add(out, "probe_http_version", answer ? version_number(answer->version) : 0,
        "Returns the version of HTTP of the probe response");
    if (!answer) return;
    if (const auto modified = http_date(answer->header("last-modified")))
        add(out, "probe_http_last_modified_timestamp_seconds", *modified,
            "Returns the Last-Modified HTTP response header in unixtime");
}

void add_tls(Metrics& out, const TlsFacts& tls) {
    add(out, "probe_ssl_earliest_cert_expiry", tls.earliest_not_after.seconds(),
        "Returns last SSL chain expiry in unixtime");
    // Without a verified chain: Go's zero time, which is what blackbox_exporter writes.
    constexpr double no_time = -62135596800.0;
    add(out, "probe_ssl_last_chain_expiry_timestamp_seconds",
        tls.verified_not_after ? tls.verified_not_after->seconds() : no_time,
        "Returns last SSL chain expiry in timestamp");
    add(out, "probe_ssl_last_chain_info", 1, "Contains SSL leaf certificate information",
        Labels{{"fingerprint_sha256", tls.leaf_sha256},
               {"issuer", tls.leaf_issuer},
               {"serialnumber", tls.leaf_serial},
               {"subject", tls.leaf_subject},
               {"subjectalternative", tls.leaf_names}});
    add(out, "probe_tls_cipher_info", 1, "Returns the TLS cipher negotiated during handshake",
        Labels{{"cipher", tls.cipher}});
    add(out, "probe_tls_version_info", 1, "Returns the TLS version used or NaN when unknown",
        Labels{{"version", tls.version}});
}

}  // namespace

std::vector<Reading::Metric> http_metrics(const HttpOutcome& outcome, bool failed_due_to_regex) {
    Metrics out;
    out.reserve(24);
    const HttpAnswer* answer = outcome ? &*outcome : nullptr;
    const Connection connection = outcome
                                      ? Connection{outcome->phases, outcome->address, true}
                                      : Connection{outcome.error().phases, outcome.error().address,
                                                   outcome.error().phase != "resolve"};
    add_phases(out, connection);
    add(out, "probe_failed_due_to_regex", failed_due_to_regex ? 1 : 0,
        "Indicates if probe failed due to regex");
    add_answer(out, answer, told_redirects(outcome));
    if (answer && answer->tls) add_tls(out, *answer->tls);
    return out;
}

}  // namespace vedette::probes
