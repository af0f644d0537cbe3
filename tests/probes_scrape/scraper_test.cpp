#include "probes/scrape/scraper.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "base/yaml.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_dns_records.h"
#include "tests/support/memory_files.h"
#include "tests/support/memory_resolver.h"
#include "tests/support/scripted_server.h"
#include "tests/support/spy_sample_sink.h"

using namespace vedette;
using namespace vedette::scrape;
using namespace std::chrono_literals;

namespace {

using Health = TargetStatus::Health;

std::vector<Step> page(const std::string& body) {
    return answer_ok(body, "200 OK", "Content-Type: text/plain\r\n");
}

/// A scraper with all it needs, on this thread's loop. The wall clock stands still unless wound, so
/// the times of samples are exact.
struct Bench {
    Loop loop;
    ManualClock clock;
    Log log{LogSettings{.level = LogLevel::Error, .file = "/dev/null"}};
    Metrics metrics;
    MemoryFiles files;
    SpySampleSink sink;
    MemoryResolver resolver{loop};
    MemoryDnsRecords dns{loop};
    HttpClient http{loop, resolver};
    Scraper scraper{{loop, http, dns, files, sink, sink, clock, log, metrics}};

    void load(const std::string& jobs) {
        Problems problems;
        const ConfigNode list = read_yaml("scrape.yml", jobs, problems);
        Settings settings;
        read_scrape_configs(list, {}, settings, problems);
        REQUIRE(problems.text().empty());
        scraper.load(settings);
    }
    /// Turns the loop until it holds.
    template <typename Holds>
    void until(Holds holds) {
        for (int turns = 0; !holds(); ++turns) {
            REQUIRE(turns < 10'000);
            loop.turn(100ms);
        }
    }
    /// Every line that was stored and has `part` in it, in order.
    std::vector<std::string> stored(const std::string& part) const {
        std::vector<std::string> out;
        for (const auto& batch : sink.batches())
            for (const std::string& line : batch)
                if (line.find(part) != std::string::npos) out.push_back(line);
        return out;
    }
    void until_stored(const std::string& part, std::size_t times = 1) {
        until([&] { return stored(part).size() >= times; });
    }
    TargetStatus only_target() const {
        const auto jobs = scraper.snapshot();
        REQUIRE(jobs.size() == 1);
        REQUIRE(jobs[0].active.size() == 1);
        return jobs[0].active[0];
    }
};

std::string job(const std::string& name, const std::string& more) {
    return "- {job_name: " + name + ", scrape_interval: 500ms, " + more + "}\n";
}
std::string static_job(const std::string& name, const ScriptedServer& server) {
    return job(name, "static_configs: [{targets: ['127.0.0.1:" + std::to_string(server.port()) +
                         "'], labels: {instance: i}}]");
}
/// The time of a stored line: ` @1790000000000`, or a little before, when it was due.
std::string time_of(const std::string& line) {
    return line.substr(line.rfind(" @"));
}

}  // namespace

TEST_CASE("a scrape is one batch: the page and what is said about it", "[scraper]") {
    ScriptedServer server({page("a{x=\"y\"} 1\nb 2\n")});
    Bench bench;
    bench.load(static_job("j", server));
    bench.until_stored("up{");
    const auto batch = bench.sink.batches().at(0);
    const std::string now = time_of(batch.at(0));
    CHECK(batch == std::vector<std::string>{
                       R"(a{instance="i", job="j", x="y"} 1)" + now,
                       R"(b{instance="i", job="j"} 2)" + now,
                       R"(up{instance="i", job="j"} 1)" + now,
                       R"(scrape_duration_seconds{instance="i", job="j"} 0)" + now,
                       R"(scrape_samples_scraped{instance="i", job="j"} 2)" + now,
                       R"(scrape_samples_post_metric_relabeling{instance="i", job="j"} 2)" + now,
                       R"(scrape_series_added{instance="i", job="j"} 2)" + now});
    CHECK(bench.only_target().health == Health::Up);
}

TEST_CASE("a page that fails ends its series once, and says since when it fails", "[scraper]") {
    ScriptedServer server({page("a 1\n"), answer_ok("", "503 No")});
    Bench bench;
    bench.load(static_job("j", server));
    bench.until_stored("up{");
    bench.clock.wind(1min);
    bench.until_stored(R"(up{instance="i", job="j"} 0)");
    const TargetStatus first = bench.only_target();
    bench.clock.wind(1min);
    bench.until([&] { return *bench.only_target().last_scrape > *first.last_scrape + 30s; });
    const auto ended = bench.stored(R"(a{instance="i", job="j"} stale)");
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].ends_with(" @" + std::to_string(first.since.ms)));
    CHECK(bench.stored(R"(up{instance="i", job="j"} stale)").empty());
    const TargetStatus status = bench.only_target();
    CHECK(status.health == Health::Down);
    CHECK(status.last_error == "server returned HTTP status 503 Service Unavailable");
    CHECK(status.since == first.since);
}

