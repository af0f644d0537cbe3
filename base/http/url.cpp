#include "base/http/url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>

#include "base/http/client.h"

namespace vedette {
namespace {

struct Cleanup {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURLU, Cleanup>;

constexpr unsigned parse_flags = CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS | CURLU_URLENCODE;

std::optional<std::string> part(CURLU* url, CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return std::nullopt;
    std::string copy(text);
    curl_free(text);
    return copy;
}

Handle handle_of(const std::string& text) {
    Handle url(curl_url());
    if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), parse_flags) != CURLUE_OK)
        return nullptr;
    return url;
}

std::string bracketed(std::string_view host) {
    return host.find(':') == host.npos ? std::string(host) : fmt::format("[{}]", host);
}

/// Takes a handle apart; nothing when it is not http or https or its host cannot be one.
std::optional<HttpUrl> take_apart(CURLU* handle) {
    HttpUrl url;
    const auto scheme = part(handle, CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https") return std::nullopt;
    url.tls = scheme == "https";
    url.user = part(handle, CURLUPART_USER, CURLU_URLDECODE).value_or("");
    url.password = part(handle, CURLUPART_PASSWORD, CURLU_URLDECODE).value_or("");
    for (const auto gone : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT})
        curl_url_set(handle, gone, nullptr, 0);
    auto host = part(handle, CURLUPART_HOST, CURLU_PUNYCODE);
    if (!host || host->empty()) return std::nullopt;
    if (host->front() == '[') host = host->substr(1, host->size() - 2);
    std::transform(host->begin(), host->end(), host->begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    url.host = std::move(*host);
    const auto port = part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    url.port = static_cast<std::uint16_t>(std::atoi(port.value_or("0").c_str()));
    if (url.port == 0) return std::nullopt;
    const bool usual = url.port == (url.tls ? 443 : 80);
    url.authority = bracketed(url.host) + (usual ? "" : fmt::format(":{}", url.port));
    auto text = part(handle, CURLUPART_URL, CURLU_PUNYCODE);
    if (!text) return std::nullopt;
    url.text = std::move(*text);
    return url;
}

}  // namespace

Result<HttpUrl> parse_http_url(std::string_view text) {
    const bool clean = text.find('\0') == text.npos;
    if (const Handle handle = clean ? handle_of(std::string(text)) : nullptr)
        if (auto url = take_apart(handle.get())) return std::move(*url);
    return fail(Fault::BadInput, fmt::format("not an http or https URL: `{}`", redact_url(text)));
}

Result<HttpUrl> resolve_redirect(const HttpUrl& from, std::string_view location) {
    const Handle handle = handle_of(from.text);
    // Relative places keep user and password, as Go's client does.
    if (handle && !from.user.empty()) {
        curl_url_set(handle.get(), CURLUPART_USER, from.user.c_str(), CURLU_URLENCODE);
        curl_url_set(handle.get(), CURLUPART_PASSWORD, from.password.c_str(), CURLU_URLENCODE);
    }
    if (handle && curl_url_set(handle.get(), CURLUPART_URL, std::string(location).c_str(),
                               parse_flags) == CURLUE_OK)
        if (auto url = take_apart(handle.get())) return std::move(*url);
    return fail(Fault::Refused,
                fmt::format("redirect to `{}` refused: only http and https are followed",
                            redact_url(location)));
}

std::string with_host(const HttpUrl& url, std::string_view host) {
    const Handle handle = handle_of(url.text);
    if (!handle) return url.text;
    curl_url_set(handle.get(), CURLUPART_HOST, bracketed(host).c_str(), 0);
    return part(handle.get(), CURLUPART_URL).value_or(url.text);
}

std::string redact_url(std::string_view url, bool secret_path) {
    const auto scheme_end = url.find("://");
    const auto authority = scheme_end == url.npos ? 0 : scheme_end + 3;
    const auto authority_end = std::min(url.find_first_of("/?#", authority), url.size());
    const auto user_end = url.substr(authority, authority_end - authority).rfind('@');
    std::string shown(url.substr(0, authority));
    if (user_end != url.npos) shown += "<secret>@";
    const auto host = user_end == url.npos ? authority : authority + user_end + 1;
    shown += url.substr(host, authority_end - host);
    const auto path_end = std::min(url.find_first_of("?#", authority_end), url.size());
    const auto path = url.substr(authority_end, path_end - authority_end);
    if (secret_path && path.size() > 1)
        shown += "/<secret>";
    else
        shown += path;
    if (path_end == url.size()) return shown;
    if (url[path_end] == '?') return shown + (secret_path ? "" : "?<secret>");
    return shown + (secret_path ? "" : "#<secret>");
}

}  // namespace vedette
