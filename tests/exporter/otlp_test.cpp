// OTLP in: the same message as JSON and as protobuf, and what Prometheus's series it becomes.
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <catch2/catch.hpp>

#include "base/yaml.h"
#include "core/histogram.h"
#include "exporter/ingest/otlp/names.h"
#include "exporter/ingest/otlp/receiver.h"
#include "exporter/ingest/otlp/translate.h"
#include "otlp.pb.h"
#include "tests/support/manual_clock.h"
#include "tests/support/spy_sink.h"

using namespace vedette;
using namespace vedette::exporter::otlp;
using vedette::exporter::WriteRequest;

namespace {

const ManualClock wall_clock;

/// libprotobuf reads the JSON and writes the bytes, so a test is written once, in JSON.
std::string to_protobuf(const std::string& json) {
    ::otlp::Request message;
    const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
    INFO(status.ToString());
    REQUIRE(status.ok());
    return message.SerializeAsString();
}

std::string text_of(const WriteRequest::Series& series) {
    std::string out = to_string(Labels{std::vector<Label>(series.labels)});
    for (const Sample& sample : series.samples) {
        if (const auto* histogram = std::get_if<HistogramRef>(&sample.value))
            out += " " + to_string(**histogram);
        else if (is_stale(sample.value))
            out += " stale";
        else
            out += " " + format_value(std::get<double>(sample.value));
        out += fmt::format(" @{}", sample.at.ms);
    }
    for (const auto& exemplar : series.exemplars)
        out += " # " + to_string(Labels{std::vector<Label>(exemplar.labels)}) + " " +
               format_value(exemplar.value);
    return out;
}

std::vector<std::string> series_of(const Message& message, const Settings& settings) {
    const Translated translated = translate(message, settings);
    std::vector<std::string> out;
    for (const WriteRequest::Series& series : translated.request.series)
        out.push_back(text_of(series));
    if (!translated.first.empty()) out.push_back("refused: " + translated.first);
    return out;
}

/// Reads the message both ways, which must agree, and translates it.
std::vector<std::string> translated(const std::string& json, const Settings& settings = {}) {
    const auto from_json = read_json(json);
    INFO((from_json ? "" : from_json.error().message));
    REQUIRE(from_json);
    const auto from_protobuf = read_protobuf(to_protobuf(json));
    REQUIRE(from_protobuf);
    const std::vector<std::string> out = series_of(*from_json, settings);
    CHECK(out == series_of(*from_protobuf, settings));
    return out;
}

std::string metrics(const std::string& list, const std::string& resource = "") {
    return R"({"resourceMetrics":[{"resource":{"attributes":[)" + resource +
           R"(]},"scopeMetrics":[{"metrics":[)" + list + "]}]}]}";
}

std::string attribute(const std::string& key, const std::string& value) {
    return R"({"key":")" + key + R"(","value":{"stringValue":")" + value + R"("}})";
}

constexpr const char* at = R"("timeUnixNano":"1790000000123456789")";

}  // namespace

TEST_CASE("a metric's name takes its unit and what it is, once", "[exporter][otlp]") {
    struct Row {
        const char *name, *unit;
        Metric::Kind kind;
        const char *escaped, *kept;
    };
    constexpr auto gauge = Metric::Kind::Gauge, sum = Metric::Kind::Sum;
    const Row row = GENERATE(
        Row{"http.server.duration", "ms", gauge, "http_server_duration_milliseconds",
            "http.server.duration_milliseconds"},
        Row{"system.io", "By", sum, "system_io_bytes_total", "system.io_bytes_total"},
        Row{"system.io.bytes", "By", gauge, "system_io_bytes", "system.io.bytes"},
        Row{"requests.total", "", sum, "requests_total", "requests_total"},
        Row{"total.requests", "1", sum, "requests_total", "total.requests_total"},
        Row{"cpu.utilization", "1", gauge, "cpu_utilization_ratio", "cpu.utilization_ratio"},
        Row{"queue.length", "{items}", gauge, "queue_length", "queue.length"},
        Row{"speed", "m/s", gauge, "speed_meters_per_second", "speed_meters_per_second"},
        Row{"rate", "{packets}/s", gauge, "rate_per_second", "rate_per_second"},
        Row{"share", "%", gauge, "share_percent", "share_percent"},
        Row{"odd", "foo-bar", gauge, "odd_foo_bar", "odd_foo_bar"},
        Row{"3d.views", "", gauge, "_3d_views", "3d.views"},
        Row{"a__b..c", "", gauge, "a_b_c", "a__b..c"},
        Row{"rule:name", "", gauge, "rule:name", "rule:name"});
    Metric metric;
    metric.name = row.name;
    metric.unit = row.unit;
    metric.kind = row.kind;
    metric.monotonic = row.kind == sum;
    CAPTURE(row.name, row.unit);
    CHECK(metric_name(metric, Settings::Translation::UnderscoreEscapingWithSuffixes) == row.escaped);
    CHECK(metric_name(metric, Settings::Translation::NoUtf8EscapingWithSuffixes) == row.kept);
    CHECK(metric_name(metric, Settings::Translation::NoTranslation) == row.name);
}