TEST_CASE("a reload ends the series of what goes, at once, and keeps what stays running",
          "[scraper]") {
    ScriptedServer staying({page("a 1\n")}), going({page("b 1\n")});
    Bench bench;
    bench.load(static_job("stays", staying) + static_job("goes", going));
    bench.until_stored("a{");
    bench.until_stored("b{");
    bench.clock.wind(1s);
    bench.sink.clear();
    bench.load(static_job("stays", staying));
    const auto ended = bench.stored("stale");
    CHECK(std::all_of(ended.begin(), ended.end(), [](const std::string& line) {
        return line.find(R"(job="goes")") != std::string::npos &&
               line.ends_with("stale @1790000001000");
    }));
    CHECK(ended.size() == 6);  // b, up and four of scrape_…
    CHECK(bench.scraper.snapshot().size() == 1);
    // It was up before, and nobody has to ask it again to know.
    CHECK(bench.only_target().health == Health::Up);
    bench.sink.clear();
    bench.until_stored("a{");
    CHECK(bench.stored("stale").empty());
    CHECK_FALSE(bench.stored(R"(scrape_series_added{instance="i", job="stays"} 0)").empty());
    CHECK(bench.stored("job=\"goes\"").empty());
}

TEST_CASE("a target whose interval changes is another target", "[scraper]") {
    ScriptedServer server({page("a 1\n")});
    Bench bench;
    bench.load(static_job("j", server));
    bench.until_stored("a{");
    bench.sink.clear();
    std::string slower = static_job("j", server);
    slower.replace(slower.find("500ms"), 5, "1h");
    bench.load(slower);
    CHECK(bench.stored("stale").size() == 6);
    CHECK(bench.only_target().health == Health::Unknown);
}

TEST_CASE("an answer that comes after its target went is not stored", "[scraper]") {
    Gate gate;
    std::vector<Step> late = page("a 1\n");
    late.insert(late.begin() + 1, wait_for(gate));
    ScriptedServer server({late});
    Bench bench;
    bench.load(static_job("j", server));
    bench.until([&] { return !server.requests().empty(); });
    bench.load("[]");
    bench.sink.clear();
    gate.open();
    bench.until([&] { return bench.http.in_flight() == 0; });
    CHECK(bench.stored("").empty());
    CHECK(bench.scraper.snapshot().empty());
}

TEST_CASE("what was scraped since is told once", "[scraper]") {
    ScriptedServer server({page("a 1\n")});
    Bench bench;
    std::string hourly = static_job("j", server);
    bench.load(hourly);
    CHECK(bench.scraper.news(0).targets.empty());
    bench.until_stored("a{");
    bench.scraper.load({});
    bench.load(hourly);
    const std::size_t before = bench.stored("a{").size();
    bench.until_stored("a{", before + 1);
    const ScrapeNews news = bench.scraper.news(0);
    REQUIRE(news.targets.size() == 1);
    CHECK(news.targets[0].labels.get("job") == "j");
    CHECK(bench.scraper.news(news.until).targets.empty());
}

TEST_CASE("failures to fetch a page are lines of their file; pages that cannot be read are not",
          "[scraper]") {
    ScriptedServer failing({answer_ok("", "503 No")}), broken({page("bad oops\n")});
    Bench bench;
    const auto with_log = [](std::string text) {
        return text.insert(text.find("scrape_interval"), "scrape_failure_log_file: /fail.log, ");
    };
    bench.load(with_log(static_job("'f\"x'", failing)) + with_log(static_job("b", broken)));
    bench.until_stored(R"(job="b"} 0)");
    bench.until_stored(R"(up{instance="i", job="f\"x"} 0)");
    const std::string text = bench.files.bytes("/fail.log");
    const std::string rest =
        R"(","level":"ERROR","source":"scrape",)"
        R"("msg":"server returned HTTP status 503 Service Unavailable","job_name":"f\"x",)"
        R"("target":"http://127.0.0.1:)" +
        std::to_string(failing.port()) + "/metrics\"}\n";
    const std::string time = R"({"time":"2026-09-21T14:13:20.000Z)";
    CHECK(text.substr(time.size(), rest.size()) == rest);
    CHECK(text.find("\"b\"") == std::string::npos);
}
