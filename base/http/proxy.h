#pragma once

#include <optional>
#include <string_view>

#include "base/http/client.h"
#include "base/http/url.h"

namespace vedette {

/// The proxy to ask for `url`, or none: `proxy_url`, or with `proxy_from_environment` what
/// HTTP_PROXY or HTTPS_PROXY says, unless `no_proxy` (NO_PROXY) names the host. Where one of those
/// two lists counts, this machine is never asked for through a proxy, as in Go's clients. Fails
/// with BadInput when the environment's proxy is no http:// URL. Only the HTTP client includes this
/// header.
Result<std::optional<HttpUrl>> proxy_for(const HttpSettings& settings, const HttpUrl& url);

/// Whether the comma list `no_proxy` names the host: `*`, an address, a network (`10.0.0.0/8`), a
/// domain with all below it (`shop.test`) or only what is below it (`.shop.test`), each but a
/// network with a port when only that is meant.
bool is_without_proxy(std::string_view no_proxy, const HttpUrl& url);

/// Reads `proxy_url`, `no_proxy`, `proxy_from_environment` and `proxy_connect_header`.
void read_proxy(MapReader& map, HttpSettings& settings);

}  // namespace vedette
