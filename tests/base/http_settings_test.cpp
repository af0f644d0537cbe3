#include <catch2/catch.hpp>
#include <string>

#include "base/http/client.h"
#include "base/yaml.h"

using namespace vedette;

namespace {

struct Read {
    HttpSettings settings;
    std::string problems;  ///< messages, one a line
};

Read read(const std::string& yaml) {
    Problems problems;
    const ConfigNode node = read_yaml("conf/watch.yml", yaml, problems);
    Read result;
    {
        MapReader map(node, problems, "http_config");
        result.settings = read_http_settings(map);
    }
    for (const Problem& problem : problems.all()) result.problems += problem.message + "\n";
    return result;
}

}  // namespace

TEST_CASE("every key of Prometheus's http_config that is supported is read", "[http_settings]") {
    const auto [settings, problems] = read(R"(
authorization: {type: Token, credentials: abc}
tls_config:
  ca_file: ca.pem
  cert_file: /etc/cert.pem
  key_file: sub/key.pem
  server_name: shop.test
  insecure_skip_verify: true
  min_version: TLS12
  max_version: TLS13
follow_redirects: false
enable_http2: false
http_headers:
  X-One: {values: [a, b], secrets: [c], files: [header.txt]}
proxy_url: http://proxy.test:3128
no_proxy: a.test
proxy_connect_header: {X-Proxy: [a, b]}
proxy_from_environment: false
)");
    CHECK(problems == "");
    CHECK(settings.authorization_type == "Token");
    CHECK(settings.authorization == Secret::from_text("abc"));
    CHECK_FALSE(settings.basic_auth);
    CHECK(settings.tls.ca_file == "conf/ca.pem");
    CHECK(settings.tls.cert_file == "/etc/cert.pem");
    CHECK(settings.tls.key_file == "conf/sub/key.pem");
    CHECK(settings.tls.server_name == "shop.test");
    CHECK(settings.tls.insecure_skip_verify);
    CHECK(settings.tls.min_version == "TLS12");
    CHECK(settings.tls.max_version == "TLS13");
    CHECK_FALSE(settings.follow_redirects);
    CHECK_FALSE(settings.enable_http2);
    REQUIRE(settings.headers.size() == 4);
    CHECK(settings.headers[1].second == Secret::from_text("b"));
    CHECK(settings.headers[3].second == Secret::from_file("conf/header.txt"));
    CHECK(settings.proxy_url == "http://proxy.test:3128");
    CHECK(settings.no_proxy == "a.test");
    REQUIRE(settings.proxy_headers.size() == 2);
    CHECK(settings.proxy_headers[1].second == Secret::from_text("b"));
}

TEST_CASE("the keys of oauth2 are read, those of its own connection too", "[http_settings]") {
    const auto [settings, problems] = read(R"(
oauth2:
  client_id: shop
  client_secret_file: secret
  scopes: [a, b]
  token_url: https://id.test/token
  endpoint_params: {z: 1, audience: x}
  tls_config: {server_name: other.test}
  proxy_url: http://proxy.test
)");
    CHECK(problems == "");
    REQUIRE(settings.oauth2);
    CHECK(settings.oauth2->client_id == "shop");
    CHECK(settings.oauth2->client_secret == Secret::from_file("conf/secret"));
    CHECK(settings.oauth2->scopes == std::vector<std::string>{"a", "b"});
    CHECK(settings.oauth2->token_url == "https://id.test/token");
    CHECK(settings.oauth2->endpoint_params.front().first == "audience");
    CHECK(settings.oauth2->http->tls.server_name == "other.test");
    CHECK(settings.oauth2->http->proxy_url == "http://proxy.test");
}

TEST_CASE("without keys nothing is asked for", "[http_settings]") {
    const auto [settings, problems] = read("{}");
    CHECK(problems == "");
    CHECK(settings.follow_redirects);
    CHECK(settings.enable_http2);
    CHECK(settings.authorization_type.empty());
    CHECK_FALSE(settings.authorization.is_set());
    CHECK(settings.proxy_url.empty());
}

