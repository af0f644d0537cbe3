#include "exporter/http/settings.h"

#include <catch2/catch.hpp>

#include "base/yaml.h"

using namespace vedette;
using namespace vedette::http;

TEST_CASE("the server section is read whole") {
    Problems problems;
    const ConfigNode node = read_yaml("vedette.yml", R"(
listeners:
  - address: 127.0.0.1:7887
  - address: "[::]:9443"
    serves: [api, metrics]
    tls: {cert_file: a.pem, key_file: b.pem, min_version: TLS13}
users:
  - {name: ada, password_hash: $2y$10$abcdefghijklmnopqrstuuJ7Hnq1nC2c9BqD5v2iB8rYm8h0cVx3e, role: admin}
tokens:
  - {name: deploy, token: abc, previous: abd, role: editor}
allowed_hosts: [status.example.org]
access_log: true
limits: {connections: 100, body_size: 2MiB, head_deadline: 3s}
)",
                                      problems);
    const ServerSettings settings = read_server_section(node, problems);
    CHECK(problems.text() == "");
    REQUIRE(settings.listeners.size() == 2);
    CHECK(settings.listeners[1].serves ==
          std::vector<PathGroup>{PathGroup::Api, PathGroup::Metrics});
    CHECK(settings.listeners[1].tls->min_version == "TLS13");
    REQUIRE(settings.users.size() == 1);
    CHECK(settings.users[0].role == Role::Admin);
    REQUIRE(settings.tokens.size() == 1);
    CHECK(settings.tokens[0].previous.is_set());
    CHECK(settings.anonymous == Role::Nobody);
    CHECK(settings.allowed_hosts == std::vector<std::string>{"status.example.org"});
    CHECK(settings.access_log);
    CHECK(settings.limits.connections == 100);
    CHECK(settings.limits.body_bytes == 2 * 1024 * 1024);
    CHECK(settings.limits.head_deadline == Milliseconds(3000));
}

TEST_CASE("with nobody named, anybody may look and nobody may change") {
    Problems problems;
    const ConfigNode node = read_yaml("vedette.yml", "listeners: [{address: ':7887'}]\n", problems);
    CHECK(read_server_section(node, problems).anonymous == Role::Viewer);
    CHECK(problems.text() == "");
}

TEST_CASE("what is wrong in the server section is said with its place") {
    Problems problems;
    const ConfigNode node = read_yaml("vedette.yml", R"(listeners:
  - address: localhost
    serves: [pagse]
users:
  - {name: ada, password_hash: plain}
anonymous: root
)",
                                      problems);
    read_server_section(node, problems);
    std::vector<std::string> says;
    for (const Problem& problem : problems.all()) {
        says.push_back(std::to_string(problem.mark.line) + ": " + problem.message);
    }
    REQUIRE(says.size() == 4);
    CHECK(says[0] ==
          "2: `localhost` is no address to listen on; expected host:port, [::1]:port or :port");
    CHECK(says[1] ==
          "3: unknown path group `pagse`; expected pages, metrics, api, write, admin or health");
    CHECK(says[2] == "5: expected a bcrypt hash, such as `htpasswd -nBC 10 NAME` prints");
    CHECK(says[3].starts_with("6: "));
}

TEST_CASE("an address has a host and a port") {
    CHECK(parse_address("[::1]:80")->host == "::1");
    CHECK(parse_address(":80")->host.empty());
    CHECK(parse_address("a:0")->port == "0");
    for (const char* wrong : {"", "a", "a:", "a:b", "a:99999", "::1:80", "[::1:80", "a:-1"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_address(wrong));
    }
}
