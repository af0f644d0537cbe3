#include "base/http/request.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/http/head.h"

namespace vedette {
namespace {

bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != others.npos;
    });
}

bool is_header_value(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 32 && c != '\t') || c == 127;
    });
}

std::string base64(std::string_view text) {
    std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

/// Names whose values another host must not see.
bool is_secret_header(std::string_view lower_name) {
    return lower_name == "authorization" || lower_name == "cookie" ||
           lower_name == "proxy-authorization" || lower_name == "www-authenticate";
}

/// The value of Authorization, or nothing.
Result<std::string> authorization_of(const HttpSettings& settings, const HttpUrl& url) {
    if (settings.basic_auth) {
        std::string password;
        if (settings.basic_auth->password.is_set()) {
            auto revealed = settings.basic_auth->password.reveal();
            if (!revealed) return fail(revealed.error());
            password = std::move(*revealed);
        }
        std::string username = settings.basic_auth->username;
        if (settings.basic_auth->username_file.is_set()) {
            auto revealed = settings.basic_auth->username_file.reveal();
            if (!revealed) return fail(revealed.error());
            username = std::move(*revealed);
        }
        return "Basic " + base64(username + ":" + password);
    }
    if (settings.authorization.is_set()) {
        auto revealed = settings.authorization.reveal();
        if (!revealed) return fail(revealed.error());
        return (settings.authorization_type.empty() ? "Bearer" : settings.authorization_type) +
               " " + *revealed;
    }
    if (!url.user.empty()) return "Basic " + base64(url.user + ":" + url.password);
    return std::string();
}

/// Takes one line, unless it is not for this hop.
Result<void> add(RequestHeaders& out, const HttpHop::Ask& ask, const std::string& name,
                 std::string value) {
    if (!is_token(name)) return fail(Fault::BadInput, fmt::format("not a header name: `{}`", name));
    if (!is_header_value(value))
        return fail(Fault::BadInput,
                    fmt::format("the value of header `{}` has control characters", name));
    const std::string key = lower_case(name);
    if (key == "host" && !ask.same_host) return {};
    if (!ask.with_secrets && is_secret_header(key)) return {};
    if (!ask.with_body && (key == "content-type" || key == "content-length")) return {};
    out.has_agent |= key == "user-agent";
    out.has_host |= key == "host";
    out.has_type |= key == "content-type";
    out.has_accept |= key == "accept";
    out.lines.emplace_back(name, std::move(value));
    return {};
}

}  // namespace

bool can_be_header(std::string_view name, std::string_view value) {
    return is_token(name) && is_header_value(value);
}

bool is_framing_header(std::string_view name) {
    constexpr std::array<std::string_view, 8> names = {
        "connection", "content-length", "expect",  "keep-alive",
        "te",         "trailer",        "upgrade", "transfer-encoding"};
    return std::find(names.begin(), names.end(), lower_case(name)) != names.end();
}

Result<RequestHeaders> request_headers(const HttpCall& call, const HttpHop::Ask& ask) {
    if (!is_token(ask.method))
        return fail(Fault::BadInput, fmt::format("not an HTTP method: `{}`", ask.method));
    RequestHeaders out;
    for (const auto& [name, value] : call.headers)
        if (auto added = add(out, ask, name, value); !added) return fail(added.error());
    if (!ask.with_secrets) return out;
    for (const auto& [name, secret] : call.settings->headers) {
        auto value = secret.reveal();
        if (!value) return fail(value.error());
        if (auto added = add(out, ask, name, std::move(*value)); !added) return fail(added.error());
    }
    const bool authorized = std::any_of(out.lines.begin(), out.lines.end(), [](const Header& one) {
        return lower_case(one.first) == "authorization";
    });
    if (authorized) return out;
    auto value = ask.authorization.empty() ? authorization_of(*call.settings, ask.url)
                                           : Result<std::string>(ask.authorization);
    if (!value) return fail(value.error());
    if (value->empty()) return out;
    if (auto added = add(out, ask, "Authorization", std::move(*value)); !added)
        return fail(added.error());
    return out;
}

std::string_view request_body(const HttpCall& call, const HttpHop::Ask& ask) {
    const bool sent = ask.with_body && ask.method != "HEAD";
    return sent ? std::string_view(call.body) : std::string_view();
}

bool has_length(const HttpCall& call, const HttpHop::Ask& ask) {
    return !request_body(call, ask).empty() || ask.method == "POST" || ask.method == "PUT" ||
           ask.method == "PATCH";
}

}  // namespace vedette