TEST_CASE("an attribute's name becomes a label's", "[exporter][otlp]") {
    const auto name = [](const char* attribute) {
        return label_name(attribute, Settings::Translation::UnderscoreEscapingWithSuffixes);
    };
    CHECK(name("service.name") == "service_name");
    CHECK(name("2xx") == "key_2xx");
    CHECK(name("_private") == "key_private");
    CHECK(name("__kept") == "__kept");
    CHECK(name("größe") == "gr__e");
    CHECK(name("").empty());
    CHECK(label_name("service.name", Settings::Translation::NoTranslation) == "service.name");
    CHECK(unit_name("By/s") == "bytes_per_second");
    CHECK(unit_name("1").empty());
}

TEST_CASE("numbers become gauges and counters of the resource's job", "[exporter][otlp]") {
    const std::string resource = attribute("service.name", "api") + "," +
                                 attribute("service.namespace", "shop") + "," +
                                 attribute("service.instance.id", "i-1") + "," +
                                 attribute("host.name", "h");
    const std::string points = fmt::format(
        R"({{"name":"in.flight","gauge":{{"dataPoints":[{{{0},"asInt":"-3","attributes":[{1}]}}]}}}},
           {{"name":"hits","sum":{{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{{{0},"asDouble":1.5}},
             {{{0},"flags":1,"attributes":[{1}]}}]}}}})",
        at, attribute("code", "200"));
    CHECK(translated(metrics(points, resource)) ==
          std::vector<std::string>{
              R"(in_flight{code="200", instance="i-1", job="shop/api"} -3 @1790000000123)",
              R"(hits_total{instance="i-1", job="shop/api"} 1.5 @1790000000123)",
              R"(hits_total{code="200", instance="i-1", job="shop/api"} stale @1790000000123)",
              R"(target_info{host_name="h", instance="i-1", job="shop/api"} 1 @1790000000123)"});
    Settings settings;
    settings.promote_resource_attributes = {"host.name"};
    settings.keep_identifying_resource_attributes = true;
    CHECK(translated(metrics(points, resource), settings).back() ==
          R"(target_info{host_name="h", instance="i-1", job="shop/api", service_instance_id="i-1", service_name="api", service_namespace="shop"} 1 @1790000000123)");
    CHECK(translated(metrics(points, resource), settings).front() ==
          R"(in_flight{code="200", host_name="h", instance="i-1", job="shop/api"} -3 @1790000000123)");
    settings.promote_resource_attributes.clear();
    settings.promote_all_resource_attributes = true;
    settings.ignore_resource_attributes = {"host.name", "service.name"};
    CHECK(translated(metrics(points, resource), settings).front() ==
          R"(in_flight{code="200", instance="i-1", job="shop/api", service_instance_id="i-1", service_namespace="shop"} -3 @1790000000123)");
}

