#include <catch2/catch.hpp>

#include "core/sample.h"
#include "probes/http/http.h"

using namespace std::chrono_literals;
using namespace vedette;
using namespace vedette::probes;

namespace {

/// `probe_http_status_code 200`, one line a metric, sorted.
std::vector<std::string> lines(const std::vector<Reading::Metric>& metrics) {
    std::vector<std::string> out;
    for (const Reading::Metric& metric : metrics) {
        const std::string labels = metric.labels.empty() ? "" : to_string(metric.labels);
        out.push_back(std::string(metric.name) + labels + ' ' + format_value(metric.value));
        CHECK_FALSE(metric.help.empty());
    }
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace

// What blackbox_exporter 0.28 writes in the same cases, timings aside;
// tests/processes/blackbox_test.py asks the real one.

TEST_CASE("a plain answer has blackbox_exporter's metrics", "[probes][http]") {
    HttpAnswer answer;
    answer.status = 200;
    answer.version = "1.1";
    answer.address = "127.0.0.1";
    answer.content_length = 1200;
    answer.body_bytes = 1200;
    answer.redirects = 3;
    answer.headers = {{"last-modified", "Wed, 21 Oct 2015 07:28:00 GMT"}};
    answer.phases = {{"resolve", 1ms}, {"connect", 2ms}, {"processing", 250ms}, {"transfer", 4ms}};
    CHECK(lines(http_metrics(answer, false)) ==
          std::vector<std::string>{
              "probe_dns_lookup_time_seconds 0.001",
              "probe_failed_due_to_regex 0",
              "probe_http_content_length 1200",
              "probe_http_duration_seconds{phase=\"connect\"} 0.002",
              "probe_http_duration_seconds{phase=\"processing\"} 0.25",
              "probe_http_duration_seconds{phase=\"resolve\"} 0.001",
              "probe_http_duration_seconds{phase=\"tls\"} 0",
              "probe_http_duration_seconds{phase=\"transfer\"} 0.004",
              "probe_http_last_modified_timestamp_seconds 1.44541248e+09",
              "probe_http_redirects 3",
              "probe_http_ssl 0",
              "probe_http_status_code 200",
              "probe_http_uncompressed_body_length 1200",
              "probe_http_version 1.1",
              "probe_ip_addr_hash 3.668918509e+09",
              "probe_ip_protocol 4",
          });
}

TEST_CASE("an answer over TLS tells about its certificate", "[probes][http]") {
    HttpAnswer answer;
    answer.status = 200;
    answer.version = "2";
    answer.address = "::1";
    answer.tls.emplace();
    answer.tls->version = "TLS 1.3";
    answer.tls->cipher = "TLS_AES_256_GCM_SHA384";
    answer.tls->earliest_not_after = {1'797'758'410'000};
    answer.tls->leaf_subject = "CN=localhost,O=Shop,C=DE";
    answer.tls->leaf_issuer = "CN=Test CA";
    answer.tls->leaf_names = "localhost,shop.example";
    answer.tls->leaf_serial = "5b38";
    answer.tls->leaf_sha256 = "a177";
    const auto has = [&](const std::string& line) {
        const auto all = lines(http_metrics(answer, false));
        return std::find(all.begin(), all.end(), line) != all.end();
    };
    CHECK(has("probe_http_ssl 1"));
    CHECK(has("probe_http_version 2"));
    CHECK(has("probe_http_content_length -1"));
    CHECK(has("probe_ip_protocol 6"));
    CHECK(has("probe_ssl_earliest_cert_expiry 1.79775841e+09"));
    CHECK(has("probe_ssl_last_chain_expiry_timestamp_seconds -6.21355968e+10"));
    CHECK(
        has("probe_ssl_last_chain_info{fingerprint_sha256=\"a177\", issuer=\"CN=Test CA\", "
            "serialnumber=\"5b38\", subject=\"CN=localhost,O=Shop,C=DE\", "
            "subjectalternative=\"localhost,shop.example\"} 1"));
    CHECK(has("probe_tls_cipher_info{cipher=\"TLS_AES_256_GCM_SHA384\"} 1"));
    CHECK(has("probe_tls_version_info{version=\"TLS 1.3\"} 1"));
    answer.tls->verified_not_after = Timestamp{1'800'000'000'000};
    CHECK(has("probe_ssl_last_chain_expiry_timestamp_seconds 1.8e+09"));
}

TEST_CASE("without an answer the values are zero, and the phases go as far as it went",
          "[probes][http]") {
    HttpFailure refused{{Fault::Unavailable, "connection refused"},
                        "connect",
                        {{"resolve", 1ms}},
                        "127.0.0.1",
                        0,
                        {}};
    const auto metrics = lines(http_metrics(HttpOutcome(tl::unexpect, refused), false));
    CHECK(metrics.size() == 15);
    CHECK(std::find(metrics.begin(), metrics.end(), "probe_http_status_code 0") != metrics.end());
    CHECK(std::find(metrics.begin(), metrics.end(), "probe_http_content_length 0") !=
          metrics.end());

    HttpFailure unknown{
        {Fault::NotFound, "name not found"}, "resolve", {{"resolve", 2ms}}, "", 0, {}};
    CHECK(lines(http_metrics(HttpOutcome(tl::unexpect, unknown), false)) ==
          std::vector<std::string>{
              "probe_dns_lookup_time_seconds 0.002",
              "probe_failed_due_to_regex 0",
              "probe_http_content_length 0",
              "probe_http_duration_seconds{phase=\"resolve\"} 0.002",
              "probe_http_redirects 0",
              "probe_http_ssl 0",
              "probe_http_status_code 0",
              "probe_http_uncompressed_body_length 0",
              "probe_http_version 0",
              "probe_ip_addr_hash 0",
              "probe_ip_protocol 0",
          });
}

TEST_CASE("the date of the last change is read in the three forms of RFC 9110", "[probes][http]") {
    const auto date = GENERATE("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                               "Sun Nov  6 08:49:37 1994", "yesterday");
    HttpAnswer answer;
    answer.headers = {{"last-modified", date}};
    const auto all = lines(http_metrics(answer, false));
    const bool found =
        std::find(all.begin(), all.end(),
                  "probe_http_last_modified_timestamp_seconds 7.84111777e+08") != all.end();
    CHECK(found == (std::string_view(date) != "yesterday"));
}
