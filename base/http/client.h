#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "base/resolver.h"
#include "base/secret.h"
#include "core/config.h"
#include "core/error.h"
#include "core/http.h"
#include "core/reading.h"
#include "core/time.h"

namespace vedette {

/// Prometheus's `tls_config`.
struct TlsSettings {
    std::string ca_file, ca;  ///< empty: the system's
    std::string cert_file, cert, key_file;
    Secret key;
    std::string server_name;
    bool insecure_skip_verify = false;
    std::string min_version, max_version;  ///< TLS10, TLS11, TLS12, TLS13
};

struct HttpSettings;

/// Prometheus's `oauth2`: the client credentials grant.
struct OAuth2Settings {
    std::string client_id;
    Secret client_secret;
    std::vector<std::string> scopes;
    std::string token_url;
    std::vector<std::pair<std::string, std::string>> endpoint_params;  ///< sorted by name
    std::shared_ptr<const HttpSettings> http;  ///< TLS and proxy towards `token_url`; never null
};

/// Prometheus's `http_config`, as one struct for probes, scrapes, receivers and data sources.
struct HttpSettings {
    struct BasicAuth {
        std::string username;
        Secret password;
        Secret username_file;  ///< instead of `username` when set
    };
    std::optional<BasicAuth> basic_auth;
    std::string authorization_type;  ///< "Bearer" unless said; empty: no authorization
    Secret authorization;
    std::shared_ptr<const OAuth2Settings> oauth2;  ///< null: none
    TlsSettings tls;
    bool follow_redirects = true;
    bool enable_http2 = true;
    std::vector<std::pair<std::string, Secret>> headers;  ///< http_headers
    std::string proxy_url;                                ///< empty: none
    std::string no_proxy;                 ///< a comma list of hosts, domains and networks
    bool proxy_from_environment = false;  ///< HTTP_PROXY …, which else never count
    std::vector<std::pair<std::string, Secret>> proxy_headers;  ///< proxy_connect_header
};

/// Reads the keys of `http_config` from `map` (which may hold other keys too). What this version
/// does not do (`…_ref`, proxies that speak no http) is refused by name.
HttpSettings read_http_settings(MapReader& map);
TlsSettings read_tls_settings(const ConfigNode& node, Problems& problems);

struct HttpCall {
    std::string method = "GET";
    std::string url;  ///< http or https only
    std::vector<Header> headers;
    std::string body;
    std::shared_ptr<const HttpSettings> settings;  ///< never null
    Family family = Family::V4Preferred;
    std::size_t body_bytes_max = 0;  ///< 0: limits.h; more is cut and `body_cut` is set
    bool keep_body = true;           ///< false: counted, not kept
    bool fresh_connection = true;    ///< a probe measures connecting; receivers may reuse
    bool http2 = false;              ///< offer HTTP/2 in TLS
    bool compressed = false;         ///< ask for gzip and decode (bounded by body_bytes_max)
    /// Refuses to connect to link-local and metadata addresses, again after each redirect.
    bool steered_by_others = false;
    std::size_t redirects_max = 10;
};

struct TlsFacts {
    std::string version;  ///< "TLS 1.3"
    std::string cipher;
    /// Of the presented chain.
    Timestamp earliest_not_after;
    Timestamp leaf_not_before, leaf_not_after;
    /// Of the verified chain that lasts longest; nothing when not verified.
    std::optional<Timestamp> verified_not_after;
    std::string leaf_subject, leaf_issuer, leaf_names, leaf_serial;
    std::string leaf_sha256;  ///< lower-case hexadecimal
};

struct HttpAnswer {
    int status = 0;
    std::string version;          ///< "1.1", "2"
    std::vector<Header> headers;  ///< of the last response, names in lower case
    std::string body;
    std::uint64_t body_bytes = 0;  ///< as decoded
    bool body_cut = false;
    std::optional<std::uint64_t> content_length;  ///< as announced
    std::string address;                          ///< connected to, of the last hop
    bool address_is_v6 = false;
    std::string final_url;
    int redirects = 0;
    /// `resolve`, `connect`, `tls`, `processing`, `transfer`, always all five; summed over
    /// redirects as blackbox_exporter does (`transfer` is of the last response only).
    std::vector<Phase> phases;
    std::optional<TlsFacts> tls;
    std::string_view header(std::string_view lower_case_name) const;
};

/// A call that got no HTTP answer: which phase it died in and why, with what was measured until
/// then.
struct HttpFailure {
    Error error;        ///< one sentence: `connection refused`, `certificate has expired`
    std::string phase;  ///< it died in: `resolve`, `connect`, `tls`, `processing`, `transfer`
    std::vector<Phase> phases;  ///< up to and with the one it died in
    std::string address;
    int redirects = 0;
    std::optional<TlsFacts> tls;
};

using HttpOutcome = tl::expected<HttpAnswer, HttpFailure>;
using HttpDone = std::function<void(HttpOutcome)>;

/// HTTP over libcurl's multi interface on a loop: no threads, no environment proxies, http and
/// https only. Names go through the `Resolver`; the connection is made to the very address it gave.
/// On the loop's thread only.
class HttpClient {
public:
    HttpClient(Loop& loop, Resolver& resolver);
    ~HttpClient();  // cancels what is in flight: `done` gets Cancelled
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Calls `done` exactly once, on the loop's thread, by `deadline`, never inside `send`.
    void send(HttpCall call, Deadline deadline, HttpDone done);
    std::size_t in_flight() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// A URL with user, password, query and fragment hidden, fit for logs; `secret_path` hides the path
/// too.
std::string redact_url(std::string_view url, bool secret_path = false);

}  // namespace vedette
