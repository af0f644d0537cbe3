#include "base/http/oauth2.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/http/head.h"
#include "base/http/proxy.h"
#include "core/limits.h"

namespace vedette {
namespace {

using Json = nlohmann::json;

/// As a form writes it: a blank is `+`, other bytes `%xx`.
std::string form_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
        if (plain)
            out += c;
        else if (c == ' ')
            out += '+';
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string unformed(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::sscanf(std::string(text.substr(i + 1, 2)).c_str(), "%2x", &value) == 1) {
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string scope_of(const OAuth2Settings& settings) {
    std::string out;
    for (const std::string& scope : settings.scopes) out += (out.empty() ? "" : " ") + scope;
    return out;
}

std::string form_of(const OAuth2Settings& settings) {
    std::string out = "grant_type=client_credentials";
    if (!settings.scopes.empty()) out += "&scope=" + form_text(scope_of(settings));
    for (const auto& [name, value] : settings.endpoint_params)
        out += fmt::format("&{}={}", form_text(name), form_text(value));
    return out;
}

/// What one token is for: others with the same share it.
std::string key_of(const OAuth2Settings& settings) {
    return fmt::format("{}\n{}\n{}\n{}", settings.token_url, settings.client_id,
                       settings.client_secret.describe(), form_of(settings));
}

/// What the endpoint says is wrong, of its JSON; never more than a line.
std::string said_by(std::string_view body) {
    const Json json = Json::parse(body, nullptr, false);
    std::string out;
    for (const char* key : {"error", "error_description"})
        if (json.is_object() && json.contains(key) && json[key].is_string())
            out += (out.empty() ? "" : ": ") + json[key].get<std::string>().substr(0, 200);
    return out.empty() ? out : fmt::format(" ({})", out);
}

Result<OAuth2Token> token_of(const std::string& token, std::string type, double seconds) {
    if (token.empty())
        return fail(Fault::Corrupt, "the token endpoint's answer has no access_token");
    if (type.empty() || lower_case(type) == "bearer") type = "Bearer";
    OAuth2Token out{type + " " + token, {}};
    if (seconds > 0 && seconds < 1e12) out.expires = std::chrono::seconds(std::llround(seconds));
    return out;
}

Result<OAuth2Token> token_of_form(std::string_view body) {
    std::string token, type;
    double seconds = 0;
    while (!body.empty()) {
        const auto end = std::min(body.find('&'), body.size());
        const std::string_view pair = body.substr(0, end);
        const auto equals = std::min(pair.find('='), pair.size());
        const std::string name = unformed(pair.substr(0, equals));
        const std::string value = unformed(pair.substr(std::min(equals + 1, pair.size())));
        if (name == "access_token") token = value;
        if (name == "token_type") type = value;
        if (name == "expires_in") seconds = std::strtod(value.c_str(), nullptr);
        body.remove_prefix(std::min(end + 1, body.size()));
    }
    return token_of(token, type, seconds);
}

std::string text_in(const Json& json, const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
}

Result<HttpCall> call_for(const OAuth2Settings& settings, bool in_body) {
    HttpCall call;
    call.method = "POST";
    call.url = settings.token_url;
    call.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    call.body = form_of(settings);
    call.body_bytes_max = limits::oauth2_answer_bytes_max;
    std::string secret;
    if (settings.client_secret.is_set()) {
        auto revealed = settings.client_secret.reveal();
        if (!revealed) return fail(revealed.error());
        secret = std::move(*revealed);
    }
    HttpSettings http = *settings.http;
    if (in_body) {
        call.body += "&client_id=" + form_text(settings.client_id);
        if (!secret.empty()) call.body += "&client_secret=" + form_text(secret);
    } else {
        http.basic_auth = HttpSettings::BasicAuth{
            form_text(settings.client_id), Secret::from_text(form_text(secret)), {}};
    }
    call.settings = std::make_shared<const HttpSettings>(std::move(http));
    return call;
}

}  // namespace

Result<OAuth2Token> read_token(std::string_view content_type, std::string_view body) {
    const std::string type = lower_case(trimmed(content_type.substr(0, content_type.find(';'))));
    if (type == "application/x-www-form-urlencoded" || type == "text/plain")
        return token_of_form(body);
    const Json json = Json::parse(body, nullptr, false);
    if (!json.is_object()) return fail(Fault::Corrupt, "the token endpoint's answer is no JSON");
    double seconds = 0;
    if (json.contains("expires_in") && json["expires_in"].is_number())
        seconds = json["expires_in"].get<double>();
    else  // some write it as text
        seconds = std::strtod(text_in(json, "expires_in").c_str(), nullptr);
    return token_of(text_in(json, "access_token"), text_in(json, "token_type"), seconds);
}

void OAuth2Tokens::ask(std::shared_ptr<const OAuth2Settings> settings, Answer done) {
    // What nobody asked for since it expired is forgotten.
    std::erase_if(entries_, [&](const auto& one) {
        return one.second.waiting.empty() && one.second.expires &&
               *one.second.expires <= loop_.now();
    });
    const std::string key = key_of(*settings);
    Entry& entry = entries_[key];
    if (entry.waiting.empty() && !entry.authorization.empty()) return done(entry.authorization);
    entry.waiting.push_back(std::move(done));
    if (entry.waiting.size() == 1) request(key, std::move(settings), entry.in_body);
}

void OAuth2Tokens::request(const std::string& key, std::shared_ptr<const OAuth2Settings> settings,
                           bool in_body) {
    auto call = call_for(*settings, in_body);
    if (!call) return finish(key, fail(call.error()));
    send_(std::move(*call), Deadline::after(loop_.now(), limits::oauth2_deadline),
          [this, key, settings, in_body](const HttpOutcome& outcome) {
              take(key, settings, in_body, outcome);
          });
}

void OAuth2Tokens::take(const std::string& key,
                        const std::shared_ptr<const OAuth2Settings>& settings, bool in_body,
                        const HttpOutcome& outcome) {
    const std::string from = redact_url(settings->token_url);
    if (!outcome)
        return finish(
            key, fail(outcome.error().error.fault,
                      fmt::format("no token from {}: {}", from, outcome.error().error.message)));
    if (outcome->status / 100 != 2) {
        // Which of both ways an endpoint understands can only be tried, as Go's clients do.
        if (!in_body) return request(key, settings, true);
        return finish(key,
                      fail(Fault::Refused, fmt::format("no token from {}: HTTP status {}{}", from,
                                                       outcome->status, said_by(outcome->body))));
    }
    auto token = read_token(outcome->header("content-type"), outcome->body);
    if (!token)
        return finish(key, fail(token.error().fault,
                                fmt::format("no token from {}: {}", from, token.error().message)));
    entries_[key].in_body = in_body;
    finish(key, token);
}

void OAuth2Tokens::finish(const std::string& key, const Result<OAuth2Token>& token) {
    Entry& entry = entries_[key];
    const auto waiting = std::exchange(entry.waiting, {});
    entry.authorization = token ? token->authorization : "";
    entry.expires = loop_.now();
    if (token && !token->expires) entry.expires.reset();
    if (token && token->expires)
        *entry.expires +=
            std::max<Milliseconds>(*token->expires - limits::oauth2_token_spare, Milliseconds(0));
    const Result<std::string> answer =
        token ? Result<std::string>(token->authorization) : fail(token.error());
    for (const Answer& done : waiting) done(answer);
}

std::shared_ptr<const OAuth2Settings> read_oauth2(const ConfigNode& node, Problems& problems) {
    MapReader map(node, problems, "oauth2");
    auto out = std::make_shared<OAuth2Settings>();
    out->client_id = map.required_string("client_id");
    out->client_secret = read_secret(map, "client_secret");
    if (map.node("client_secret_ref") != nullptr)
        map.problem("client_secret_ref",
                    "`client_secret_ref` is not supported; use `client_secret_file`");
    out->scopes = map.strings("scopes");
    out->token_url = map.required_string("token_url");
    if (!out->token_url.empty() && !parse_http_url(out->token_url))
        map.problem("token_url", "`token_url` must begin with http:// or https://");
    out->endpoint_params = map.string_map("endpoint_params");
    std::sort(out->endpoint_params.begin(), out->endpoint_params.end());
    HttpSettings http;
    if (const ConfigNode* tls = map.node("tls_config"))
        http.tls = read_tls_settings(*tls, problems);
    read_proxy(map, http);
    out->http = std::make_shared<const HttpSettings>(std::move(http));
    return out;
}

}  // namespace vedette
