#include "exporter/ingest/remote_write.h"

#include <fmt/format.h>
#include <snappy.h>

#include <catch2/catch.hpp>

#include "base/snappy.h"
#include "core/limits.h"
#include "exporter/ingest/write_request.h"
#include "remote.pb.h"
#include "tests/support/manual_clock.h"
#include "tests/support/spy_sink.h"

using namespace vedette;
using namespace vedette::exporter;

namespace {

const ManualClock wall_clock;

Request write_request(const std::string& message) {
    Request request;
    request.method = "POST";
    request.path = "/api/v1/write";
    request.headers = {{"content-encoding", "snappy"}, {"content-type", "application/x-protobuf"}};
    snappy::Compress(message.data(), message.size(), &request.body);
    return request;
}

prometheus::WriteRequest one_series() {
    prometheus::WriteRequest message;
    auto* series = message.add_timeseries();
    for (const auto& [name, value] : {std::pair("__name__", "up"), std::pair("job", "api")}) {
        auto* label = series->add_labels();
        label->set_name(name);
        label->set_value(value);
    }
    auto* sample = series->add_samples();
    sample->set_value(0.5);
    sample->set_timestamp(1'790'000'000'123);
    return message;
}

}  // namespace

TEST_CASE("what libprotobuf wrote is read back field by field", "[exporter][write]") {
    prometheus::WriteRequest message = one_series();
    auto* series = message.mutable_timeseries(0);
    auto* exemplar = series->add_exemplars();
    exemplar->add_labels()->set_name("trace");
    exemplar->mutable_labels(0)->set_value("abc");
    exemplar->set_value(-1);
    exemplar->set_timestamp(-5);
    auto* histogram = series->add_histograms();
    histogram->set_count_int(6);
    histogram->set_sum(3.5);
    histogram->set_schema(-1);
    histogram->set_zero_threshold(0.001);
    histogram->set_zero_count_int(1);
    auto* span = histogram->add_positive_spans();
    span->set_offset(-2);
    span->set_length(3);
    for (const int delta : {2, -1, 1}) histogram->add_positive_deltas(delta);
    histogram->set_reset_hint(prometheus::Histogram::NO);
    histogram->set_timestamp(7);
    auto* metadata = message.add_metadata();
    metadata->set_type(prometheus::MetricMetadata::GAUGE);
    metadata->set_metric_family_name("up");

    const std::string bytes = message.SerializeAsString();
    const WriteRequest request = read_write_request(bytes).value();
    REQUIRE(request.series.size() == 1);
    CHECK(to_string(Labels{std::vector<Label>(request.series[0].labels)}) == R"(up{job="api"})");
    REQUIRE(request.series[0].samples.size() == 2);
    CHECK(std::get<double>(request.series[0].samples[0].value) == 0.5);
    CHECK(request.series[0].samples[0].at.ms == 1'790'000'000'123);
    const Histogram& read = *std::get<HistogramRef>(request.series[0].samples[1].value);
    CHECK(read.count == 6);
    CHECK(read.schema == -1);
    CHECK(read.positive_spans == std::vector<Histogram::Span>{{-2, 3}});
    CHECK(read.positive_buckets == std::vector<double>{2, 1, 2});
    CHECK(read.reset_hint == Histogram::ResetHint::NotReset);
    CHECK(request.series[0].samples[1].at.ms == 7);
    REQUIRE(request.series[0].exemplars.size() == 1);
    CHECK(request.series[0].exemplars[0].at.ms == -5);
    REQUIRE(request.metadata.size() == 1);
    CHECK(request.metadata[0].type == "gauge");
}

TEST_CASE("a histogram that cannot be one is refused by what is wrong with it",
          "[exporter][write]") {
    prometheus::WriteRequest message = one_series();
    auto* histogram = message.mutable_timeseries(0)->add_histograms();
    histogram->set_count_int(6);
    auto* span = histogram->add_positive_spans();
    span->set_length(2);
    for (const int delta : {2, 1}) histogram->add_positive_deltas(delta);
    const auto error = [&] {
        const auto read = read_write_request(message.SerializeAsString());
        return read ? std::string() : read.error().message;
    };
    CHECK(error() ==
          "series 1 of the request: 5 observations found in buckets, but the Count field is 6: "
          "histogram's observation count should equal the number of observations found in the "
          "buckets (in absence of NaN)");
    histogram->set_count_int(5);
    CHECK(error().empty());
    span->set_length(3);
    CHECK(error() ==
          "series 1 of the request: positive side: spans need 3 buckets, have 2 buckets: histogram "
          "spans specify different number of buckets than provided");
    span->set_length(2);
    histogram->set_schema(9);
    CHECK(error() == "series 1 of the request: histogram has the unknown schema 9");
}

TEST_CASE("a request cut anywhere is refused or is a shorter request, never a crash",
          "[exporter][write]") {
    const std::string bytes = one_series().SerializeAsString();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CAPTURE(length);
        const auto request = read_write_request(std::string_view(bytes).substr(0, length));
        CHECK(request.has_value() == (length == 0));
    }
}

TEST_CASE("with any bit flipped the reader takes no more than libprotobuf does",
          "[exporter][write]") {
    const std::string bytes = one_series().SerializeAsString();
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
        prometheus::WriteRequest referee;
        const bool readable = referee.ParseFromString(flipped);
        const auto ours = read_write_request(flipped);
        CAPTURE(bit);
        if (!readable) CHECK_FALSE(ours.has_value());
        if (ours) CHECK(ours->series.size() == static_cast<std::size_t>(referee.timeseries_size()));
    }
}

