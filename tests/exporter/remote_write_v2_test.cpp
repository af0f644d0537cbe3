// Remote write 2.0: texts once in a table, what was written in headers.
#include <snappy.h>

#include <catch2/catch.hpp>

#include "core/limits.h"
#include "exporter/ingest/remote_write.h"
#include "exporter/ingest/write_request.h"
#include "remote_v2.pb.h"
#include "tests/support/manual_clock.h"
#include "tests/support/spy_sink.h"

using namespace vedette;
using namespace vedette::exporter;
namespace v2 = io::prometheus::write::v2;

namespace {

const ManualClock wall_clock;

/// up{job="api"} 0.5, with a histogram, an exemplar and metadata if asked.
v2::Request one_series() {
    v2::Request message;
    for (const char* text : {"", "__name__", "up", "job", "api", "Whether it is up.", "seconds"})
        message.add_symbols(text);
    auto* series = message.add_timeseries();
    for (const unsigned ref : {1, 2, 3, 4}) series->add_labels_refs(ref);
    auto* sample = series->add_samples();
    sample->set_value(0.5);
    sample->set_timestamp(1'790'000'000'123);
    return message;
}

v2::Request everything() {
    v2::Request message = one_series();
    auto* series = message.mutable_timeseries(0);
    auto* histogram = series->add_histograms();
    histogram->set_count_float(2.5);
    histogram->set_sum(3.5);
    histogram->set_schema(-53);
    auto* span = histogram->add_positive_spans();
    span->set_length(2);
    for (const double count : {1.5, 1.0}) histogram->add_positive_counts(count);
    histogram->add_custom_values(0.25);
    histogram->set_timestamp(1'790'000'000'124);
    auto* exemplar = series->add_exemplars();
    exemplar->add_labels_refs(3);
    exemplar->add_labels_refs(4);
    exemplar->set_value(-1);
    exemplar->set_timestamp(-5);
    auto* metadata = series->mutable_metadata();
    metadata->set_type(v2::Metadata::GAUGE);
    metadata->set_help_ref(5);
    metadata->set_unit_ref(6);
    series->set_created_timestamp(5);
    return message;
}

Response send(SampleSink& sink, const v2::Request& message) {
    Request request;
    request.method = "POST";
    request.path = "/api/v1/write";
    request.headers = {
        {"content-encoding", "snappy"},
        {"content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"}};
    const std::string bytes = message.SerializeAsString();
    snappy::Compress(bytes.data(), bytes.size(), &request.body);
    return remote_write_route(sink, wall_clock).answer(request);
}

std::string written(const Response& response) {
    std::string out;
    for (const auto& [name, value] : response.headers)
        if (name.starts_with("X-Prometheus-Remote-Write-")) out += name.substr(26, name.size() - 34) + "=" + value + " ";
    return out;
}

std::string labels_of(const WriteRequest::Series& series) {
    return to_string(Labels{std::vector<Label>(series.labels)});
}

}  // namespace

TEST_CASE("what libprotobuf wrote of version 2 is read back field by field", "[exporter][write]") {
    const std::string bytes = everything().SerializeAsString();
    const WriteRequest request = read_write_request_v2(bytes).value();
    REQUIRE(request.series.size() == 1);
    const WriteRequest::Series& series = request.series[0];
    CHECK(series.refusal.empty());
    CHECK(labels_of(series) == R"(up{job="api"})");
    REQUIRE(series.samples.size() == 2);
    CHECK(std::get<double>(series.samples[0].value) == 0.5);
    CHECK(series.samples[0].at.ms == 1'790'000'000'123);
    const Histogram& histogram = *std::get<HistogramRef>(series.samples[1].value);
    CHECK(histogram.count == 2.5);
    CHECK(histogram.schema == -53);
    CHECK(histogram.positive_buckets == std::vector<double>{1.5, 1.0});
    CHECK(histogram.custom_bounds == std::vector<double>{0.25});
    REQUIRE(series.exemplars.size() == 1);
    CHECK(series.exemplars[0].value == -1);
    CHECK(series.exemplars[0].at.ms == -5);
    CHECK(Labels{std::vector<Label>(series.exemplars[0].labels)} == Labels{{"job", "api"}});
    REQUIRE(request.metadata.size() == 1);
    CHECK(request.metadata[0].metric == "up");
    CHECK(request.metadata[0].type == "gauge");
    CHECK(request.metadata[0].help == "Whether it is up.");
    CHECK(request.metadata[0].unit == "seconds");
}