TEST_CASE("what is not supported or does not fit together is refused by name", "[http_settings]") {
    struct Row {
        const char *yaml, *problem;
    };
    const auto row = GENERATE(values<Row>({
        {"oauth2: {client_id: x, token_url: 'ftp://a'}",
         "`token_url` must begin with http:// or https://"},
        {"oauth2: {client_id: x, token_url: 'http://a', client_secret_ref: y}",
         "`client_secret_ref` is not supported; use `client_secret_file`"},
        {"oauth2: {client_id: x, token_url: 'http://a'}\nbearer_token: c",
         "http_config has several of `basic_auth`, `authorization`, `oauth2` and `bearer_token`; "
         "expected at most one"},
        {"proxy_from_environment: true\nproxy_url: 'http://p'",
         "`proxy_from_environment` and `proxy_url` are both set; expected one of them"},
        {"proxy_from_environment: true\nno_proxy: a",
         "`no_proxy` and `proxy_from_environment` are both set; the environment has its own "
         "NO_PROXY"},
        {"no_proxy: localhost", "`no_proxy` needs `proxy_url`"},
        {"proxy_connect_header: {X: [y]}",
         "`proxy_connect_header` needs `proxy_url` or `proxy_from_environment`"},
        {"proxy_url: 'http://p'\nproxy_connect_header: {X: y}", "`X` has no list of values"},
        {"proxy_url: 'socks5://me:word@proxy:1080'",
         "`proxy_url` must be an http:// URL; found `socks5://<secret>@proxy:1080`"},
        {"basic_auth: {username: a, password: b}\nbearer_token: c",
         "http_config has several of `basic_auth`, `authorization`, `oauth2` and `bearer_token`; "
         "expected at most one"},
        {"basic_auth: {username: b, username_file: a}",
         "`username` and `username_file` are both set; expected one of them"},
        {"basic_auth: {username: b, password_ref: a}",
         "`password_ref` is not supported; use `username_file` and `password_file`"},
        {"authorization: {type: Basic, credentials: x}",
         "`type: basic` is written as `basic_auth`"},
        {"http_headers: {Host: {values: [x]}}", "header `Host` cannot be set here"},
        {"tls_config: {cert_file: a}",
         "a client certificate needs its key and the key its certificate; only the certificate is "
         "given"},
        {"tls_config: {ca: a, ca_file: b}", "tls_config has both `ca` and `ca_file`; expected one"},
        {"tls_config: {min_version: TLS13, max_version: TLS12}",
         "`min_version` TLS13 is newer than `max_version` TLS12"},
    }));
    CAPTURE(row.yaml);
    CHECK(read(row.yaml).problems == std::string(row.problem) + "\n");
}

TEST_CASE("a URL for logs shows where it goes and nothing secret", "[http_settings]") {
    struct Row {
        const char *url, *shown, *path_hidden;
    };
    const auto row = GENERATE(values<Row>({
        {"https://shop.test/a/b", "https://shop.test/a/b", "https://shop.test/<secret>"},
        {"https://shop.test", "https://shop.test", "https://shop.test"},
        {"https://shop.test/", "https://shop.test/", "https://shop.test/"},
        {"http://me:pa@ss@h:8080/x?key=1#frag", "http://<secret>@h:8080/x?<secret>",
         "http://<secret>@h:8080/<secret>"},
        {"http://h#frag", "http://h#<secret>", "http://h"},
        {"http://h/?a@b", "http://h/?<secret>", "http://h/"},
        {"nonsense", "nonsense", "nonsense"},
        {"user:pw@host", "<secret>@host", "<secret>@host"},
        {"", "", ""},
    }));
    CHECK(redact_url(row.url) == row.shown);
    CHECK(redact_url(row.url, true) == row.path_hidden);
}
