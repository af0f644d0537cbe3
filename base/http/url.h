#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace vedette {

/// An http or https URL taken apart. Only the HTTP client includes this header.
struct HttpUrl {
    std::string text;  ///< without user, password and fragment: what is asked for
    bool tls = false;
    std::string host;  ///< lower case, international names as xn--, no brackets
    std::uint16_t port = 0;
    std::string authority;  ///< `host:port` for a Host header, the port only when unusual
    std::string user, password;
};

/// Fails with BadInput; the message shows the URL without its secrets.
Result<HttpUrl> parse_http_url(std::string_view text);

/// Where a redirect leads. Fails with Refused when that is not http or https.
Result<HttpUrl> resolve_redirect(const HttpUrl& from, std::string_view location);

/// The same URL for another host: what is asked for when `server_name` says so.
std::string with_host(const HttpUrl& url, std::string_view host);

}  // namespace vedette
