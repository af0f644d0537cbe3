#include "exporter/egress/remote_read.h"

#include <snappy.h>

#include <bit>
#include <catch2/catch.hpp>
#include <random>

#include "exporter/egress/xor_chunk.h"
#include "remote_read.pb.h"
#include "store/crc32c.h"
#include "tests/support/memory_source.h"

using namespace vedette;
using namespace vedette::exporter;

namespace {

/// A slow reader of Prometheus's XOR chunks, bit by bit from its description.
class SlowXorReader {
public:
    explicit SlowXorReader(std::string_view bytes) : bytes_(bytes.substr(2)) {
        count_ = static_cast<unsigned char>(bytes[0]) * 256U + static_cast<unsigned char>(bytes[1]);
    }
    std::vector<std::pair<std::int64_t, std::uint64_t>> read() {
        std::vector<std::pair<std::int64_t, std::uint64_t>> out;
        std::int64_t at = 0, step = 0;
        std::uint64_t value = 0;
        unsigned leading = 0, trailing = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            if (i == 0) {
                const std::uint64_t zigzag = varint();
                at =
                    static_cast<std::int64_t>(zigzag >> 1) ^ -static_cast<std::int64_t>(zigzag & 1);
                value = take(64);
            } else {
                step = i == 1 ? static_cast<std::int64_t>(varint()) : step + change();
                at += step;
                if (take(1) == 1) {
                    if (take(1) == 1) {
                        leading = static_cast<unsigned>(take(5));
                        const auto length = static_cast<unsigned>(take(6));
                        trailing = 64 - leading - (length == 0 ? 64 : length);
                    }
                    value ^= take(64 - leading - trailing) << trailing;
                }
            }
            out.emplace_back(at, value);
        }
        return out;
    }

private:
    std::uint64_t take(unsigned bits) {
        std::uint64_t out = 0;
        for (; bits > 0; --bits, ++at_)
            out = out << 1 | (static_cast<unsigned char>(bytes_.at(at_ / 8)) >> (7 - at_ % 8) & 1);
        return out;
    }
    std::uint64_t varint() {
        std::uint64_t out = 0;
        for (unsigned shift = 0;; shift += 7) {
            const std::uint64_t byte = take(8);
            out |= (byte & 0x7f) << shift;
            if (byte < 0x80) return out;
        }
    }
    std::int64_t change() {
        unsigned ones = 0;
        while (ones < 4 && take(1) == 1) ++ones;
        constexpr unsigned widths[] = {0, 14, 17, 20, 64};
        const unsigned width = widths[ones];
        if (width == 0) return 0;
        auto bits = static_cast<std::int64_t>(take(width));
        if (width < 64 && bits > std::int64_t{1} << (width - 1)) bits -= std::int64_t{1} << width;
        return bits;
    }

    std::string_view bytes_;
    std::size_t count_ = 0, at_ = 0;
};

prometheus::ReadRequest question(const std::string& name, std::int64_t from, std::int64_t to) {
    prometheus::ReadRequest request;
    auto* query = request.add_queries();
    query->set_start_timestamp_ms(from);
    query->set_end_timestamp_ms(to);
    auto* matcher = query->add_matchers();
    matcher->set_type(prometheus::LabelMatcher::RE);
    matcher->set_name("__name__");
    matcher->set_value(name);
    return request;
}

Response ask(MemorySource& source, const prometheus::ReadRequest& message,
             RemoteReadSettings settings = {}, const Labels& external = {}) {
    Request request;
    const std::string bytes = message.SerializeAsString();
    snappy::Compress(bytes.data(), bytes.size(), &request.body);
    return remote_read_route(source, [=] { return external; }, settings).answer(request);
}

prometheus::ReadResponse samples_of(const Response& response) {
    REQUIRE(response.status == 200);
    CHECK(response.content_type == "application/x-protobuf");
    std::string bytes;
    REQUIRE(snappy::Uncompress(response.body.data(), response.body.size(), &bytes));
    prometheus::ReadResponse message;
    REQUIRE(message.ParseFromString(bytes));
    return message;
}