TEST_CASE("attributes of every type are text, two of one label are joined", "[exporter][otlp]") {
    const std::string attributes =
        R"({"key":"b","value":{"boolValue":true}},{"key":"i","value":{"intValue":"-7"}},{"key":"d","value":{"doubleValue":0.5}},
           {"key":"l","value":{"arrayValue":{"values":[{"stringValue":"x\"y"},{"intValue":"1"},{}]}}},
           {"key":"m","value":{"kvlistValue":{"values":[{"key":"z","value":{"boolValue":false}},{"key":"a","value":{"doubleValue":2}}]}}},
           {"key":"raw","value":{"bytesValue":"AAH/"}},{"key":"a.b","value":{"stringValue":"2"}},{"key":"a-b","value":{"stringValue":"1"}})";
    CHECK(translated(metrics(fmt::format(
              R"({{"name":"x","gauge":{{"dataPoints":[{{{},"asDouble":1,"attributes":[{}]}}]}}}})", at,
              attributes))) ==
          std::vector<std::string>{
              R"(x{a_b="1;2", b="true", d="0.5", i="-7", l="[\"x\\\"y\",1,null]", m="{\"a\":2,\"z\":false}", raw="AAH/"} 1 @1790000000123)"});
}

TEST_CASE("a histogram becomes buckets that add up, or custom buckets if wished",
          "[exporter][otlp]") {
    const std::string histogram = metrics(fmt::format(
        R"({{"name":"took","unit":"s","histogram":{{"aggregationTemporality":"AGGREGATION_TEMPORALITY_CUMULATIVE","dataPoints":[
            {{{0},"count":"6","sum":3.5,"bucketCounts":["1","2","3"],"explicitBounds":[0.1,1],
              "exemplars":[{{{0},"asDouble":0.5,"traceId":"0102","spanId":"AB"}}]}}]}}}})",
        at));
    const auto from_json = read_json(histogram);
    REQUIRE(from_json);
    CHECK(series_of(*from_json, {}) ==
          std::vector<std::string>{"took_seconds_sum 3.5 @1790000000123",
                                   "took_seconds_count 6 @1790000000123",
                                   R"(took_seconds_bucket{le="0.1"} 1 @1790000000123)",
                                   R"(took_seconds_bucket{le="1"} 3 @1790000000123 # {span_id="ab", trace_id="0102"} 0.5)",
                                   R"(took_seconds_bucket{le="+Inf"} 6 @1790000000123)"});
    Settings settings;
    settings.convert_histograms_to_nhcb = true;
    const Translated made = translate(*from_json, settings);
    REQUIRE(made.request.series.size() == 1);
    CHECK(made.request.series[0].refusal.empty());
    const Histogram& native = *std::get<HistogramRef>(made.request.series[0].samples[0].value);
    CHECK(native.schema == -53);
    CHECK(native.custom_bounds == std::vector<double>{0.1, 1});
    CHECK(native.positive_spans == std::vector<Histogram::Span>{{0, 3}});
    CHECK(native.positive_buckets == std::vector<double>{1, 2, 3});
    CHECK(native.count == 6);
    CHECK(native.sum == 3.5);
}