TEST_CASE("metadata is of the family, whichever of its series tells it", "[exporter][write]") {
    const auto metric = [](const char* name, v2::Metadata::MetricType type) {
        v2::Request message = everything();
        message.set_symbols(2, name);
        message.mutable_timeseries(0)->mutable_metadata()->set_type(type);
        const std::string bytes = message.SerializeAsString();
        return std::string(read_write_request_v2(bytes).value().metadata.at(0).metric);
    };
    CHECK(metric("x_bucket", v2::Metadata::HISTOGRAM) == "x");
    CHECK(metric("x_count", v2::Metadata::HISTOGRAM) == "x");
    CHECK(metric("x_count_sum", v2::Metadata::SUMMARY) == "x_count");
    CHECK(metric("x_bucket", v2::Metadata::SUMMARY) == "x_bucket");
    CHECK(metric("x_count", v2::Metadata::COUNTER) == "x_count");
    CHECK(metric("_count", v2::Metadata::SUMMARY) == "_count");
}

TEST_CASE("a request of version 2 cut anywhere never crashes and never invents",
          "[exporter][write]") {
    const std::string bytes = everything().SerializeAsString();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CAPTURE(length);
        const auto request = read_write_request_v2(std::string_view(bytes).substr(0, length));
        // Cut between two fields it is a request of symbols alone.
        if (request) CHECK(request->series.empty());
    }
}

TEST_CASE("with any bit flipped version 2 is read as libprotobuf reads it, or refused",
          "[exporter][write]") {
    const std::string bytes = everything().SerializeAsString();
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
        v2::Request referee;
        const bool readable = referee.ParseFromString(flipped);
        const auto ours = read_write_request_v2(flipped);
        CAPTURE(bit);
        // Texts that are not UTF-8 are refused by libprotobuf at once, by us as labels.
        if (readable && ours)
            CHECK(ours->series.size() == static_cast<std::size_t>(referee.timeseries_size()));
    }
}

TEST_CASE("how much was written is said in headers, all or not", "[exporter][write]") {
    SpySink sink;
    sink.answer.stored = 2;
    Response response = send(sink, everything());
    CHECK(response.status == 204);
    CHECK(written(response) == "Samples=1 Histograms=1 Exemplars=1 ");

    sink.answer = {.stored = 1, .out_of_order = 1, .refused_histograms = 1, .first_rejection = "late"};
    response = send(sink, everything());
    CHECK(response.status == 400);
    CHECK(response.body == "1 of 2 samples were not stored; the first: late\n");
    CHECK(written(response) == "Samples=1 Histograms=0 Exemplars=1 ");

    sink.full = true;
    response = send(sink, everything());
    CHECK(response.status == 503);
    CHECK(written(response) == "Samples=0 Histograms=0 Exemplars=0 ");
}

TEST_CASE("a series that cannot be one is left out, the others are stored", "[exporter][write]") {
    struct Row {
        std::vector<unsigned> refs;
        std::string why;
    };
    const Row row = GENERATE(
        Row{{1, 2, 3}, "3 references to symbols are no pairs of name and value"},
        Row{{1, 2, 3, 44}, "symbol 44 is referred to and there are 7"},
        Row{{1, 2, 3, 4, 3, 2}, "series up{job=\"up\"} has one label name twice"});
    v2::Request message = one_series();
    auto* bad = message.add_timeseries();
    for (const unsigned ref : row.refs) bad->add_labels_refs(ref);
    bad->add_samples()->set_value(1);
    SpySink sink;
    sink.answer.stored = 1;
    const Response response = send(sink, message);
    CHECK(response.status == 400);
    CHECK(response.body == "1 of 2 samples were not stored; the first: " + row.why + "\n");
    CHECK(written(response) == "Samples=1 Histograms=0 Exemplars=0 ");
    REQUIRE(sink.batches.size() == 1);
    CHECK(sink.batches[0].rows.size() == 1);
}

TEST_CASE("a label without a value is no label", "[exporter][write]") {
    v2::Request message = one_series();
    message.mutable_timeseries(0)->set_labels_refs(3, 0);
    SpySink sink;
    sink.answer.stored = 1;
    CHECK(send(sink, message).status == 204);
    CHECK(to_string(sink.seen.at(0)) == "up");
}

TEST_CASE("many references to one long text cost nothing before they are refused",
          "[exporter][write]") {
    v2::Request message = one_series();
    message.set_symbols(4, std::string(limits::labels_bytes_max, 'x'));
    SpySink sink;
    const Response response = send(sink, message);
    CHECK(response.status == 400);
    CHECK(response.body ==
          "1 of 1 samples were not stored; the first: a series has 2 labels of 65549 bytes; at "
          "most 128 of 65536 are taken\n");
    CHECK(sink.seen.empty());
}

TEST_CASE("more parts than a request may have are refused", "[exporter][write]") {
    std::string symbols;
    for (std::size_t i = 0; i <= limits::write_parts_max; ++i) symbols += std::string("\x22\x00", 2);
    CHECK(read_write_request_v2(symbols).error().message ==
          "the request has more than 4000000 symbols, references, samples and series");
}
