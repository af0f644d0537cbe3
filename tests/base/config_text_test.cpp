#include "base/config_text.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.h"

using namespace vedette;

namespace {

ConfigNode read(std::string_view text) {
    Problems problems;
    ConfigNode node = read_yaml("a.yml", text, problems);
    REQUIRE(problems.text().empty());
    return node;
}

std::string content(const std::filesystem::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

/// The keys of all `read_secret(section, "key")` in a piece of our source, and of all `{"key",
/// Is::Secret}` in the tables of receivers.
std::vector<std::string> secrets_read_in(std::string_view source) {
    constexpr std::string_view call = "read_secret(";
    std::vector<std::string> keys;
    for (std::size_t at = 0; (at = source.find(call, at)) != std::string_view::npos;) {
        at += call.size();
        const std::string_view arguments = source.substr(at, source.find(')', at) - at);
        const std::size_t open = arguments.find('"');
        if (open == std::string_view::npos || !arguments.ends_with('"')) continue;
        keys.emplace_back(arguments.substr(open + 1, arguments.size() - open - 2));
    }
    for (std::size_t at = 0; (at = source.find("Is::Secret", at)) != std::string_view::npos; ++at) {
        const std::size_t close = source.rfind('"', at);
        const std::size_t begin = source.substr(0, at).rfind('{');
        if (close == std::string_view::npos || begin == std::string_view::npos) continue;
        if (close < begin || source.substr(begin, 2) != "{\"") continue;
        keys.emplace_back(source.substr(begin + 2, close - begin - 2));
    }
    return keys;
}

}  // namespace

TEST_CASE("a configuration is shown as it is, without secrets, comments and aliases") {
    const std::string shown = config_text(read(R"(
global: {scrape_interval: 15s}  # often
receivers:
  - name: hooks
    webhook_configs:
      - {url: 'http://hook/hush-1', signing_secret: hush-2, send_resolved: true}
  - name: mail
    email_configs: [{auth_password: hush-3, to: a@b.c}]
  - name: slack
    slack_configs: [{api_url: hush-4, channel: '#ops'}]
scrape_configs:
  - job_name: &name api
    basic_auth: {username: u, password: hush-5}
    http_headers: {X-Key: {values: [hush-6], secrets: [hush-7], files: [hush-8]}}
    static_configs: [{targets: ['a:1', "b:\t2"], labels: {name: *name, note: ''}}]
    relabel_configs: []
    params: {}
remote_write: [{url: 'http://me:hush-9@there/x?a=b', headers: {Token: hush-10}}]
server:
  tokens: [{name: ci, token: '${HUSH}', previous: hush-11}]
  users: [{name: ada, password_hash: hush-12}]
tls_config: {key: hush-13, key_file: a.key}
authorization: {credentials_file: token.txt, credentials:}
)"));
    CHECK(shown.find("hush") == std::string::npos);
    CHECK(shown.find("HUSH") == std::string::npos);
    CHECK(shown.starts_with("global:\n  scrape_interval: 15s\nreceivers:\n  -\n    name: hooks\n"));
    for (const char* line :
         {"url: <secret>\n", "url: \"http://me:xxxxx@there/x?a=b\"\n", "key_file: a.key\n",
          "credentials_file: token.txt\n", "credentials: null\n", "name: api\n", "note: \"\"\n",
          "channel: \"#ops\"\n", "- \"b:\\t2\"\n", "relabel_configs: []\n", "params: {}\n"}) {
        CAPTURE(line, shown);
        CHECK(shown.find(line) != std::string::npos);
    }
}

TEST_CASE("what is shown reads back as the same tree") {
    const char* text =
        "a: [1, '1', {b: 'x: y', c: [[], [d]]}, \"#\\n\"]\n\"e: f\": {g: '', h: ~, i: ' j '}\n";
    const std::string once = config_text(read(text));
    CHECK(config_text(read(once)) == once);
    CHECK(read(once).find("a")->items[3].text == "#\n");
    CHECK(read(once).find("e: f")->find("i")->text == " j ");
}

TEST_CASE("every key that is read as a secret is hidden") {
    std::size_t found = 0;
    for (const char* room : {"base", "exporter", "notify", "probes", "rules", "app", "store"}) {
        for (const auto& file : std::filesystem::recursive_directory_iterator(room)) {
            if (file.path().extension() != ".cpp") continue;
            for (const std::string& key : secrets_read_in(content(file.path()))) {
                CAPTURE(file.path().string(), key);
                CHECK(is_hidden_key(key, "webhook_configs"));
                ++found;
            }
        }
    }
    CHECK(found >= 25);
}
