#include <catch2/catch.hpp>
#include <cmath>

#include "metrics.pb.h"
#include "probes/scrape/page/proto.h"
#include "tests/probes_scrape/page_text.h"

namespace vedette::scrape {
namespace {

namespace client = io::prometheus::client;

/// The family with its length before it.
std::string delimited(const client::MetricFamily& family) {
    const std::string bytes = family.SerializeAsString();
    std::string out;
    for (std::size_t size = bytes.size(); true; size >>= 7) {
        out += static_cast<char>(size > 0x7f ? (size & 0x7f) | 0x80 : size);
        if (size <= 0x7f) break;
    }
    return out + bytes;
}

std::string read(std::string_view page, bool classic_too = false) {
    ProtoReader reader(page, classic_too);
    return text_of(reader, PageFormat::Protobuf);
}

client::MetricFamily family(const char* name, client::MetricFamily::Type type) {
    client::MetricFamily out;
    out.set_name(name);
    out.set_type(type);
    return out;
}

client::Metric& metric(client::MetricFamily& of,
                       std::vector<std::pair<std::string, std::string>> labels = {}) {
    client::Metric& out = *of.add_metric();
    for (const auto& [name, value] : labels) {
        auto& label = *out.add_label();
        label.set_name(name);
        label.set_value(value);
    }
    return out;
}

void set(client::Exemplar& exemplar, const char* trace, double value, std::int64_t seconds = 0) {
    auto& label = *exemplar.add_label();
    label.set_name("t");
    label.set_value(trace);
    exemplar.set_value(value);
    if (seconds != 0) exemplar.mutable_timestamp()->set_seconds(seconds);
}

client::MetricFamily native_family() {
    auto out = family("nat", client::MetricFamily::HISTOGRAM);
    auto& h = *metric(out, {{"z", "1"}}).mutable_histogram();
    h.set_sample_count(12);
    h.set_sample_sum(9.5);
    h.set_schema(0);
    h.set_zero_threshold(0.001);
    h.set_zero_count(2);
    auto& positive = *h.add_positive_span();
    positive.set_offset(1);
    positive.set_length(2);
    for (const int delta : {4, -2}) h.add_positive_delta(delta);
    auto& negative = *h.add_negative_span();
    negative.set_offset(-1);
    negative.set_length(1);
    h.add_negative_delta(4);
    auto& bucket = *h.add_bucket();
    bucket.set_upper_bound(1);
    bucket.set_cumulative_count(7);
    set(*bucket.mutable_exemplar(), "b", 0.5, 7);
    h.mutable_created_timestamp()->set_seconds(5);
    return out;
}

const std::string native_line =
    "nat{z=\"1\"} {count:12, sum:9.5, [-0.5,-0.25):4, [-0.001,0.001]:2, (1,2]:4, (2,4]:2} since "
    "5000 # "
    "{t=\"b\"} 0.5 @7000\n";

}  // namespace

TEST_CASE("a protobuf page reads as OpenMetrics says the same", "[scrape][proto]") {
    auto hits = family("hits_total", client::MetricFamily::COUNTER);
    hits.set_help("Some \"help\"\nof \\ two lines");
    auto& counted = metric(hits, {{"path", "/ \"q\" \\ \n"}, {"ä.b", "x"}});
    counted.mutable_counter()->set_value(3);
    set(*counted.mutable_counter()->mutable_exemplar(), "c", 1);
    counted.mutable_counter()->mutable_created_timestamp()->set_seconds(9);
    counted.mutable_counter()->mutable_created_timestamp()->set_nanos(250'999'999);
    metric(hits).set_timestamp_ms(17);

    auto latency = family("lat.ency_seconds", client::MetricFamily::SUMMARY);
    latency.set_unit("seconds");
    auto& summary = *metric(latency, {{"a", "b"}}).mutable_summary();
    summary.set_sample_count(10);
    summary.set_sample_sum(5.5);
    for (const double quantile : {0.5, 1.0}) {
        auto& each = *summary.add_quantile();
        each.set_quantile(quantile);
        each.set_value(quantile * 4);
    }

    auto depth = family("depth", client::MetricFamily::GAUGE);
    metric(depth).mutable_gauge()->set_value(-0.5);
    auto plain = family("plain", client::MetricFamily::UNTYPED);
    metric(plain).mutable_untyped()->set_value(INFINITY);

    CHECK(read(delimited(hits) + delimited(latency) + delimited(depth) + delimited(plain)) ==
          "# hits_total|Some \"help\"\nof \\ two lines\n"
          "# hits_total|counter\n"
          "hits_total{path=\"/ \\\"q\\\" \\\\ \\n\", \"ä.b\"=\"x\"} 3 since 9250 # {t=\"c\"} 1\n"
          "hits_total 0 @17\n"
          "# lat.ency_seconds|summary\n"
          "# lat.ency_seconds|seconds\n"
          "{\"lat.ency_seconds_count\", a=\"b\"} 10\n"
          "{\"lat.ency_seconds_sum\", a=\"b\"} 5.5\n"
          "{\"lat.ency_seconds\", a=\"b\", quantile=\"0.5\"} 2\n"
          "{\"lat.ency_seconds\", a=\"b\", quantile=\"1.0\"} 4\n"
          "# depth|gauge\n"
          "depth -0.5\n"
          "# plain|unknown\n"
          "plain +Inf\n");
    CHECK(read("").empty());
}

TEST_CASE("a classic histogram has a bucket of +Inf, said or not", "[scrape][proto]") {
    auto took = family("took", client::MetricFamily::HISTOGRAM);
    auto& h = *metric(took).mutable_histogram();
    h.set_sample_count(6);
    h.set_sample_sum(9.5);
    for (const double bound : {0.1, 1e6}) {
        auto& bucket = *h.add_bucket();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(bound < 1 ? 1 : 5);
    }
    set(*h.mutable_bucket(1)->mutable_exemplar(), "k", 0.9, 3);
    const std::string said =
        "# took|histogram\n"
        "took_count 6\n"
        "took_sum 9.5\n"
        "took_bucket{le=\"0.1\"} 1\n"
        "took_bucket{le=\"1e+06\"} 5 # {t=\"k\"} 0.9 @3000\n"
        "took_bucket{le=\"+Inf\"} 6\n";
    CHECK(read(delimited(took)) == said);
    auto& last = *h.add_bucket();
    last.set_upper_bound(INFINITY);
    last.set_cumulative_count(6);
    CHECK(read(delimited(took)) == said);
    h.set_sample_count_float(6.5);
    h.mutable_bucket(2)->set_cumulative_count_float(6.5);
    CHECK(read(delimited(took)).ends_with("took_bucket{le=\"+Inf\"} 6.5\n"));
}

TEST_CASE("a native histogram is one sample, with classic buckets behind it when asked for",
          "[scrape][proto]") {
    const std::string page = delimited(native_family());
    CHECK(read(page) == "# nat|histogram\n" + native_line);
    CHECK(read(page, true) ==
          "# nat|histogram\n" + native_line +
              "nat_count{z=\"1\"} 12 since 5000\n"
              "nat_sum{z=\"1\"} 9.5 since 5000\n"
              "nat_bucket{le=\"1.0\", z=\"1\"} 7 since 5000 # {t=\"b\"} 0.5 @7000\n"
              "nat_bucket{le=\"+Inf\", z=\"1\"} 12 since 5000\n");
    auto own = native_family();
    auto& h = *own.mutable_metric(0)->mutable_histogram();
    set(*h.add_exemplars(), "late", 1, 9);
    set(*h.add_exemplars(), "untimed", 2);
    set(*h.add_exemplars(), "early", 3, 8);
    CHECK(read(delimited(own)).ends_with("# {t=\"early\"} 3 @8000 # {t=\"late\"} 1 @9000\n"));
}

TEST_CASE("gauge histograms and those with float counts are native too", "[scrape][proto]") {
    auto gauges = native_family();
    gauges.set_type(client::MetricFamily::GAUGE_HISTOGRAM);
    const std::string page = delimited(gauges);
    ProtoReader again(page, false);
    REQUIRE(again.next());
    const auto item = again.next();
    REQUIRE(item);
    CHECK(item->histogram->reset_hint == Histogram::ResetHint::Gauge);

    auto floats = family("f", client::MetricFamily::HISTOGRAM);
    auto& h = *metric(floats).mutable_histogram();
    h.set_sample_count_float(2.5);
    h.set_zero_count_float(0.5);
    h.set_zero_threshold(1);
    auto& span = *h.add_positive_span();
    span.set_offset(2);
    span.set_length(1);
    h.add_positive_count(2);
    CHECK(read(delimited(floats)) == "# f|histogram\nf {count:2.5, sum:0, [-1,1]:0.5, (2,4]:2}\n");
}

TEST_CASE("what is wrong in a protobuf page is said with its family", "[scrape][proto]") {
    auto depth = family("depth", client::MetricFamily::GAUGE);
    metric(depth).mutable_gauge()->set_value(1);
    const std::string good = delimited(depth);
    CHECK(read(good + "\x05"
                      "ab") == "metric family 2: the page ends inside it, 3 bytes after its start");
    CHECK(read("\x02\x0a\x09") == "metric family 1: it is no io.prometheus.client.MetricFamily");
    CHECK(read("\x02\x18\x01") == "metric family 1: it has no name");
    CHECK(read(std::string("\x05\x0a\x01"
                           "a\x18\x09",
                           6)) == "metric family 1: \"a\" has type 9; expected 0 to 5");
    depth.set_unit("bytes");
    CHECK(read(delimited(depth)) ==
          "metric family 1: unit \"bytes\" not a suffix of gauge \"depth\"");
    auto broken = native_family();
    broken.mutable_metric(0)->mutable_histogram()->set_sample_count(1);
    CHECK(read(delimited(broken)).starts_with("metric family 1: \"nat\": "));
    auto latin = family("depth", client::MetricFamily::GAUGE);
    metric(latin, {{"a", "\xff"}}).mutable_gauge();
    CHECK(read(delimited(latin)).starts_with("metric family 1: "));
}

TEST_CASE("a protobuf page cut at any length gives whole families, or says that it is cut",
          "[scrape][proto]") {
    auto depth = family("depth", client::MetricFamily::GAUGE);
    metric(depth).mutable_gauge()->set_value(1);
    const std::string first = delimited(depth), page = first + delimited(native_family());
    for (std::size_t size = 0; size < page.size(); ++size) {
        CAPTURE(size);
        const std::string text = read(page.substr(0, size));
        if (size == 0)
            CHECK(text.empty());
        else if (size == first.size())
            CHECK(text == "# depth|gauge\ndepth 1\n");
        else
            CHECK(text.find("the page ends inside it") != std::string::npos);
    }
}

TEST_CASE("protobuf pages with flipped bits are read or refused, never worse", "[scrape][proto]") {
    const std::string page = delimited(native_family());
    for (std::size_t bit = 0; bit < page.size() * 8; ++bit) {
        std::string flipped = page;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        CAPTURE(bit);
        CHECK_FALSE(read(flipped, true).empty());
    }
}

}  // namespace vedette::scrape