TEST_CASE("an exponential histogram becomes a native one, of 8 at the finest", "[exporter][otlp]") {
    const auto native = [](int scale, const std::string& positive, const std::string& count) {
        const std::string json = metrics(fmt::format(
            R"({{"name":"x","exponentialHistogram":{{"aggregationTemporality":2,"dataPoints":[
                {{{},"count":"{}","sum":1,"scale":{},"zeroCount":"1","positive":{}}}]}}}})",
            at, count, scale, positive));
        const auto message = read_protobuf(to_protobuf(json));
        REQUIRE(message);
        const auto again = read_json(json);
        REQUIRE(again);
        CHECK(series_of(*message, {}) == series_of(*again, {}));
        const Translated made = translate(*message, {});
        if (made.request.series.empty()) return "refused: " + made.first;
        if (!made.request.series[0].refusal.empty()) return made.request.series[0].refusal;
        const Histogram& h = *std::get<HistogramRef>(made.request.series[0].samples[0].value);
        std::string out = fmt::format("schema {} zero {} within {}:", h.schema, h.zero_count,
                                      h.zero_threshold);
        for (const Histogram::Span& span : h.positive_spans)
            out += fmt::format(" ({},{})", span.offset, span.length);
        for (const double bucket : h.positive_buckets) out += fmt::format(" {}", bucket);
        return out;
    };
    CHECK(native(3, R"({"offset":-2,"bucketCounts":["2","0","0","1"]})", "4") ==
          "schema 3 zero 1 within 1e-128: (-1,4) 2 0 0 1");
    CHECK(native(3, R"({"offset":4,"bucketCounts":["0","2","0","0","0","1","0"]})", "4") ==
          "schema 3 zero 1 within 1e-128: (6,1) (3,1) 2 1");
    // Index 4 and 5 of scale 9 are index 2 of scale 8, 6 and 7 are 3.
    CHECK(native(9, R"({"offset":5,"bucketCounts":["2","1","4"]})", "8") ==
          "schema 8 zero 1 within 1e-128: (3,2) 2 5");
    CHECK(native(9, R"({"offset":-3,"bucketCounts":["2","1","4"]})", "8") ==
          "schema 8 zero 1 within 1e-128: (-1,2) 2 5");
    CHECK(native(-4, R"({"offset":0,"bucketCounts":["1"]})", "2") ==
          "schema -4 zero 1 within 1e-128: (1,1) 1");
    CHECK(native(-5, R"({"offset":0,"bucketCounts":["1"]})", "2") ==
          "refused: metric x is an exponential histogram of scale -5; -4 to 20 are taken");
    CHECK(native(21, R"({"offset":0,"bucketCounts":["1"]})", "2") ==
          "refused: metric x is an exponential histogram of scale 21; -4 to 20 are taken");
    CHECK(native(3, R"({"offset":0,"bucketCounts":["1"]})", "9").starts_with(
        "metric x: 2 observations found in buckets, but the Count field is 9"));
}

TEST_CASE("a summary becomes its quantiles", "[exporter][otlp]") {
    CHECK(translated(metrics(fmt::format(
              R"({{"name":"x","summary":{{"dataPoints":[{{{},"count":"3","sum":1.5,"quantileValues":[{{"quantile":0.5,"value":0.4}}]}}]}}}})",
              at))) == std::vector<std::string>{"x_sum 1.5 @1790000000123", "x_count 3 @1790000000123",
                                                R"(x{quantile="0.5"} 0.4 @1790000000123)"});
}

TEST_CASE("what is not cumulative is refused by name, the rest is taken", "[exporter][otlp]") {
    CHECK(translated(metrics(fmt::format(
              R"({{"name":"d","sum":{{"aggregationTemporality":1,"dataPoints":[{{{0},"asInt":"1"}}]}}}},
                 {{"name":"g","gauge":{{"dataPoints":[{{{0},"asInt":"1"}}]}}}})",
              at))) ==
          std::vector<std::string>{
              "g 1 @1790000000123",
              "refused: metric d is not cumulative; set the exporter's temporality to cumulative"});
}

TEST_CASE("cut anywhere or with any bit flipped OTLP is read or refused, never a crash",
          "[exporter][otlp]") {
    const std::string json = metrics(
        fmt::format(R"({{"name":"x","exponentialHistogram":{{"aggregationTemporality":2,"dataPoints":[
                {{{0},"count":"4","sum":1,"scale":9,"positive":{{"offset":-2,"bucketCounts":["2","0","0","1"]}},
                  "exemplars":[{{{0},"asInt":"5"}}]}}]}}}})",
                    at),
        attribute("service.name", "api"));
    const std::string bytes = to_protobuf(json);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        if (const auto message = read_protobuf(std::string_view(bytes).substr(0, length)))
            (void)translate(*message, {});
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
        const auto message = read_protobuf(flipped);
        if (!message) {
            CHECK(message.error().message == "the body is no ExportMetricsServiceRequest of OTLP");
            continue;
        }
        (void)translate(*message, {});
    }
    for (std::size_t length = 0; length < json.size(); ++length)
        CHECK_FALSE(read_json(std::string_view(json).substr(0, length)));
}