TEST_CASE("samples reach the sink before the answer", "[exporter][write]") {
    SpySink sink;
    sink.answer.stored = 1;
    const Response response =
        remote_write_route(sink, wall_clock).answer(write_request(one_series().SerializeAsString()));
    CHECK(response.status == 204);
    REQUIRE(sink.batches.size() == 1);
    CHECK(sink.batches[0].rows.size() == 1);
    CHECK(to_string(sink.seen[0]) == R"(up{job="api"})");
}

TEST_CASE("what cannot be stored in time is said, what the store has no room for may come again",
          "[exporter][write]") {
    SpySink sink;
    sink.answer = {.stored = 3, .out_of_order = 1, .first_rejection = "up{} at 5 is older than 6"};
    Response response =
        remote_write_route(sink, wall_clock).answer(write_request(one_series().SerializeAsString()));
    CHECK(response.status == 400);
    CHECK(response.body ==
          "1 of 4 samples were not stored; the first: up{} at 5 is older than 6\n");
    sink.full = true;
    response = remote_write_route(sink, wall_clock).answer(write_request(one_series().SerializeAsString()));
    CHECK(response.status == 503);
    CHECK(response.body == "the store holds its 2 series; raise storage.series_max\n");
}

TEST_CASE("a job at its limit loses its new series, and nobody else of the request waits",
          "[exporter][write]") {
    SpySink sink;
    sink.answer.stored = 1;
    sink.full_job = "greedy";
    prometheus::WriteRequest message = one_series();
    *message.add_timeseries() = message.timeseries(0);
    message.mutable_timeseries(0)->mutable_labels(1)->set_value("greedy");
    const Response response =
        remote_write_route(sink, wall_clock).answer(write_request(message.SerializeAsString()));
    CHECK(response.status == 400);
    CHECK(response.body ==
          "1 of 2 samples were not stored; the first: the job greedy holds its 2 series\n");
    REQUIRE(sink.batches.size() == 1);
    CHECK(sink.batches[0].rows.size() == 1);
    CHECK(to_string(sink.seen[0]) == R"(up{job="api"})");
}

TEST_CASE("samples far ahead of our clock are refused, the others of their request are not",
          "[exporter][write]") {
    SpySink sink;
    sink.answer.stored = 1;
    prometheus::WriteRequest message = one_series();
    auto* late = message.mutable_timeseries(0)->add_samples();
    late->set_value(1);
    late->set_timestamp(wall_clock.now().ms + 600'001);
    const Response response =
        remote_write_route(sink, wall_clock).answer(write_request(message.SerializeAsString()));
    CHECK(response.status == 400);
    CHECK(response.body ==
          "1 of 2 samples were not stored; the first: a sample is at " +
              format_rfc3339(wall_clock.now() + Milliseconds(600'001)) +
              ", more than 10m ahead of this machine's clock\n");
    REQUIRE(sink.batches.size() == 1);
    CHECK(sink.batches[0].rows.size() == 1);
}

TEST_CASE("bodies that are no remote write are refused by name", "[exporter][write]") {
    SpySink sink;
    const Route route = remote_write_route(sink, wall_clock);
    Request request = write_request("\x0a\x05zz");
    CHECK(route.answer(request).body == "the body is no prometheus.WriteRequest\n");
    request.body = "not snappy";
    CHECK(route.answer(request).status == 400);
    const auto refused = [&](std::size_t header, std::string value) {
        request = write_request(one_series().SerializeAsString());
        request.headers[header].second = std::move(value);
        const Response response = route.answer(request);
        return response.status == 415 ? response.body : fmt::format("{}", response.status);
    };
    CHECK(refused(0, "gzip") == "encoding \"gzip\" is not taken; Content-Encoding: snappy is\n");
    CHECK(refused(0, "") == "204");
    CHECK(refused(1, "application/json") ==
          "content type \"application/json\" is not taken; application/x-protobuf is\n");
    CHECK(refused(1, "application/x-protobuf; proto=other") ==
          "message other is not taken; prometheus.WriteRequest and io.prometheus.write.v2.Request "
          "are\n");
    CHECK(refused(1, "application/x-protobuf ;proto=prometheus.WriteRequest") == "204");
    request = write_request(prometheus::WriteRequest().SerializeAsString());
    CHECK(route.answer(request).status == 204);
}

TEST_CASE("a bomb is refused before it is decoded", "[exporter][write]") {
    const std::string zeros(limits::write_decoded_bytes_max + 1, '\0');
    std::string compressed;
    snappy::Compress(zeros.data(), zeros.size(), &compressed);
    CHECK(uncompress_snappy(compressed, limits::write_decoded_bytes_max).error().message ==
          "the body would be 67108865 bytes uncompressed; at most 67108864 are taken");
    std::string empty_series;
    for (std::size_t i = 0; i <= limits::write_parts_max; ++i)
        empty_series += std::string("\x0a\x00", 2);
    CHECK(read_write_request(empty_series).error().message ==
          "the request has more than 4000000 labels, samples and series");
}

TEST_CASE("one name twice in a series is refused", "[exporter][write]") {
    prometheus::WriteRequest message = one_series();
    auto* label = message.mutable_timeseries(0)->add_labels();
    label->set_name("job");
    label->set_value("other");
    SpySink sink;
    const Response response =
        remote_write_route(sink, wall_clock).answer(write_request(message.SerializeAsString()));
    CHECK(response.status == 400);
    CHECK(response.body == "series up{job=\"other\"} has one label name twice\n");
}
