#include "base/http/proxy.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "base/http/head.h"

namespace vedette {
namespace {

using Bytes16 = std::array<unsigned char, 16>;

/// 16 bytes, IPv4 as ::ffff:a.b.c.d; nothing when `text` is no address.
std::optional<Bytes16> bytes_of(std::string_view text) {
    const auto address = parse_address(text);
    if (!address) return std::nullopt;
    Bytes16 out{};
    if (!address->is_v6) out[10] = out[11] = 0xff;
    ::inet_pton(address->is_v6 ? AF_INET6 : AF_INET, address->text.c_str(),
                out.data() + (address->is_v6 ? 0 : 12));
    return out;
}

bool is_in_network(std::string_view host, std::string_view network) {
    const auto slash = network.find('/');
    const auto wanted = bytes_of(host), base = bytes_of(network.substr(0, slash));
    int bits = 0;
    const char* end = network.data() + network.size();
    const auto read = std::from_chars(network.data() + slash + 1, end, bits);
    if (!wanted || !base || read.ec != std::errc() || read.ptr != end) return false;
    if (network.find(':') == network.npos) bits += 96;
    if (bits < 0 || bits > 128) return false;
    for (int bit = 0; bit < bits; ++bit) {
        const auto at = static_cast<std::size_t>(bit / 8);
        if ((((*wanted)[at] ^ (*base)[at]) >> (7 - bit % 8) & 1) != 0) return false;
    }
    return true;
}

/// `shop.test:80` is a name and its port, `[::1]:80` an address and its port, `::1` an address.
std::pair<std::string_view, std::string_view> split_port(std::string_view entry) {
    const auto colon = entry.rfind(':');
    const bool bracketed = entry.starts_with('[');
    if (bracketed) {
        const auto close = std::min(entry.find(']'), entry.size());
        const bool has_port = colon != entry.npos && colon > close;
        return {entry.substr(1, close - 1), has_port ? entry.substr(colon + 1) : ""};
    }
    if (colon == entry.npos || entry.find(':') != colon) return {entry, ""};
    return {entry.substr(0, colon), entry.substr(colon + 1)};
}

bool names_host(std::string_view entry, const HttpUrl& url) {
    if (entry == "*") return true;
    if (entry.find('/') != entry.npos) return is_in_network(url.host, entry);
    auto [name, port] = split_port(entry);
    if (!port.empty() && port != std::to_string(url.port)) return false;
    if (const auto address = bytes_of(name)) return address == bytes_of(url.host);
    if (name.starts_with("*.")) name.remove_prefix(1);
    if (name.empty()) return false;
    if (name.starts_with('.')) return url.host.ends_with(name) && url.host.size() > name.size();
    return url.host == name || url.host.ends_with("." + std::string(name));
}

/// The first of the variables that is set, as it was when the program started.
std::string from_environment(std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (auto value = Secret::from_environment(name).reveal(); value && !value->empty())
            return std::move(*value);
    return {};
}

bool is_this_machine(const HttpUrl& url) {
    const auto address = parse_address(url.host);
    return url.host == "localhost" || (address && is_loopback(*address));
}

Result<std::optional<HttpUrl>> parse_proxy(std::string text) {
    if (text.find("://") == text.npos) text.insert(0, "http://");
    auto url = parse_http_url(text);
    if (!url || url->tls)
        return fail(Fault::BadInput,
                    fmt::format("the proxy `{}` is no http:// URL", redact_url(text)));
    return std::optional(std::move(*url));
}

void read_connect_header(const ConfigNode& node, MapReader& map, HttpSettings& settings) {
    if (!node.is_map())
        return map.problem("proxy_connect_header", "expected names with lists of values");
    for (const auto& entry : node.entries) {
        if (!entry.value.is_list()) {
            map.problems().add(node.file, entry.mark,
                               fmt::format("`{}` has no list of values", entry.key));
            continue;
        }
        for (const ConfigNode& value : entry.value.items)
            settings.proxy_headers.emplace_back(
                entry.key, secret_of(value, map.problems(), fmt::format("`{}`", entry.key)));
    }
}

/// What does not fit together, as Prometheus refuses it.
void check_proxy(MapReader& map, const HttpSettings& settings) {
    if (settings.proxy_from_environment && !settings.proxy_url.empty())
        map.problem("proxy_from_environment",
                    "`proxy_from_environment` and `proxy_url` are both set; expected one of them");
    if (settings.proxy_from_environment && !settings.no_proxy.empty())
        map.problem("no_proxy",
                    "`no_proxy` and `proxy_from_environment` are both set; the environment has its "
                    "own NO_PROXY");
    if (!settings.proxy_from_environment && settings.proxy_url.empty()) {
        if (!settings.no_proxy.empty()) map.problem("no_proxy", "`no_proxy` needs `proxy_url`");
        if (!settings.proxy_headers.empty())
            map.problem("proxy_connect_header",
                        "`proxy_connect_header` needs `proxy_url` or `proxy_from_environment`");
    }
}

}  // namespace

bool is_without_proxy(std::string_view no_proxy, const HttpUrl& url) {
    while (!no_proxy.empty()) {
        const auto comma = std::min(no_proxy.find(','), no_proxy.size());
        const std::string entry = lower_case(trimmed(no_proxy.substr(0, comma)));
        if (!entry.empty() && names_host(entry, url)) return true;
        no_proxy.remove_prefix(std::min(comma + 1, no_proxy.size()));
    }
    return false;
}

Result<std::optional<HttpUrl>> proxy_for(const HttpSettings& settings, const HttpUrl& url) {
    if (!settings.proxy_from_environment) {
        if (settings.proxy_url.empty()) return std::optional<HttpUrl>();
        const bool excluded = !settings.no_proxy.empty() &&
                              (is_this_machine(url) || is_without_proxy(settings.no_proxy, url));
        if (excluded) return std::optional<HttpUrl>();
        return parse_proxy(settings.proxy_url);
    }
    std::string proxy = url.tls ? from_environment({"HTTPS_PROXY", "https_proxy"})
                                : from_environment({"HTTP_PROXY", "http_proxy"});
    if (proxy.empty() || is_this_machine(url) ||
        is_without_proxy(from_environment({"NO_PROXY", "no_proxy"}), url))
        return std::optional<HttpUrl>();
    return parse_proxy(std::move(proxy));
}

void read_proxy(MapReader& map, HttpSettings& settings) {
    settings.proxy_url = map.string("proxy_url");
    settings.no_proxy = map.string("no_proxy");
    settings.proxy_from_environment = map.boolean("proxy_from_environment", false);
    if (const ConfigNode* node = map.node("proxy_connect_header"))
        read_connect_header(*node, map, settings);
    check_proxy(map, settings);
    if (settings.proxy_url.empty()) return;
    const auto proxy = parse_http_url(settings.proxy_url);
    const ConfigNode& node = *map.node("proxy_url");
    if (!proxy || proxy->tls)
        // Without its line, which may hold a password.
        map.problems().add({node.file ? node.file->name : "configuration",
                            node.mark,
                            fmt::format("`proxy_url` must be an http:// URL; found `{}`",
                                        redact_url(settings.proxy_url)),
                            {},
                            false});
}

}  // namespace vedette
