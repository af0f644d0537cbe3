#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "base/http/client.h"
#include "base/http/oauth2.h"
#include "base/http/proxy.h"

namespace vedette {
namespace {

/// A relative path is beside the file it is written in.
std::string beside(const ConfigNode& node, std::string path) {
    if (path.empty() || path.front() == '/' || !node.file) return path;
    return (std::filesystem::path(node.file->name).parent_path() / path).string();
}

std::string file_path(MapReader& map, std::string_view key) {
    return beside(map.map(), map.string(key));
}

std::string version_of(MapReader& map, std::string_view key) {
    return map.choice(key, {"TLS10", "TLS11", "TLS12", "TLS13"}, "");
}

HttpSettings::BasicAuth read_basic_auth(const ConfigNode& node, Problems& problems) {
    HttpSettings::BasicAuth auth;
    MapReader map(node, problems, "basic_auth");
    auth.username = map.string("username");
    auth.password = read_secret(map, "password");
    if (const std::string file = file_path(map, "username_file"); !file.empty()) {
        auth.username_file = Secret::from_file(file);
        if (!auth.username.empty())
            map.problem("username_file",
                        "`username` and `username_file` are both set; expected one of them");
    }
    for (const std::string_view key : {"username_ref", "password_ref"})
        if (map.node(key) != nullptr)
            map.problem(
                key,
                fmt::format("`{}` is not supported; use `username_file` and `password_file`", key));
    return auth;
}

void read_authorization(const ConfigNode& node, Problems& problems, HttpSettings& settings) {
    MapReader map(node, problems, "authorization");
    settings.authorization_type = map.string("type", "Bearer");
    settings.authorization = read_secret(map, "credentials");
    if (map.node("credentials_ref") != nullptr)
        map.problem("credentials_ref",
                    "`credentials_ref` is not supported; use `credentials_file`");
    std::string type = settings.authorization_type;
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (type == "basic") map.problem("type", "`type: basic` is written as `basic_auth`");
}

void read_authentication(MapReader& map, HttpSettings& settings) {
    int kinds = 0;
    if (const ConfigNode* node = map.node("basic_auth")) {
        settings.basic_auth = read_basic_auth(*node, map.problems());
        ++kinds;
    }
    if (const ConfigNode* node = map.node("authorization")) {
        read_authorization(*node, map.problems(), settings);
        ++kinds;
    }
    if (const Secret token = read_secret(map, "bearer_token"); token.is_set()) {
        settings.authorization_type = "Bearer";
        settings.authorization = token;
        ++kinds;
    }
    if (const ConfigNode* node = map.node("oauth2")) {
        settings.oauth2 = read_oauth2(*node, map.problems());
        ++kinds;
    }
    if (kinds > 1)
        map.problem(settings.basic_auth ? "basic_auth" : "authorization",
                    fmt::format("{} has several of `basic_auth`, `authorization`, `oauth2` and "
                                "`bearer_token`; expected at most one",
                                map.what()));
}

/// Headers the client writes itself, or that have keys of their own.
bool is_reserved(std::string name) {
    constexpr std::array reserved = {"accept-encoding",
                                     "authorization",
                                     "connection",
                                     "content-encoding",
                                     "content-length",
                                     "content-type",
                                     "date",
                                     "expect",
                                     "host",
                                     "proxy-authorization",
                                     "te",
                                     "trailer",
                                     "transfer-encoding",
                                     "upgrade",
                                     "user-agent"};
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    return std::find(reserved.begin(), reserved.end(), name) != reserved.end();
}

void read_headers(const ConfigNode& node, Problems& problems, HttpSettings& settings) {
    if (!node.is_map())
        return problems.add(node, "`http_headers` has names with `values`, `secrets` or `files`");
    for (const auto& entry : node.entries) {
        if (is_reserved(entry.key)) {
            problems.add(node.file, entry.mark,
                         fmt::format("header `{}` cannot be set here", entry.key));
            continue;
        }
        MapReader map(entry.value, problems, fmt::format("header `{}`", entry.key));
        for (std::string& value : map.strings("values"))
            settings.headers.emplace_back(entry.key, Secret::from_text(std::move(value)));
        map.list("secrets", [&](const ConfigNode& item) {
            settings.headers.emplace_back(entry.key, secret_of(item, problems, map.what()));
        });
        for (std::string& path : map.strings("files"))
            settings.headers.emplace_back(entry.key,
                                          Secret::from_file(beside(entry.value, std::move(path))));
    }
}

}  // namespace

TlsSettings read_tls_settings(const ConfigNode& node, Problems& problems) {
    TlsSettings settings;
    MapReader map(node, problems, "tls_config");
    settings.ca = map.string("ca");
    settings.ca_file = file_path(map, "ca_file");
    settings.cert = map.string("cert");
    settings.cert_file = file_path(map, "cert_file");
    settings.key_file = file_path(map, "key_file");
    if (const ConfigNode* key = map.node("key")) settings.key = secret_of(*key, problems, "`key`");
    settings.server_name = map.string("server_name");
    settings.insecure_skip_verify = map.boolean("insecure_skip_verify", false);
    settings.min_version = version_of(map, "min_version");
    settings.max_version = version_of(map, "max_version");
    for (const std::string_view key : {"ca_ref", "cert_ref", "key_ref"})
        if (map.node(key) != nullptr)
            map.problem(key, fmt::format("`{}` is not supported; use the file instead", key));
    if (!settings.ca.empty() && !settings.ca_file.empty())
        map.problem("ca", "tls_config has both `ca` and `ca_file`; expected one");
    if (!settings.cert.empty() && !settings.cert_file.empty())
        map.problem("cert", "tls_config has both `cert` and `cert_file`; expected one");
    if (settings.key.is_set() && !settings.key_file.empty())
        map.problem("key_file", "tls_config has both `key` and `key_file`; expected one");
    const bool has_cert = !settings.cert.empty() || !settings.cert_file.empty();
    const bool has_key = settings.key.is_set() || !settings.key_file.empty();
    if (has_cert != has_key)
        map.problem(has_cert ? "cert_file" : "key_file",
                    fmt::format("a client certificate needs its key and the key its certificate; "
                                "only the {} is given",
                                has_cert ? "certificate" : "key"));
    if (!settings.max_version.empty() && settings.min_version > settings.max_version)
        map.problem("min_version", fmt::format("`min_version` {} is newer than `max_version` {}",
                                               settings.min_version, settings.max_version));
    return settings;
}

HttpSettings read_http_settings(MapReader& map) {
    HttpSettings settings;
    read_authentication(map, settings);
    if (const ConfigNode* node = map.node("tls_config"))
        settings.tls = read_tls_settings(*node, map.problems());
    settings.follow_redirects = map.boolean("follow_redirects", true);
    settings.enable_http2 = map.boolean("enable_http2", true);
    if (const ConfigNode* node = map.node("http_headers"))
        read_headers(*node, map.problems(), settings);
    read_proxy(map, settings);
    return settings;
}

}  // namespace vedette