TEST_CASE("bad JSON is refused by what is wrong with it", "[exporter][otlp]") {
    const auto error = [](const std::string& json) { return read_json(json).error().message; };
    CHECK(error("[]") == "the body is no OTLP in JSON: it is array; expected an object");
    CHECK(error(R"({"resourceMetrics":5})") ==
          "the body is no OTLP in JSON: resourceMetrics is number; expected a list");
    CHECK(error(metrics(R"({"name":5})")) ==
          "the body is no OTLP in JSON: name is number; expected text");
    CHECK(error(metrics(R"({"name":"x","gauge":{"dataPoints":[{"timeUnixNano":"1s"}]}})")) ==
          R"(the body is no OTLP in JSON: timeUnixNano is "1s"; expected a whole number)");
    CHECK(error(metrics(R"({"name":"x","gauge":{"dataPoints":[{"asDouble":true}]}})")) ==
          "the body is no OTLP in JSON: asDouble is true; expected a number");
    CHECK(error(std::string(300, '[')) ==
          "the body is no OTLP in JSON: it nests deeper than 200");
}

TEST_CASE("the route answers in the sender's encoding and says what it refused",
          "[exporter][otlp]") {
    SpySink sink;
    sink.answer.stored = 1;
    Receiver receiver(sink, wall_clock);
    const Route route = receiver.route();
    const auto send = [&](const std::string& type, const std::string& body) {
        Request request;
        request.headers = {{"content-type", type}};
        request.body = body;
        return route.answer(request);
    };
    const std::string good = metrics(
        fmt::format(R"({{"name":"g","gauge":{{"dataPoints":[{{{},"asInt":"1"}}]}}}})", at));
    const std::string half = metrics(
        fmt::format(R"({{"name":"g","gauge":{{"dataPoints":[{{{0},"asInt":"1"}}]}}}},{{"name":"d","sum":{{"dataPoints":[{{{0}}}]}}}})",
                    at));
    Response response = send("application/json", good);
    CHECK(response.status == 200);
    CHECK(response.content_type == "application/json");
    CHECK(response.body == "{}");
    CHECK(to_string(sink.seen.at(0)) == "g");
    CHECK(sink.metadata_seen.at(0) == "g gauge");
    CHECK(send("application/json; charset=utf-8", half).body ==
          R"({"partialSuccess":{"rejectedDataPoints":"1","errorMessage":"metric d is not cumulative; set the exporter's temporality to cumulative"}})");
    response = send("application/x-protobuf", to_protobuf(good));
    CHECK(response.status == 200);
    CHECK(response.content_type == "application/x-protobuf");
    CHECK(response.body.empty());
    CHECK(send("application/x-protobuf", to_protobuf(half)).body.substr(0, 6) ==
          std::string("\x0a\x4c\x08\x01\x12\x48", 6));
    CHECK(send("application/x-protobuf", "\xff").status == 400);
    CHECK(send("text/plain", good).status == 415);
    Settings settings;
    settings.translation = Settings::Translation::NoTranslation;
    receiver.load(settings);
    (void)send("application/json",
               metrics(fmt::format(R"({{"name":"g.x","gauge":{{"dataPoints":[{{{}}}]}}}})", at)));
    CHECK(to_string(sink.seen.back()) == R"({"g.x"})");
    sink.full = true;
    CHECK(send("application/json", good).status == 503);
}

TEST_CASE("the otlp section is read as Prometheus has it", "[exporter][otlp]") {
    Problems problems;
    const auto read = [&](std::string_view text) {
        problems = {};
        return read_otlp_section(read_yaml("p.yml", text, problems), problems);
    };
    CHECK(read("{}") == Settings());
    const Settings settings = read(
        "promote_resource_attributes: [a, b]\ntranslation_strategy: NoUTF8EscapingWithSuffixes\n"
        "keep_identifying_resource_attributes: true\nconvert_histograms_to_nhcb: true\n");
    CHECK(settings.promote_resource_attributes == std::vector<std::string>{"a", "b"});
    CHECK(settings.translation == Settings::Translation::NoUtf8EscapingWithSuffixes);
    CHECK(settings.keep_identifying_resource_attributes);
    CHECK(settings.convert_histograms_to_nhcb);
    CHECK_FALSE(problems.any());
    (void)read("promote_all_resource_attributes: true\npromote_resource_attributes: [a]\n");
    CHECK(problems.any());
    (void)read("ignore_resource_attributes: [a]\n");
    CHECK(problems.any());
    (void)read("translation_strategy: Foo\n");
    CHECK(problems.any());
}
