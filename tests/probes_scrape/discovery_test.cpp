#include "probes/scrape/discovery.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/yaml.h"
#include "tests/support/memory_dns_records.h"
#include "tests/support/memory_resolver.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_folder.h"

using namespace vedette;
using namespace vedette::scrape;
using namespace std::chrono_literals;

namespace {

std::vector<Step> list(const std::string& body) {
    return answer_ok(body, "200 OK", "Content-Type: application/json\r\n");
}

struct Bench {
    Loop loop;
    Log log{LogSettings{.level = LogLevel::Error, .file = "/dev/null"}};
    Metrics metrics;
    Counter& failures = metrics.counter("failures", "x");
    MemoryResolver resolver{loop};
    MemoryDnsRecords dns{loop};
    HttpClient http{loop, resolver};
    std::vector<std::string> told;  ///< the targets, each time

    std::unique_ptr<Discovery> make(const std::string& keys) {
        Problems problems;
        const ConfigNode jobs =
            read_yaml("scrape.yml", "- {job_name: j, " + keys + "}\n", problems);
        Settings settings;
        read_scrape_configs(jobs, {}, settings, problems);
        REQUIRE(problems.text().empty());
        auto job = std::make_shared<const JobSettings>(settings.jobs.at(0));
        return std::make_unique<Discovery>(DiscoveryDoors{loop, http, dns, log, failures}, job,
                                           [this](const std::vector<TargetGroup>& groups) {
                                               told.emplace_back();
                                               for (const TargetGroup& group : groups)
                                                   for (const std::string& target : group.targets)
                                                       told.back() += target + " ";
                                           });
    }
    template <typename Holds>
    void until(Holds holds) {
        for (int turns = 0; !holds(); ++turns) {
            REQUIRE(turns < 10'000);
            loop.turn(100ms);
        }
    }
    void until_told(const std::string& targets) {
        until([&] { return !told.empty() && told.back() == targets; });
    }
};

}  // namespace

TEST_CASE("records become targets with Prometheus's labels", "[discovery]") {
    const auto groups = groups_of_records("shop.test",
                                          {{DnsType::Srv, "b.test.", 81},
                                           {DnsType::Srv, "a.test.", 80},
                                           {DnsType::Mx, "mail.test.", 0},
                                           {DnsType::Ns, "ns.test.", 0},
                                           {DnsType::A, "10.0.0.1", 0},
                                           {DnsType::Aaaa, "2001:db8::1", 0}},
                                          9100);
    std::string shown;
    for (const TargetGroup& group : groups) {
        shown += group.targets.at(0);
        for (const auto& [name, value] : group.labels) shown += " " + name.substr(11) + "=" + value;
        shown += "\n";
    }
    CHECK(shown ==
          "10.0.0.1:9100 name=shop.test\n"
          "[2001:db8::1]:9100 name=shop.test\n"
          "a.test:80 name=shop.test srv_record_target=a.test. srv_record_port=80\n"
          "b.test:81 name=shop.test srv_record_target=b.test. srv_record_port=81\n"
          "mail.test:9100 name=shop.test mx_record_target=mail.test.\n"
          "ns.test:9100 name=shop.test ns_record_target=ns.test.\n");
}

TEST_CASE("what is written down is told at once, the rest when it is known", "[discovery]") {
    Bench bench;
    bench.dns.names["a.test"] = {{DnsType::A, "10.0.0.1", 0}};
    const auto discovery = bench.make(
        "static_configs: [{targets: ['s:1']}], "
        "dns_sd_configs: [{names: [a.test, b.test], type: A, port: 9}]");
    discovery->start();
    CHECK(bench.told == std::vector<std::string>{"s:1 "});
    bench.until_told("s:1 10.0.0.1:9 ");
    CHECK(bench.dns.asked == 2);
    CHECK(bench.failures.value() == 1);  // b.test
}

TEST_CASE("a name that cannot be asked keeps its targets, one that is not there loses them",
          "[discovery]") {
    Bench bench;
    bench.dns.names["a.test"] = {{DnsType::A, "10.0.0.1", 0}};
    const std::string keys = "dns_sd_configs: [{names: [a.test], type: A, port: 9}]";
    auto first = bench.make(keys);
    first->start();
    bench.until_told("10.0.0.1:9 ");
    bench.dns.names.clear();  // nobody answers any more
    auto second = bench.make(keys);
    second->inherit(*first);
    first.reset();
    second->start();
    bench.until([&] { return bench.failures.value() == 1; });
    CHECK(bench.told.back() == "10.0.0.1:9 ");
    bench.dns.names["a.test"] = {};
    auto third = bench.make(keys);
    third->inherit(*second);
    second.reset();
    third->start();
    CHECK(bench.told.back() == "10.0.0.1:9 ");
    bench.until_told("");
    // Other records are another question.
    bench.dns.names["a.test"] = {{DnsType::A, "10.0.0.1", 0}};
    auto other = bench.make("dns_sd_configs: [{names: [a.test], type: A, port: 10}]");
    other->inherit(*third);
    other->start();
    CHECK(bench.told.back().empty());
}

TEST_CASE("records that come back in another order are no change", "[discovery]") {
    Bench bench;
    bench.dns.names["a.test"] = {{DnsType::A, "10.0.0.1", 0}, {DnsType::A, "10.0.0.2", 0}};
    const auto discovery =
        bench.make("dns_sd_configs: [{names: [a.test], type: A, port: 9, refresh_interval: 1s}]");
    discovery->start();
    bench.until_told("10.0.0.1:9 10.0.0.2:9 ");
    std::reverse(bench.dns.names["a.test"].begin(), bench.dns.names["a.test"].end());
    const std::size_t told = bench.told.size();
    bench.until([&] { return bench.dns.asked >= 2; });
    bench.loop.turn(0ms);
    CHECK(bench.told.size() == told);
}

TEST_CASE("a list that fails keeps the targets it gave, over a reload too", "[discovery]") {
    ScriptedServer server({list(R"([{"targets":["a:1"]}])"), answer_ok("", "500 No")});
    Bench bench;
    const std::string keys = "http_sd_configs: [{url: '" + server.url("/list") + "'}]";
    auto first = bench.make(keys);
    first->start();
    bench.until_told("a:1 ");
    auto second = bench.make(keys);
    second->inherit(*first);
    first.reset();
    second->start();
    bench.until([&] { return bench.failures.value() == 1; });
    CHECK(bench.told.back() == "a:1 ");
}

TEST_CASE("a file that is written anew is read within a second, a broken one keeps its targets",
          "[discovery]") {
    TempFolder folder;
    const std::string path = folder / "t.json";
    std::ofstream(path) << R"([{"targets":["a:1"]}])";
    Bench bench;
    const auto discovery = bench.make("file_sd_configs: [{files: ['" + path + "']}]");
    discovery->start();
    CHECK(bench.told.back() == "a:1 ");
    std::ofstream(path) << "[{ half a fi";
    bench.until([&] { return bench.failures.value() == 1; });
    CHECK(bench.told.back() == "a:1 ");
    std::ofstream(path) << R"([{"targets":["b:1","c:1"]}])";
    bench.until_told("b:1 c:1 ");
    std::filesystem::remove(path);
    bench.until_told("");
}

TEST_CASE("what dns_sd_configs cannot mean is refused", "[discovery]") {
    struct Row {
        const char *keys, *problem;
    };
    const auto row = GENERATE(values<Row>({
        {"{type: A, port: 1}", "`dns_sd_configs` needs `names`"},
        {"{names: ['']}", "a name to look up is empty"},
        {"{names: [a], type: TXT}",
         "unknown type of record `TXT`; expected one of `SRV`, `A`, `AAAA`, `MX`, `NS`"},
        {"{names: [a], type: mx}", "`MX` records say no port; expected `port`"},
    }));
    Problems problems;
    const std::string text = std::string("- {job_name: j, dns_sd_configs: [") + row.keys + "]}\n";
    const ConfigNode jobs = read_yaml("scrape.yml", text, problems);
    Settings settings;
    read_scrape_configs(jobs, {}, settings, problems);
    REQUIRE(problems.all().size() == 1);
    CHECK(problems.all()[0].message == row.problem);
}
