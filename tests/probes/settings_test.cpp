#include "probes/settings.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/yaml.h"
#include "probes/http/http.h"
#include "tests/support/temp_folder.h"

using namespace std::chrono_literals;
using namespace vedette;
using namespace vedette::probes;

namespace {

struct Read {
    Settings settings;
    Problems problems;
    std::vector<std::string> messages;  // `watch.yml:3:5: …`, without the line and the caret
};

Read read(const std::string& text, const std::string& name = "watch.yml") {
    Read out;
    const ConfigNode root = read_yaml(name, text, out.problems);
    for (const ConfigSection& section : config_sections(out.settings))
        if (const ConfigNode* node = root.find(section.key)) section.read(*node, out.problems);
    for (Problem problem : out.problems.all()) {
        problem.line.clear();
        out.messages.push_back(to_string(problem));
    }
    return out;
}

using Messages = std::vector<std::string>;

/// The http settings of one probe whose further lines are given, indented by four.
HttpProbeSettings read_http_of(const std::string& lines, Messages* messages = nullptr) {
    Problems problems;
    const ConfigNode root = read_yaml("watch.yml", lines, problems);
    MapReader map(root, problems, "probe \"shop\"");
    HttpProbeSettings out = read_http_probe(map);
    map.finish();
    if (messages == nullptr) {
        INFO(problems.text());
        CHECK_FALSE(problems.any());
        return out;
    }
    for (Problem problem : problems.all()) {
        problem.line.clear();
        messages->push_back(to_string(problem));
    }
    return out;
}

Messages http_problems(const std::string& lines) {
    Messages messages;
    read_http_of(lines, &messages);
    return messages;
}

}  // namespace

TEST_CASE("a probe of three words has the documented defaults", "[probes][settings]") {
    const auto got =
        read("probes:\n  - {name: shop, type: http, url: 'https://shop.example/health'}\n");
    CHECK(got.messages == Messages{});
    REQUIRE(got.settings.probes.size() == 1);
    const ProbeSettings& probe = got.settings.probes[0];
    CHECK(probe.name == "shop");
    CHECK(probe.group == "services");
    CHECK(probe.every == 15s);
    CHECK(probe.timeout == 10s);
    CHECK(probe.where == "watch.yml:2");
    REQUIRE(probe.targets.size() == 1);
    CHECK(probe.targets[0].address == "https://shop.example/health");
    CHECK(probe.targets[0].labels ==
          Labels{{"instance", "https://shop.example/health"}, {"job", "shop"}});
    CHECK(probe.attempt != nullptr);
}

TEST_CASE("the timeout is never longer than the period", "[probes][settings]") {
    const auto got = read(
        "probes:\n  - {name: a, type: http, url: 'http://a/', every: 5s}\n"
        "  - {name: b, type: http, url: 'http://b/', every: 5s, timeout: 6s}\n"
        "  - {name: c, type: http, url: 'http://c/', every: 10ms, timeout: 0s}\n");
    CHECK(got.settings.probes.at(0).timeout == 5s);
    CHECK(got.messages ==
          Messages{"watch.yml:3:65: `timeout` of probe \"b\" is 6s, longer than `every`, 5s",
                   "watch.yml:4:52: `every` of probe \"c\" is 10ms; expected at least 100ms",
                   "watch.yml:4:67: `timeout` of probe \"c\" is 0s; expected more"});
}

