#include "probes/scrape/target.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/files.h"
#include "base/yaml.h"
#include "probes/scrape/discovery.h"
#include "tests/support/temp_folder.h"

namespace vedette::scrape {
namespace {

Settings settings_of(const std::string& text, Problems& problems) {
    Settings settings;
    read_scrape_configs(read_yaml("v.yml", text, problems), {}, settings, problems);
    return settings;
}

JobSettings job_of(const std::string& text) {
    Problems problems;
    Settings settings = settings_of(text, problems);
    INFO(problems.text());
    REQUIRE_FALSE(problems.any());
    return settings.jobs.at(0);
}

}  // namespace

TEST_CASE("a target has the labels and the address that Prometheus gives it", "[scrape][target]") {
    const JobSettings job = job_of(
        "- job_name: a\n"
        "  params: {m: [x, y], b: ['1 2']}\n"
        "  scrape_interval: 1s\n"
        "  static_configs: [{targets: ['127.0.0.1:43763', 'gone:1'], "
        "labels: {foo: bar, __meta_q: z}}]\n"
        "  relabel_configs:\n"
        "  - {source_labels: [__address__], regex: 'gone.*', action: drop}\n"
        "  - {source_labels: [__address__, foo], modulus: 1000, target_label: hash, "
        "action: hashmod}\n"
        "  - {action: labelmap, regex: '__meta_(.+)'}\n");
    std::vector<std::string> failures;
    const auto targets = make_targets(job.fixed, job, failures);
    REQUIRE(targets.size() == 2);
    CHECK(failures.empty());
    // As 3.5.3 shows the same job.
    CHECK(to_string(targets[0].discovered) ==
          "{__address__=\"127.0.0.1:43763\", __meta_q=\"z\", __metrics_path__=\"/metrics\", "
          "__param_b=\"1 2\", __param_m=\"x\", __scheme__=\"http\", __scrape_interval__=\"1s\", "
          "__scrape_timeout__=\"1s\", foo=\"bar\", job=\"a\"}");
    CHECK(to_string(targets[0].labels) ==
          "{foo=\"bar\", hash=\"915\", instance=\"127.0.0.1:43763\", job=\"a\", q=\"z\"}");
    CHECK(targets[0].url == "http://127.0.0.1:43763/metrics?b=1+2&m=x&m=y");
    CHECK(targets[0].timeout == Milliseconds(1000));
    CHECK(targets[1].dropped);
}

TEST_CASE("relabelling may change where and how a target is asked", "[scrape][target]") {
    const JobSettings job = job_of(
        "- job_name: a\n"
        "  params: {target: [x]}\n"
        "  relabel_configs:\n"
        "  - {source_labels: [__address__], target_label: __param_target}\n"
        "  - {source_labels: [__param_target], target_label: instance}\n"
        "  - {target_label: __address__, replacement: 'box:9115'}\n"
        "  - {target_label: __scheme__, replacement: https}\n"
        "  - {target_label: __metrics_path__, replacement: 'my probe'}\n"
        "  - {target_label: __scrape_interval__, replacement: 5m}\n");
    const auto target = make_target("http://a/?b", {}, job);
    REQUIRE(target);
    CHECK(target->url == "https://box:9115/my%20probe?target=http%3A%2F%2Fa%2F%3Fb");
    CHECK(target->labels.get("instance") == "http://a/?b");
    CHECK(target->interval == std::chrono::minutes(5));
}

TEST_CASE("what relabelling leaves and cannot be scraped is said", "[scrape][target]") {
    struct Row {
        const char* rule;
        const char* error;
    };
    const auto row = GENERATE(values<Row>({
        {"{target_label: __address__, replacement: ''}", "no address"},
        {"{target_label: __address__, replacement: 'a/b'}", "\"a/b\" is not a valid hostname"},
        {"{target_label: __scheme__, replacement: ftp}",
         "the scheme \"ftp\" is neither http nor https"},
        {"{target_label: __scrape_interval__, replacement: 0s}", "__scrape_interval__ cannot be 0"},
        {"{target_label: __scrape_timeout__, replacement: 2m}",
         "scrape timeout cannot be greater than scrape interval (2m > 1m)"},
    }));
    const JobSettings job =
        job_of("- job_name: a\n  relabel_configs: [" + std::string(row.rule) + "]\n");
    const auto target = make_target("a:1", {}, job);
    REQUIRE_FALSE(target);
    CHECK(target.error().message == row.error);
}

TEST_CASE("what this version does not do is refused by name", "[scrape][settings]") {
    Problems problems;
    settings_of(
        "- job_name: a\n"
        "  scrape_protocols: [PrometheusProto, Proto]\n"
        "  scrape_interval: 5s\n"
        "  scrape_timeout: 6s\n"
        "  consul_sd_configs: [{server: x}]\n"
        "  metrics_pth: /x\n"
        "- job_name: a\n"
        "  static_configs: [{targets: ['a:1/metrics']}]\n",
        problems);
    std::vector<std::string> found;
    for (const Problem& problem : problems.all())
        found.push_back(std::to_string(problem.mark.line) + ": " + problem.message);
    std::sort(found.begin(), found.end());
    CHECK(found ==
          std::vector<std::string>{
              "2: unknown scrape protocol `Proto`; expected one of `PrometheusProto`, "
              "`OpenMetricsText1.0.0`, `OpenMetricsText0.0.1`, `PrometheusText1.0.0`, "
              "`PrometheusText0.0.4`",
              "4: `scrape_timeout` 6s is more than the `scrape_interval` 5s",
              "5: `consul_sd_configs` is not in this version; `file_sd_configs`, "
              "`http_sd_configs` and `dns_sd_configs` are; see docs/limits.md",
              "6: unknown key `metrics_pth` in job \"a\"; did you mean `metrics_path`?",
              "7: the job \"a\" is there twice",
              "8: \"a:1/metrics\" is not a valid hostname; `scheme` and `metrics_path` are keys",
          });
}

TEST_CASE("what is asked for is what Prometheus asks for", "[scrape][settings]") {
    CHECK(accept_header(job_of("- job_name: a\n")) ==
          "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
          "application/openmetrics-text;version=0.0.1;q=0.5,"
          "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
          "text/plain;version=0.0.4;q=0.3,*/*;q=0.2");
    CHECK(accept_header(job_of("- job_name: a\n"
                               "  scrape_protocols: [PrometheusText1.0.0]\n"
                               "  metric_name_validation_scheme: legacy\n")) ==
          "text/plain;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.5");
}

TEST_CASE("the format follows the Content-Type, and the fallback where it says nothing",
          "[scrape][settings]") {
    CHECK(page_format("text/plain; version=0.0.4", {}) == PageFormat::Text);
    CHECK(page_format("application/openmetrics-text; version=1.0.0", {}) ==
          PageFormat::OpenMetrics);
    CHECK(page_format("text/html", Protocol::Text004) == PageFormat::Text);
    CHECK(page_format("", {}).error().message ==
          "non-compliant scrape target sending blank Content-Type and no "
          "fallback_scrape_protocol specified for target");
    CHECK(page_format("text/html", {}).error().message ==
          "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol "
          "specified for target");
}

TEST_CASE("files and lists of targets are read, or say what is wrong", "[scrape][discovery]") {
    const TempFolder folder;
    const auto write = [&](const std::string& name, const std::string& text) {
        REQUIRE(make_files()->write_atomically(folder / name, text));
        return read_target_file(folder / name);
    };
    const auto json = write("a.json", "[{\"targets\": [\"a:1\"],\n\t\"labels\": {\"x\": \"y\"}}]");
    REQUIRE(json);
    CHECK(*json == std::vector<TargetGroup>{
                       {{"a:1"}, {{"x", "y"}, {"__meta_filepath", folder / "a.json"}}}});
    const auto yaml = write("b.yml", "- targets: ['a:1', 'b:2']\n");
    REQUIRE(yaml);
    CHECK(yaml->at(0).targets == std::vector<std::string>{"a:1", "b:2"});
    CHECK(write("c.json", "[{\"target\": []}]").error().message ==
          "\"target\" in a target group; expected the list `targets` and the map `labels`");
    CHECK(write("d.json", "[").error().message == "the text is no JSON");
    CHECK(read_target_list("[{\"targets\": [1]}]", "http://l").error().message ==
          "the target 1 is no text");
    CHECK(read_target_list("[{\"targets\": [\"a:1\"]}]", "http://l")->at(0).labels ==
          std::vector<std::pair<std::string, std::string>>{{"__meta_url", "http://l"}});
}

}  // namespace vedette::scrape
