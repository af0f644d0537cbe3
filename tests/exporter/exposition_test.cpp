#include "exporter/exposition.h"

#include <catch2/catch.hpp>

using namespace vedette;
using namespace vedette::exporter;

namespace {

MetricFamily gauge(std::string name, std::string help, double value, Labels labels = {}) {
    return {std::move(name),
            MetricFamily::Type::Gauge,
            std::move(help),
            {{std::move(labels), value, {}, 0, 0, {}}}};
}

std::string text(const MetricFamily& family) {
    return write_exposition(std::span(&family, 1), {});
}

std::string open_metrics(const MetricFamily& family, bool utf8 = false) {
    return write_exposition(std::span(&family, 1), {true, utf8});
}

}  // namespace

TEST_CASE("a gauge is three lines, its value with every digit", "[exporter][exposition]") {
    CHECK(text(gauge("a", "what it is", 0.1 + 0.2, Labels{{"job", "x"}, {"b", "y"}})) ==
          "# HELP a what it is\n# TYPE a gauge\na{b=\"y\",job=\"x\"} 0.30000000000000004\n");
}

TEST_CASE("help and label values cannot break out of their line", "[exporter][exposition]") {
    CHECK(text(gauge("a", "one\ntwo\\three \"four\"", 1, Labels{{"l", "x\"\n\\"}})) ==
          "# HELP a one\\ntwo\\\\three \"four\"\n# TYPE a gauge\na{l=\"x\\\"\\n\\\\\"} 1\n");
    CHECK(open_metrics(gauge("a", "say \"hi\"", 1)) ==
          "# HELP a say \\\"hi\\\"\n# TYPE a gauge\na 1\n# EOF\n");
}

TEST_CASE("a counter keeps its suffix in samples and loses it in OpenMetrics headings",
          "[exporter][exposition]") {
    MetricFamily counter = gauge("requests_total", "", 1e6);
    counter.type = MetricFamily::Type::Counter;
    CHECK(text(counter) ==
          "# HELP requests_total \n# TYPE requests_total counter\nrequests_total 1e+06\n");
    CHECK(open_metrics(counter) ==
          "# HELP requests \n# TYPE requests counter\nrequests_total 1e+06\n# EOF\n");
}

TEST_CASE("a histogram ends at infinity even when its buckets do not say so",
          "[exporter][exposition]") {
    MetricFamily family{"d",
                        MetricFamily::Type::Histogram,
                        "h",
                        {{Labels{{"a", "b"}}, 0, {{0.5, 1}, {1, 3}}, 4, 2.5, {}}}};
    CHECK(text(family) ==
          "# HELP d h\n# TYPE d histogram\nd_bucket{a=\"b\",le=\"0.5\"} "
          "1\nd_bucket{a=\"b\",le=\"1\"} 3\n"
          "d_bucket{a=\"b\",le=\"+Inf\"} 4\nd_sum{a=\"b\"} 2.5\nd_count{a=\"b\"} 4\n");
    CHECK(open_metrics(family).find("le=\"1.0\"") != std::string::npos);
}

TEST_CASE("names beyond the classic ones are quoted or escaped as the reader asked",
          "[exporter][exposition]") {
    const MetricFamily family = gauge("http.requests", "", 1, Labels{{"my.label", "x"}});
    CHECK(text(family) ==
          "# HELP http_requests \n# TYPE http_requests gauge\nhttp_requests{my_label=\"x\"} 1\n");
    CHECK(open_metrics(family, true) ==
          "# HELP \"http.requests\" \n# TYPE \"http.requests\" "
          "gauge\n{\"http.requests\",\"my.label\"=\"x\"} 1\n# EOF\n");
}

TEST_CASE("timestamps are milliseconds in text and seconds in OpenMetrics",
          "[exporter][exposition]") {
    MetricFamily family = gauge("a", "", 1);
    family.points[0].at = Timestamp{1'790'000'000'123};
    CHECK(text(family).ends_with("a 1 1790000000123\n"));
    CHECK(open_metrics(family).find("a 1 1790000000.123\n") != std::string::npos);
}

TEST_CASE("the format follows the highest weight in Accept", "[exporter][exposition]") {
    CHECK_FALSE(choose_format("").open_metrics);
    CHECK_FALSE(choose_format("text/html").open_metrics);
    const ExpositionFormat prometheus = choose_format(
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,text/"
        "plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1");
    CHECK(prometheus.open_metrics);
    CHECK(prometheus.utf8_names);
    CHECK_FALSE(choose_format("application/openmetrics-text;version=1.0.0;q=0.2, text/plain;q=0.9")
                    .open_metrics);
    CHECK(choose_format("").content_type() ==
          "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
}

TEST_CASE("families of one name are joined and no series stands twice", "[exporter][exposition]") {
    std::vector<MetricFamily> families{
        gauge("b", "late", 1), gauge("a", "first", 1, Labels{{"x", "1"}}),
        gauge("a", "second", 2, Labels{{"x", "1"}}), gauge("a", "third", 3, Labels{{"x", "2"}})};
    const auto merged = merge_families(std::move(families));
    REQUIRE(merged.size() == 2);
    CHECK(merged[0].help == "first");
    REQUIRE(merged[0].points.size() == 2);
    CHECK(merged[0].points[0].value == 1);
    CHECK(merged[0].points[1].value == 3);
}