std::vector<prometheus::ChunkedReadResponse> frames_of(const Response& response) {
    REQUIRE(response.status == 200);
    CHECK(response.content_type ==
          "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
    std::vector<prometheus::ChunkedReadResponse> frames;
    std::string_view body = response.body;
    while (!body.empty()) {
        std::size_t size = 0;
        for (unsigned shift = 0;; shift += 7) {
            const auto byte = static_cast<unsigned char>(body[0]);
            body.remove_prefix(1);
            size |= std::size_t{byte & 0x7fU} << shift;
            if (byte < 0x80) break;
        }
        std::uint32_t sum = 0;
        for (int i = 0; i < 4; ++i) sum = sum << 8 | static_cast<unsigned char>(body[i]);
        body.remove_prefix(4);
        CHECK(store::crc32c(body.substr(0, size)) == sum);
        REQUIRE(frames.emplace_back().ParseFromArray(body.data(), static_cast<int>(size)));
        body.remove_prefix(size);
    }
    return frames;
}

std::string name_of(const google::protobuf::RepeatedPtrField<prometheus::Label>& labels) {
    std::string out;
    for (const auto& label : labels) out += label.name() + "=" + label.value() + ";";
    return out;
}

}  // namespace

TEST_CASE("chunks read back bit for bit, whatever times and values are", "[exporter][read]") {
    std::mt19937_64 random(7);
    for (int round = 0; round < 300; ++round) {
        std::vector<Timestamp> times;
        std::vector<double> values;
        std::int64_t at = round % 3 == 0 ? -5'000'000'000 : 1'790'000'000'000;
        double value = 0;
        for (std::size_t i = 0, count = 1 + random() % 130; i < count; ++i) {
            const std::int64_t steps[] = {15'000, 15'000,  15'001,          9'000,
                                          70'000, 500'000, 900'000'000'000, 1};
            at += steps[random() % 8];
            times.push_back({at});
            if (random() % 3 == 0) value += 1.5;
            if (random() % 9 == 0) value = std::bit_cast<double>(random());
            values.push_back(random() % 20 == 0 ? stale_marker() : value);
        }
        const auto read = SlowXorReader(xor_chunk(times, values)).read();
        REQUIRE(read.size() == times.size());
        for (std::size_t i = 0; i < read.size(); ++i) {
            REQUIRE(read[i].first == times[i].ms);
            REQUIRE(read[i].second == std::bit_cast<std::uint64_t>(values[i]));
        }
    }
}

TEST_CASE("samples of both ends are answered, stale markers and histograms among them",
          "[exporter][read]") {
    MemorySource source;
    const Labels up = series_name(R"(up{job="api"})");
    for (const std::int64_t at : {1'000, 2'000, 3'000, 4'000})
        source.add(up, {at}, at == 3'000 ? stale_marker() : 0.5);
    Histogram histogram;
    histogram.count = 3;
    histogram.sum = -1;
    histogram.positive_spans = {{-2, 2}};
    histogram.positive_buckets = {1, 2};
    source.add(series_name("upper"), {2'000}, std::make_shared<const Histogram>(histogram));
    const auto answer = samples_of(ask(source, question("up.*", 2'000, 3'000)));
    REQUIRE(answer.results_size() == 1);
    REQUIRE(answer.results(0).timeseries_size() == 2);
    const auto& series = answer.results(0).timeseries(0);
    CHECK(name_of(series.labels()) == "__name__=up;job=api;");
    REQUIRE(series.samples_size() == 2);
    CHECK(series.samples(0).timestamp() == 2'000);
    CHECK(series.samples(0).value() == 0.5);
    CHECK(is_stale(series.samples(1).value()));
    const auto& read = answer.results(0).timeseries(1).histograms(0);
    CHECK(read.count_float() == 3);
    CHECK(read.positive_spans(0).offset() == -2);
    CHECK(read.positive_counts(1) == 2);
    CHECK(read.timestamp() == 2'000);
}

TEST_CASE("chunks are streamed in frames, each with the query it belongs to", "[exporter][read]") {
    MemorySource source;
    for (std::int64_t at = 0; at < 1'000; ++at)
        source.add(series_name("up"), {at * 1'000}, static_cast<double>(at * at % 7));
    auto message = question("none", 0, 1);
    *message.add_queries() = question("up", 500'000, 2'000'000).queries(0);
    message.add_accepted_response_types(prometheus::ReadRequest::STREAMED_XOR_CHUNKS);
    message.add_accepted_response_types(prometheus::ReadRequest::SAMPLES);
    const auto frames = frames_of(ask(source, message, {.frame_bytes_max = 400}));
    CHECK(frames.size() > 1);
    std::int64_t expected = 500;
    for (const auto& frame : frames) {
        CHECK(frame.query_index() == 1);
        REQUIRE(frame.chunked_series_size() == 1);
        CHECK(name_of(frame.chunked_series(0).labels()) == "__name__=up;");
        for (const auto& chunk : frame.chunked_series(0).chunks()) {
            CHECK(chunk.type() == prometheus::Chunk::XOR);
            const auto samples = SlowXorReader(chunk.data()).read();
            CHECK(chunk.min_time_ms() == samples.front().first);
            CHECK(chunk.max_time_ms() == samples.back().first);
            for (const auto& [at, bits] : samples) {
                CHECK(at == expected * 1'000);
                CHECK(std::bit_cast<double>(bits) == static_cast<double>(expected * expected % 7));
                ++expected;
            }
        }
    }
    CHECK(expected == 1'000);
}

TEST_CASE("histograms turn an answer in chunks into one in samples", "[exporter][read]") {
    MemorySource source;
    source.add(series_name("h"), {1}, std::make_shared<const Histogram>());
    auto message = question("h", 0, 1);
    message.add_accepted_response_types(prometheus::ReadRequest::STREAMED_XOR_CHUNKS);
    const Response refused = ask(source, message);
    CHECK(refused.status == 400);
    CHECK(refused.body ==
          "a series holds native histograms, which are answered as SAMPLES only; accept those "
          "too\n");
    message.add_accepted_response_types(prometheus::ReadRequest::SAMPLES);
    CHECK(samples_of(ask(source, message)).results(0).timeseries(0).histograms_size() == 1);
}

TEST_CASE("external labels are added to series and taken out of the question", "[exporter][read]") {
    MemorySource source;
    source.add(series_name(R"(up{job="api"})"), {1}, 1.0);
    source.add(series_name(R"(up{dc="us"})"), {1}, 2.0);
    const Labels external{{"dc", "eu"}};
    auto message = question("up", 0, 1);
    CHECK(samples_of(ask(source, message, {}, external)).results(0).timeseries_size() == 2);
    auto* matcher = message.mutable_queries(0)->add_matchers();
    matcher->set_name("dc");
    matcher->set_value("eu");
    const auto answer = samples_of(ask(source, message, {}, external));
    CHECK(name_of(answer.results(0).timeseries(1).labels()) == "__name__=up;dc=eu;job=api;");
    matcher->set_value("asia");
    CHECK(samples_of(ask(source, message, {}, external)).results(0).timeseries_size() == 0);
}

TEST_CASE("what is asked badly, or is too much, is refused in words", "[exporter][read]") {
    MemorySource source;
    for (std::int64_t at = 0; at < 10; ++at) source.add(series_name("up"), {at}, 1.0);
    CHECK(ask(source, question("up", 0, 9), {.samples_max = 9}).body ==
          "exceeded sample limit (9)\n");
    CHECK(ask(source, question("up", 0, 9), {.samples_max = 10}).status == 200);
    auto message = question("up", 0, 9);
    message.add_accepted_response_types(static_cast<prometheus::ReadRequest::ResponseType>(7));
    CHECK(ask(source, message).body ==
          "server does not support any of the requested response types; supported: "
          "STREAMED_XOR_CHUNKS, SAMPLES\n");
    Request request;
    request.body = "no snappy";
    const Response response = remote_read_route(source, [] { return Labels(); }).answer(request);
    CHECK(response.status == 400);
    CHECK(response.body == "the body is not compressed with snappy (block format)\n");
}

TEST_CASE("a read request cut anywhere is refused or is a shorter request, never a crash",
          "[exporter][read]") {
    auto message = question("up.*", -5, 1'790'000'000'000);
    message.add_accepted_response_types(prometheus::ReadRequest::STREAMED_XOR_CHUNKS);
    const std::string bytes = message.SerializeAsString();
    const ReadRequest whole = read_read_request(bytes).value();
    REQUIRE(whole.queries.size() == 1);
    CHECK(whole.queries[0].from.ms == -5);
    CHECK(to_string(whole.queries[0].matchers[0]) == "__name__=~\"up.*\"");
    CHECK(whole.accepted ==
          std::vector<ReadRequest::Answer>{ReadRequest::Answer::StreamedXorChunks});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto cut = read_read_request(bytes.substr(0, size));
        if (cut) CHECK(cut->queries.size() <= 1);
        std::string flipped = bytes;
        for (int bit = 0; bit < 8; ++bit) {
            flipped[size] = static_cast<char>(bytes[size] ^ 1 << bit);
            (void)read_read_request(flipped);
        }
    }
    CHECK(read_read_request("\x0a\x05\x08").error().message ==
          "the read request cannot be decoded: it is torn");
    CHECK(read_read_request(std::string("\x0a\x04\x1a\x02\x08\x09", 6)).error().message ==
          "the read request cannot be decoded: a matcher is of type 9");
}