TEST_CASE("targets come as one, as a list, or with labels of their own", "[probes][settings]") {
    const auto got = read(R"(probes:
  - name: shop
    type: http
    labels: {team: red, tier: "1"}
    targets:
      - http://a/
      - {url: http://b/, labels: {team: blue, instance: b}}
  - {name: api, type: http, target: http://c/}
)");
    CHECK(got.messages == Messages{});
    REQUIRE(got.settings.probes.size() == 2);
    const auto& targets = got.settings.probes[0].targets;
    REQUIRE(targets.size() == 2);
    CHECK(targets[0].labels ==
          Labels{{"instance", "http://a/"}, {"job", "shop"}, {"team", "red"}, {"tier", "1"}});
    CHECK(targets[1].address == "http://b/");
    CHECK(targets[1].instance == "b");
    CHECK(targets[1].labels ==
          Labels{{"instance", "b"}, {"job", "shop"}, {"team", "blue"}, {"tier", "1"}});
    CHECK(got.settings.probes[1].targets[0].instance == "http://c/");
}

TEST_CASE("everything wrong with probes is said at once, with its place", "[probes][settings]") {
    const auto got = read(R"(probes:
  - {name: shop, type: http, url: ftp://shop/, intervall: 5s}
  - {name: shop, type: http, url: http://shop/}
  - {type: htp, url: http://shop/}
  - {name: both, type: http, url: http://a/, target: http://b/}
  - {name: none, type: http}
  - {name: twice, type: http, targets: [http://a/, http://a/]}
  - {name: secret, type: http, url: 'http://me:pw@a/'}
  - {name: labels, type: http, url: http://a/, labels: {job: x, 9: y}}
  - {name: empty, type: http, url: 'http://:80/', every: soon}
)");
    CHECK(got.messages ==
          Messages{
              "watch.yml:2:35: a target of probe \"shop\" is \"ftp://shop/\"; expected a URL that "
              "begins "
              "with http:// or https://",
              "watch.yml:2:48: unknown key `intervall` in probe \"shop\"",
              "watch.yml:3:5: probe \"shop\" stands at watch.yml:2 already",
              "watch.yml:4:5: a probe has no `name`",
              "watch.yml:4:12: `type` of a probe is `htp`; expected one of `http`; did you mean "
              "`http`?",
              "watch.yml:5:5: probe \"both\" has several of `url`, `target` and `targets`; "
              "expected one",
              "watch.yml:6:5: probe \"none\" has no `url`, `target` or `targets`",
              "watch.yml:7:52: probe \"twice\" has the target \"http://a/\" twice",
              "watch.yml:8:37: a target of probe \"secret\" is \"http://<secret>@a/\"; expected no "
              "user and "
              "password in it: `basic_auth` keeps them secret",
              "watch.yml:9:56: `labels` of probe \"labels\" sets `job`, which is set by vedette",
              "watch.yml:9:56: `labels` of probe \"labels\" has the name \"9\"; expected letters, "
              "digits "
              "and `_`",
              "watch.yml:10:58: `every` of probe \"empty\" is `soon`; expected a duration such as "
              "`15s` "
              "or `1h30m`",
              "watch.yml:10:36: a target of probe \"empty\" is \"http://:80/\"; expected a host "
              "after ://",
          });
}

TEST_CASE("probe files are read beside the file that names them, and names stay unique",
          "[probes][settings]") {
    const TempFolder folder;
    std::filesystem::create_directory(folder.path() + "/teams");
    std::ofstream(folder.path() + "/teams/red.yml")
        << "probes: [{name: red, type: http, url: http://r/}]\n";
    std::ofstream(folder.path() + "/teams/blue.yml")
        << "probes: [{name: shop, type: http, url: http://b/}]\n";
    std::ofstream(folder.path() + "/teams/odd.yml") << "prob: []\n";
    const std::string name = folder.path() + "/watch.yml";
    const auto got = read(
        "probes: [{name: shop, type: http, url: http://s/}]\nprobe_files: [teams/*.yml]\n", name);
    CHECK(
        got.messages ==
        Messages{
            folder.path() + "/teams/blue.yml:1:10: probe \"shop\" stands at " + name + ":1 already",
            folder.path() + "/teams/odd.yml:1:1: a file of `probe_files` has no `probes`",
            folder.path() + "/teams/odd.yml:1:1: unknown key `prob` in a file of `probe_files`"});
    REQUIRE(got.settings.probes.size() == 2);
    CHECK(got.settings.probes[1].name == "red");
}

TEST_CASE("expectations are read in all their forms", "[probes][settings]") {
    const auto settings = read_http_of(R"(
method: POST
body: '{"deep": true}'
headers: {Accept: application/json}
preferred_ip_protocol: ip6
ip_protocol_fallback: false
compression: gzip
body_size_limit: 1MB
expect:
  status: [200, 4xx, 301-303]
  headers:
    - {name: Content-Type, matches: json}
    - {name: X-Debug, absent: true}
    - {name: ETag, present: true}
    - {name: Server, not_matches: nginx}
  body: {matches: '"ok"', not_matches: [error, panic], bytes_min: 2, bytes_max: 1KB}
  http_version: ["1.1", "2"]
  redirects: none
  final_url: http://a/
  tls: {min_version: TLS12, valid_for: 14d}
  duration_under: 500ms
)");
    CHECK(settings.method == "POST");
    CHECK(settings.headers == std::vector<Header>{{"Accept", "application/json"}});
    CHECK(settings.family == Family::V6Only);
    CHECK(settings.compressed);
    CHECK(settings.body_bytes_max == 1'048'576);
    const HttpExpect& expect = settings.expect;
    REQUIRE(expect.status.size() == 3);
    CHECK(expect.status[1].first == 400);
    CHECK(expect.status[1].last == 499);
    CHECK(expect.status[2].last == 303);
    REQUIRE(expect.headers.size() == 4);
    CHECK(expect.headers[0].name == "content-type");
    CHECK(expect.headers[0].must == HeaderExpect::Must::Match);
    CHECK(expect.headers[1].must == HeaderExpect::Must::BeAbsent);
    CHECK(expect.headers[2].must == HeaderExpect::Must::BePresent);
    CHECK(expect.headers[3].may_be_missing);
    CHECK(expect.body_matches.size() == 1);
    CHECK(expect.body_not_matches.size() == 2);
    CHECK(expect.body_bytes_min == 2U);
    CHECK(expect.body_bytes_max == 1024U);
    CHECK(expect.versions == std::vector<std::string>{"1.1", "2"});
    CHECK(expect.redirects_max == 0);
    CHECK(expect.final_url == "http://a/");
    CHECK(expect.tls == true);
    CHECK(expect.tls_version_min == "TLS 1.2");
    CHECK(expect.certificate_valid_for == 14 * 24h);
    CHECK(expect.duration_under == 500ms);
}

TEST_CASE("a module of blackbox_exporter means the same here", "[probes][settings]") {
    const auto settings = read_http_of(R"(
valid_status_codes: [200, 204]
valid_http_versions: ["HTTP/1.1", "HTTP/2.0"]
no_follow_redirects: true
fail_if_ssl: true
fail_if_body_matches_regexp: ["Could not connect"]
fail_if_body_not_matches_regexp: ["Download"]
fail_if_header_matches: [{header: Set-Cookie, allow_missing: true, regexp: '.*'}]
fail_if_header_not_matches: [{header: Access-Control-Allow-Origin, regexp: '(\*|example\.com)'}]
tls_config: {insecure_skip_verify: true}
basic_auth: {username: u, password: p}
)");
    const HttpExpect& expect = settings.expect;
    CHECK(expect.status.size() == 2);
    CHECK(expect.versions == std::vector<std::string>{"1.1", "2"});
    CHECK_FALSE(settings.client->follow_redirects);
    CHECK(settings.client->tls.insecure_skip_verify);
    REQUIRE(settings.client->basic_auth.has_value());
    CHECK(expect.tls == false);
    REQUIRE(expect.body_not_matches.size() == 1);
    CHECK(expect.body_not_matches[0].text() == "Could not connect");
    REQUIRE(expect.headers.size() == 2);
    CHECK(expect.headers[0].must == HeaderExpect::Must::NotMatch);
    CHECK(expect.headers[0].may_be_missing);
    CHECK(expect.headers[1].must == HeaderExpect::Must::Match);
    CHECK_FALSE(expect.headers[1].may_be_missing);
}

TEST_CASE("wrong expectations are refused with what was meant", "[probes][settings]") {
    struct Row {
        const char* lines;
        Messages messages;
    };
    const auto row = GENERATE(values<Row>({
        {"expect: {status: [20, 2xy, 299-200]}",
         {"watch.yml:1:19: `status` of `expect` of probe \"shop\" is `20`; expected `200`, `2xx` "
          "or `200-204`",
          "watch.yml:1:23: `status` of `expect` of probe \"shop\" is `2xy`; expected `200`, `2xx` "
          "or `200-204`",
          "watch.yml:1:28: `status` of `expect` of probe \"shop\" is `299-200`; expected `200`, "
          "`2xx` or "
          "`200-204`"}},
        {"expect: {body: 'a(b'}", {"watch.yml:1:16: `a(b` is no RE2 expression: missing ): a(b"}},
        {"expect: {body: {bytes_min: 2, bytes_max: 1}}",
         {"watch.yml:1:28: `bytes_min` is 2, more than `bytes_max`, 1"}},
        {"expect: {headers: [{name: A}]}",
         {"watch.yml:1:20: a header expected by probe \"shop\" says none of `present: true`, "
          "`absent: true`, "
          "`matches` and `not_matches`; expected one"}},
        {"expect: {statis: 200}",
         {"watch.yml:1:10: unknown key `statis` in `expect` of probe \"shop\"; did you mean "
          "`status`?"}},
        {"expect: {http_version: '3'}",
         {"watch.yml:1:24: `http_version` of `expect` of probe \"shop\" has `3`; expected one of "
          "`1.0`, `1.1`, "
          "`2`"}},
        {"expect: {redirects: 11}",
         {"watch.yml:1:21: `redirects` of `expect` of probe \"shop\" is 11; expected `none` or at "
          "most 10"}},
        {"expect: {tls: {required: false, valid_for: 1d}}",
         {"watch.yml:1:26: the TLS expected by probe \"shop\" is not required, but has a version "
          "or a "
          "validity"}},
        {"{fail_if_ssl: true, fail_if_not_ssl: true}",
         {"watch.yml:1:15: probe \"shop\" has both `fail_if_ssl` and `fail_if_not_ssl`; nothing "
          "could be up"}},
        {"{valid_status_codes: [200], expect: {status: 200}}",
         {"watch.yml:1:22: probe \"shop\" has both `valid_status_codes` and `status` of `expect`; "
          "expected "
          "one"}},
        {"headers: {'A B': c}",
         {"watch.yml:1:10: header \"A B\" of probe \"shop\" cannot be sent; expected a name such "
          "as `Accept` "
          "and a value of one line"}},
        {"preferred_ip_protocol: ipv4",
         {"watch.yml:1:24: `preferred_ip_protocol` of probe \"shop\" is `ipv4`; expected one of "
          "`ip4`, `ip6`"}},
    }));
    CAPTURE(row.lines);
    CHECK(http_problems(row.lines) == row.messages);
}

TEST_CASE("the command line makes a probe of a type and a target", "[probes][settings]") {
    const auto probe = probe_of("http", "http://127.0.0.1:80/");
    REQUIRE(probe);
    CHECK(probe->targets.at(0).address == "http://127.0.0.1:80/");
    CHECK(probe->timeout == 10s);
    CHECK(probe_of("http", "127.0.0.1").error().message ==
          "a target of probe \"http\" is \"127.0.0.1\"; expected a URL that begins with http:// or "
          "https://");
    CHECK(probe_of("htttp", "x").error().message ==
          "`type` of probe \"htttp\" is `htttp`; expected one of `http`; did you mean `http`?");
}
