#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "core/config.h"
#include "core/http.h"
#include "core/limits.h"
#include "core/time.h"

namespace re2 {
class RE2;
}

namespace vedette::http {

/// Certificate and key of one listener, PEM; read again when either file changes.
struct ServerTls {
    std::string cert_file, key_file;
    std::string min_version =
        "TLS12";  ///< `TLS12` or `TLS13`, the words of Prometheus's web-config

    bool operator==(const ServerTls&) const = default;
};

/// One address that is listened on.
struct ListenerSettings {
    std::string address = "127.0.0.1:7887";  ///< `host:port`, `[::1]:port`, `:port`; port 0 is any
    std::vector<PathGroup> serves;           ///< empty: all
    std::optional<ServerTls> tls;
};

/// Somebody who logs in with a name and a password.
struct User {
    std::string name;
    std::string password_hash;  ///< bcrypt: `$2y$10$…`
    Role role = Role::Viewer;
};

/// A program that brings `Authorization: Bearer …`. Two secrets are valid at once while one
/// replaces the other.
struct Token {
    std::string name;
    Secret current, previous;
    Role role = Role::Viewer;
};

/// How much of everything; the defaults are those of core/limits.h.
struct FrontLimits {
    std::size_t head_line_bytes = limits::head_line_bytes_max;
    std::size_t head_bytes = limits::head_bytes_max;
    std::size_t header_count = limits::header_count_max;
    std::size_t body_bytes = limits::body_bytes_max_default;
    std::size_t buffered_bytes = limits::buffered_bytes_max;
    std::size_t connections = limits::connections_max;
    std::size_t requests_in_flight = limits::requests_in_flight_max;
    std::size_t event_streams = limits::event_streams_max;
    std::size_t event_backlog_bytes = limits::event_stream_backlog_bytes_max;
    std::size_t workers = limits::http_workers;
    std::size_t failures_per_minute = limits::login_failures_per_minute_max;
    Milliseconds head_deadline = limits::head_deadline;
    Milliseconds body_deadline = limits::body_deadline;
    Milliseconds handshake_deadline = limits::tls_handshake_deadline;
    Milliseconds idle = limits::idle_connection_max;
    Milliseconds response_deadline = limits::response_deadline;
    Milliseconds event_ping = limits::event_stream_ping;
};

/// The `server` section.
struct ServerSettings {
    std::vector<ListenerSettings> listeners;
    std::vector<User> users;
    std::vector<Token> tokens;
    /// What somebody may do who brings no credentials.
    Role anonymous = Role::Viewer;
    /// Names this server answers to in `Host`, beside `localhost`, the listeners' own names and
    /// plain addresses: a name that somebody else's DNS points here is refused. `*` allows all.
    std::vector<std::string> allowed_hosts;
    /// Pages of which origins may read the API (`--web.cors.origin` of Prometheus, whose default is
    /// every one); null: none but our own.
    std::shared_ptr<const re2::RE2> cors_origin;
    bool access_log = false;
    FrontLimits limits;
};

/// Reads the `server` section of vedette.yml. What is wrong goes to `problems`. Anonymous callers
/// are viewers, or nobody as soon as users or tokens are given.
ServerSettings read_server_section(const ConfigNode& node, Problems& problems);

/// Host and port of `host:port`, `[v6]:port` or `:port`. Fails with BadInput and the reason.
struct Address {
    std::string host, port;
};
Result<Address> parse_address(std::string_view text);

}  // namespace vedette::http
