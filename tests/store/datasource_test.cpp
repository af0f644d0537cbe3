#include "store/remote/datasource.h"

#include <fmt/format.h>

#include <bit>
#include <catch2/catch.hpp>
#include <deque>

#include "base/snappy.h"
#include "base/yaml.h"
#include "core/wire_series.h"
#include "store/remote/joined.h"
#include "store/remote/read_json.h"
#include "store/crc32c.h"
#include "store/remote/read_messages.h"
#include "store/remote/xor_reader.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

using namespace vedette;
using namespace vedette::store;
using namespace std::chrono_literals;

namespace {

const std::vector<Matcher> up{{Matcher::Op::Equal, "__name__", "up"}};
const Window ten_minutes{{1'000'000}, {1'600'000}};

/// What another server says, one answer after the other, and what it was asked.
struct Peer {
    struct Asked {
        std::string method, url, body, type;
    };
    std::deque<HttpOutcome> answers;
    std::vector<Asked> asked;
    std::vector<std::string> notices;
    ManualClock clock;
    Milliseconds takes{0};
    Log log{LogSettings{}};
    Metrics metrics;

    DatasourceDoors doors() {
        return {[this](HttpCall call, Milliseconds, const std::stop_token& stop) -> HttpOutcome {
                    std::string type;
                    for (const auto& [name, value] : call.headers)
                        if (name == "Content-Type") type = value;
                    asked.push_back({call.method, call.url, call.body, type});
                    clock.wind(takes);
                    if (stop.stop_requested())
                        return failure({Fault::Cancelled, "stopped"});
                    if (answers.empty()) return failure({Fault::Unavailable, "connection refused"});
                    HttpOutcome out = std::move(answers.front());
                    answers.pop_front();
                    return out;
                },
                clock, log, metrics, [this](const std::string& text, bool holds) {
                    notices.push_back((holds ? "+ " : "- ") + text);
                }};
    }
    static HttpOutcome failure(Error error) {
        return tl::unexpected(HttpFailure{std::move(error), "connect", {}, "", 0, {}});
    }
    Peer& says(int status, std::string body, std::string type = "application/json") {
        HttpAnswer answer;
        answer.status = status;
        answer.body = std::move(body);
        answer.body_bytes = answer.body.size();
        answer.headers = {{"content-type", std::move(type)}};
        answers.emplace_back(std::move(answer));
        return *this;
    }
    Peer& is_silent(std::string why) {
        answers.push_back(failure({Fault::Timeout, std::move(why)}));
        return *this;
    }
    double metric(std::string_view name) {
        for (const MetricFamily& family : metrics.collect())
            if (family.name == name) return family.points.at(0).value;
        return -1;
    }
};

DatasourceSettings settings(DatasourceSettings::Read read) {
    DatasourceSettings out;
    out.url = "http://far:9090/prometheus";
    out.read = read;
    out.http = std::make_shared<const HttpSettings>();
    return out;
}

/// `up{job="a"} 1@1000 stale@2000`, one series a line.
std::string text_of(SeriesCursor& cursor) {
    std::string out;
    for (Column column; cursor.next(column);) {
        out += to_string(*column.labels);
        for (std::size_t i = 0; i < column.times.size(); ++i) {
            const bool histogram = !column.histograms.empty() && column.histograms[i];
            out += histogram ? fmt::format(" h{}", column.histograms[i]->count)
                   : is_stale(column.floats[i])
                       ? std::string(" stale")
                       : " " + format_value(column.floats[i]);
            out += fmt::format("@{}", column.times[i].ms);
        }
        out += "\n";
    }
    return out;
}

std::string answer(SeriesSource& source, Hints hints = {}, Window window = ten_minutes) {
    auto cursor = source.select(up, window, hints, {});
    return cursor ? text_of(**cursor)
                  : fmt::format("{}: {}", to_string(cursor.error().fault), cursor.error().message);
}

std::string series_message(const Labels& labels, const std::vector<Sample>& samples) {
    std::string series, result, out;
    WireWriter writer(series);
    write_labels(writer, 1, labels);
    for (const Sample& sample : samples) write_sample(series, sample);
    WireWriter(result).bytes_field(1, series);
    WireWriter(out).bytes_field(1, result);
    return out;
}

/// Three samples, 15 s apart: 1, 1 and 2.5; by hand from the description of the encoding.
///   count 3 │ 1'001'000 zigzag │ 1.0 │ +15000 varint │ 0: same │ 0: no change │ 11, leading 1,
///   length 13 (bits 50 to 62), the bits that changed
std::string xor_bytes() {
    std::string bits;
    const auto put = [&](std::uint64_t value, unsigned count) {
        while (count-- > 0) bits += (value >> count & 1) != 0 ? '1' : '0';
    };
    put(3, 16);
    for (std::uint64_t zigzag = 2'002'000; ; zigzag >>= 7) {
        put(zigzag >= 0x80 ? (zigzag & 0x7f) | 0x80 : zigzag, 8);
        if (zigzag < 0x80) break;
    }
    put(std::bit_cast<std::uint64_t>(1.0), 64);
    put((15'000 & 0x7f) | 0x80, 8);
    put((15'000 >> 7 & 0x7f) | 0x80, 8);
    put(15'000 >> 14, 8);
    put(0, 1);
    put(0, 1);
    const std::uint64_t changed =
        std::bit_cast<std::uint64_t>(1.0) ^ std::bit_cast<std::uint64_t>(2.5);
    put(0b11, 2);
    put(static_cast<unsigned>(std::countl_zero(changed)), 5);
    const unsigned length = 64U - static_cast<unsigned>(std::countl_zero(changed)) -
                            static_cast<unsigned>(std::countr_zero(changed));
    put(length, 6);
    put(changed >> std::countr_zero(changed), length);
    while (bits.size() % 8 != 0) bits += '0';
    std::string bytes;
    for (std::size_t i = 0; i < bits.size(); i += 8)
        bytes += static_cast<char>(std::stoi(bits.substr(i, 8), nullptr, 2));
    return bytes;
}

std::string frame(const Labels& labels, const std::string& data, std::uint64_t type = 1) {
    std::string chunk, series, message, out;
    WireWriter inner(chunk);
    inner.varint_field(3, type);
    inner.bytes_field(4, data);
    WireWriter writer(series);
    write_labels(writer, 1, labels);
    writer.bytes_field(2, chunk);
    WireWriter(message).bytes_field(1, series);
    WireWriter(out).varint(message.size());
    const std::uint32_t sum = crc32c(message);
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(sum >> shift & 0xff);
    return out + message;
}

constexpr const char* streamed = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

}  // namespace

TEST_CASE("a read brings samples, stale markers and histograms in order, and only the window's",
          "[store][datasource]") {
    Peer peer;
    Datasource source(peer.doors());
    source.load(settings(DatasourceSettings::Read::RemoteRead));
    Histogram histogram;
    histogram.count = 3;
    histogram.positive_spans = {{0, 1}};
    histogram.positive_buckets = {3};
    const std::string message =
        series_message(series_name(R"(up{job="b"})"),
                       {{{1'600'001}, 9.0}, {{1'500'000}, 1.5}, {{1'500'001}, stale_marker()}}) +
        series_message(series_name(R"(up{job="a"})"),
                       {{{1'000'000}, 1.0},
                        {{1'200'000}, std::make_shared<const Histogram>(histogram)},
                        {{1'100'000}, 2.0}}) +
        series_message(series_name(R"(up{job="b"})"), {{{1'400'000}, 4.0}, {{1'500'000}, 7.0}}) +
        series_message(series_name(R"(up{job="none"})"), {});
    peer.says(200, compress_snappy(message), "application/x-protobuf");
    CHECK(answer(source) == "up{job=\"a\"} 2@1100000 h3@1200000\n"
                            "up{job=\"b\"} 4@1400000 1.5@1500000 stale@1500001\n");
    REQUIRE(peer.asked.size() == 1);
    CHECK(peer.asked[0].method == "POST");
    CHECK(peer.asked[0].url == "http://far:9090/prometheus/api/v1/read");
    CHECK(peer.metric("vedette_datasource_samples_total") == 5 + 1);
}

TEST_CASE("a long window is asked for as chunks, and again as samples when they are histograms",
          "[store][datasource]") {
    Peer peer;
    Datasource source(peer.doors());
    source.load(settings(DatasourceSettings::Read::RemoteRead));
    const Window hours{{1'000'000}, {9'000'000}};
    const Labels labels = series_name(R"(up{job="a"})");
    peer.says(200, frame(labels, xor_bytes()) + frame(series_name("up"), xor_bytes()), streamed);
    const std::string samples = " 1@1001000 1@1016000 2.5@1031000\n";
    CHECK(answer(source, {}, hours) == "up" + samples + "up{job=\"a\"}" + samples);
    peer.says(200, frame(labels, xor_bytes()) + frame(labels, "whatever", 2), streamed);
    peer.says(200, compress_snappy(series_message(labels, {{{2'000'000}, 3.0}})),
              "application/x-protobuf");
    CHECK(answer(source, {}, hours) == "up{job=\"a\"} 3@2000000\n");
    REQUIRE(peer.asked.size() == 3);
    CHECK(peer.asked[1].body == compress_snappy(read_request(up, hours, {}, true)));
    CHECK(peer.asked[2].body == compress_snappy(read_request(up, hours, {}, false)));
}

TEST_CASE("an answer of remote read that is cut anywhere is refused, never half taken",
          "[store][datasource]") {
    const std::string whole = frame(series_name("up"), xor_bytes());
    for (std::size_t size = 1; size < whole.size(); ++size) {
        Gathering out(ten_minutes, 100);
        CAPTURE(size);
        CHECK_FALSE(read_chunks(std::string_view(whole).substr(0, size), out));
    }
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        std::string flipped = whole;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
        Gathering out(ten_minutes, 100);
        CAPTURE(bit);
        CHECK_FALSE(read_chunks(flipped, out));
    }
    const std::string chunk = xor_bytes();
    for (std::size_t size = 0; size < chunk.size(); ++size) {
        std::vector<Timestamp> times;
        std::vector<double> values;
        CAPTURE(size);
        CHECK_FALSE(read_xor_chunk(std::string_view(chunk).substr(0, size), times, values));
    }
    const std::string message = series_message(series_name("up"), {{{1'100'000}, 2.0}});
    for (std::size_t size = 1; size < message.size(); ++size) {
        Gathering out(ten_minutes, 100);
        CHECK_FALSE(read_samples(std::string_view(message).substr(0, size), out));
    }
}

TEST_CASE("the query API is asked for a range, and which series have not ended",
          "[store][datasource]") {
    Peer peer;
    Datasource source(peer.doors());
    source.load(settings(DatasourceSettings::Read::Query));
    const std::string matrix =
        R"({"status":"success","data":{"resultType":"matrix","result":[)"
        R"({"metric":{"__name__":"up","job":"a"},"values":[[1000,"7"],[1100.5,"1"],[1200,"NaN"]]},)"
        R"({"values":[[1300,"-Inf"],[1400,"1e+06"]],"metric":{"__name__":"up"}}]}})";
    peer.says(200, matrix);
    CHECK(answer(source) == "up -Inf@1300000 1e+06@1400000\n"
                            "up{job=\"a\"} 1@1100500 NaN@1200000\n");
    peer.says(200, matrix);
    peer.says(200, R"({"status":"success","data":{"resultType":"vector","result":[)"
                   R"({"metric":{"__name__":"up"},"value":[1600,"1e+06"]}]}})");
    CHECK(answer(source, {.latest_only = true}) == "up -Inf@1300000 1e+06@1400000\n");
    REQUIRE(peer.asked.size() == 3);
    CHECK(peer.asked[0].url == "http://far:9090/prometheus/api/v1/query");
    CHECK(peer.asked[0].body == "query=%7B__name__%3D%22up%22%7D%5B600000ms%5D&time=1600.000");
    CHECK(peer.asked[2].body ==
          "query=%7B__name__%3D%22up%22%7D&time=1600.000&lookback_delta=600000ms");
}

TEST_CASE("what no query API answers is refused in words", "[store][datasource]") {
    const auto refusal = [](const std::string& json) {
        Gathering out(ten_minutes, 2);
        const auto done = read_matrix(json, out);
        return done ? std::string("taken") : done.error().message;
    };
    const auto series = [](const std::string& inside) {
        return R"({"status":"success","data":{"result":[{"metric":{"a":"b"},)" + inside + "}]}}";
    };
    CHECK(refusal(series(R"("values":[])")) == "taken");
    CHECK(refusal("<html>") == "the answer cannot be read: it is no JSON");
    CHECK(refusal("{}") ==
          "the answer cannot be read: it has no `status` of success with a `result`");
    CHECK(refusal(R"({"status":"error","error":"too many samples"})") == "too many samples");
    const std::string point = "the answer cannot be read: a point is no time with a value";
    CHECK(refusal(series(R"("values":[[1]])")) == point);
    CHECK(refusal(series(R"("values":[["1","2"]])")) == point);
    CHECK(refusal(series(R"("values":[[1,"2","3"]])")) == point);
    CHECK(refusal(series(R"("values":[[1,null]])")) == point);
    CHECK(refusal(series(R"("values":[[1,2]])")) ==
          "the answer cannot be read: a point has a value that is no text");
    CHECK(refusal(series(R"("values":[[1e300,"2"]])")) ==
          "the answer cannot be read: a time is out of range");
    CHECK(refusal(series(R"("values":[[1200,"1"],[1201,"1"],[1202,"1"]])")) ==
          "a selector selects more than 2 samples there; ask for less");
    CHECK(refusal(series(R"("histograms":[[1,{"count":"1"}]])")) ==
          "{a=\"b\"} has native histograms, which only remote read gives");
    CHECK(refusal(R"({"status":"success","data":{"result":[{"metric":{"a":1}}]}})") ==
          "the answer cannot be read: a label has no text for a value");
    const std::string whole = series(R"("values":[[1200,"1"]])");
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(refusal(whole.substr(0, size)) == "the answer cannot be read: it is no JSON");
}

TEST_CASE("an export brings stale markers, which VictoriaMetrics writes as null",
          "[store][datasource]") {
    Peer peer;
    Datasource source(peer.doors());
    source.load(settings(DatasourceSettings::Read::Export));
    peer.says(200, R"({"metric":{"__name__":"up"},"values":[1,null,"Infinity","-Infinity",-2.5e-3],)"
                   R"("timestamps":[1100000,1100001,1200000,1300000,1400000]})"
                   "\n");
    CHECK(answer(source) == "up 1@1100000 stale@1100001 +Inf@1200000 -Inf@1300000 -0.0025@1400000\n");
    CHECK(peer.asked[0].url == "http://far:9090/prometheus/api/v1/export");
    CHECK(peer.asked[0].body ==
          "match%5B%5D=%7B__name__%3D%22up%22%7D&start=1000.001&end=1600.000&max_rows_per_line="
          "10000");
    peer.says(200, R"({"metric":{"__name__":"up"},"values":[1],"timestamps":[]})");
    CHECK(answer(source) ==
          "corrupt: datasource http://far:9090/prometheus: the answer cannot be read: a line is no "
          "`metric` with as many `values` as `timestamps`");
    // As 1.79 writes a first value that is no number.
    peer.says(200, R"({"metric":{"a":"\"values\":[NaN"},"values":[NaN,1],"timestamps":[1100000,1100001]})"
                   "\n"
                   R"({"metric":{"b":"1"},"values":[+Inf],"timestamps":[1100000]})"
                   "\n"
                   R"({"metric":{"b":"2"},"values":[-Inf],"timestamps":[1100000]})");
    CHECK(answer(source) == "{a=\"\\\"values\\\":[NaN\"} stale@1100000 1@1100001\n"
                            "{b=\"1\"} +Inf@1100000\n{b=\"2\"} -Inf@1100000\n");
    const std::string whole = R"({"metric":{"a":"b"},"values":[1.5],"timestamps":[1]})";
    for (std::size_t size = 1; size < whole.size(); ++size) {
        Gathering out(ten_minutes, 10);
        CHECK_FALSE(read_export(whole.substr(0, size), out));
    }
}

TEST_CASE("how a server is read is found out by asking for nothing", "[store][datasource]") {
    struct Row {
        const char* what;
        std::vector<std::pair<int, std::string>> says;
        const char* last_url;
    };
    const std::string none = R"({"status":"success","data":{"result":[]}})";
    const auto row = GENERATE_COPY(values<Row>({
        {"it has remote read", {{200, compress_snappy("")}, {200, compress_snappy("")}}, "/api/v1/read"},
        {"it is VictoriaMetrics", {{400, "unsupported path"}, {200, ""}, {200, ""}}, "/api/v1/export"},
        {"it has the query API alone", {{404, ""}, {404, ""}, {200, none}}, "/api/v1/query"},
        {"it serves a page for every path", {{200, "<html>"}, {200, "<html>"}, {200, none}}, "/api/v1/query"},
    }));
    CAPTURE(row.what);
    Peer peer;
    Datasource source(peer.doors());
    source.load(settings(DatasourceSettings::Read::Auto));
    for (const auto& [status, body] : row.says) peer.says(status, body);
    CHECK(answer(source) == "");
    CHECK(peer.asked.back().url == std::string("http://far:9090/prometheus") + row.last_url);
    const std::size_t asked = peer.asked.size();
    peer.says(row.says.back().first, row.says.back().second);
    CHECK(answer(source) == "");
    CHECK(peer.asked.size() == asked + 1);  // once is enough
}

TEST_CASE("a server that does not answer is named, told about, and left alone for a while",
          "[store][datasource]") {
    Peer peer;
    Datasource source(peer.doors());
    source.load(settings(DatasourceSettings::Read::RemoteRead));
    CHECK(peer.metric("vedette_datasource_up") == 1);
    peer.takes = 10s;
    peer.is_silent("no answer in 10 s");
    const std::string down = "unavailable: datasource http://far:9090/prometheus: no answer in 10 s";
    CHECK(answer(source) == down);
    CHECK(peer.metric("vedette_datasource_up") == 0);
    CHECK(peer.notices ==
          std::vector<std::string>{"+ The datasource http://far:9090/prometheus does not answer."});
    CHECK(answer(source) == down);
    peer.clock.wind(19s);
    CHECK(answer(source) == down);
    CHECK(peer.asked.size() == 1);
    CHECK(peer.metric("vedette_datasource_requests_unsent_total") == 2);
    peer.clock.wind(1s);
    peer.takes = 0s;
    peer.says(200, compress_snappy(""), "application/x-protobuf");
    CHECK(answer(source) == "");
    CHECK(peer.metric("vedette_datasource_up") == 1);
    CHECK(peer.notices.back() == "- The datasource http://far:9090/prometheus does not answer.");
}

TEST_CASE("an answer that refuses is an error with the server's words", "[store][datasource]") {
    struct Row {
        int status;
        const char* body;
        const char* error;
        double up;
    };
    const auto row = GENERATE(values<Row>({
        {400, "exceeded sample limit (5)\n", "bad input: answered 400: exceeded sample limit (5)", 1},
        {422, R"({"status":"error","error":"query timed\nout"})", "bad input: answered 422: query timed out", 1},
        {500, "", "unavailable: answered 500", 1},
        {401, "Unauthorized", "unavailable: answered 401: Unauthorized", 0},
        {503, "starting", "unavailable: answered 503: starting", 0},
    }));
    Peer peer;
    Datasource source(peer.doors());
    source.load(settings(DatasourceSettings::Read::RemoteRead));
    peer.says(row.status, row.body, "text/plain");
    std::string expected = row.error;
    expected.insert(expected.find(": ") + 2, "datasource http://far:9090/prometheus: ");
    CHECK(answer(source) == expected);
    CHECK(peer.metric("vedette_datasource_up") == row.up);
}

TEST_CASE("who stops waiting does not make the server look dead", "[store][datasource]") {
    Peer peer;
    Datasource source(peer.doors());
    source.load(settings(DatasourceSettings::Read::RemoteRead));
    std::stop_source stop;
    stop.request_stop();
    CHECK(source.select(up, ten_minutes, {}, stop.get_token()).error().fault == Fault::Cancelled);
    CHECK(peer.metric("vedette_datasource_up") == 1);
}

TEST_CASE("an answer longer than its limit is refused by name", "[store][datasource]") {
    Peer peer;
    Datasource source(peer.doors());
    source.load(settings(DatasourceSettings::Read::RemoteRead));
    peer.says(200, "half", "application/x-protobuf");
    peer.answers.back()->body_cut = true;
    CHECK(answer(source) == "limit reached: datasource http://far:9090/prometheus: an answer of more "
                            "than 4 bytes; ask for less");
}

TEST_CASE("names are asked for with selectors and times, and read sorted", "[store][datasource]") {
    Peer peer;
    Datasource source(peer.doors());
    source.load(settings(DatasourceSettings::Read::RemoteRead));
    const std::vector<std::vector<Matcher>> selectors{up};
    peer.says(200, R"({"status":"success","data":["job","__name__"]})");
    CHECK(source.label_names(selectors, ten_minutes).value() ==
          std::vector<std::string>{"__name__", "job"});
    CHECK(peer.asked.back().url == "http://far:9090/prometheus/api/v1/labels");
    CHECK(peer.asked.back().body ==
          "match%5B%5D=%7B__name__%3D%22up%22%7D&start=1000.001&end=1600.000");
    peer.says(200, R"({"status":"success","data":["b","a"]})");
    constexpr Window always{{-9'000'000'000'000'001}, {9'000'000'000'000'000}};
    CHECK(source.label_values("http.é_x", {}, always).value() == std::vector<std::string>{"a", "b"});
    CHECK(peer.asked.back().method == "GET");
    CHECK(peer.asked.back().url ==
          "http://far:9090/prometheus/api/v1/label/U__http_2e__e9___x/values");
    peer.says(200, R"({"status":"success","data":[{"__name__":"up","job":"b"},{"__name__":"up"}]})");
    const auto series = source.series_in({}, always).value();
    REQUIRE(series.size() == 2);
    CHECK(to_string(series[1]) == "up{job=\"b\"}");
    CHECK(peer.asked.back().body == "match%5B%5D=%7B__name__%3D~%22.%2B%22%7D");
    peer.says(200, R"({"status":"success","data":{}})");
    CHECK(source.label_names({}, always).error().message ==
          "datasource http://far:9090/prometheus: the answer cannot be read: its `data` is no list");
}

namespace {

/// Names of a MemorySource.
class MemoryNames final : public LabelSource {
public:
    Result<std::vector<std::string>> label_names(Selectors, Window) override { return {{"a", "c"}}; }
    Result<std::vector<std::string>> label_values(std::string_view, Selectors, Window) override {
        return {{"own"}};
    }
    Result<std::vector<Labels>> series_in(Selectors, Window) override {
        return {{Labels{{"a", "own"}}}};
    }
};

class NothingPrepared final : public SelectorPreparer {
public:
    Result<std::unique_ptr<PreparedSelector>> prepare(std::vector<Matcher>) override {
        return fail(Fault::NotFound, "nothing is prepared here");
    }
};

}  // namespace

TEST_CASE("of a series that both have, our own sample holds at one time", "[store][datasource]") {
    MemorySource own;
    MemoryNames names;
    Peer peer;
    Datasource other(peer.doors());
    NothingPrepared nothing;
    Joined joined(own, names, nothing, other);
    const Labels b = series_name(R"(up{job="b"})");
    own.add(series_name(R"(up{job="a"})"), {1'100'000}, 1.0);
    own.add(b, {1'200'000}, 2.0);
    own.add(b, {1'300'000}, stale_marker());
    SECTION("without a datasource our own store answers alone") {
        CHECK(answer(joined) == "up{job=\"a\"} 1@1100000\nup{job=\"b\"} 2@1200000 stale@1300000\n");
        CHECK(joined.label_names({}, ten_minutes).value() == std::vector<std::string>{"a", "c"});
        CHECK(peer.asked.empty());
    }
    SECTION("with one the answer is both together") {
        other.load(settings(DatasourceSettings::Read::RemoteRead));
        Histogram histogram;
        histogram.count = 5;
        const std::string message =
            series_message(b, {{{1'150'000}, std::make_shared<const Histogram>(histogram)},
                               {{1'200'000}, 9.0},
                               {{1'400'000}, 3.0}}) +
            series_message(series_name(R"(up{job="c"})"), {{{1'100'000}, 4.0}});
        peer.says(200, compress_snappy(message), "application/x-protobuf");
        CHECK(answer(joined) == "up{job=\"a\"} 1@1100000\n"
                                "up{job=\"b\"} h5@1150000 2@1200000 stale@1300000 3@1400000\n"
                                "up{job=\"c\"} 4@1100000\n");
        peer.says(200, R"({"status":"success","data":["b","c"]})");
        CHECK(joined.label_names({}, ten_minutes).value() ==
              std::vector<std::string>{"a", "b", "c"});
    }
    SECTION("half an answer is none") {
        other.load(settings(DatasourceSettings::Read::RemoteRead));
        CHECK(answer(joined) ==
              "unavailable: datasource http://far:9090/prometheus: connection refused");
        CHECK_FALSE(joined.series_in({}, ten_minutes));
    }
    SECTION("local names are not asked for") {
        DatasourceSettings local = settings(DatasourceSettings::Read::RemoteRead);
        local.local_names = "vedette_.*|up";
        other.load(local);
        CHECK(answer(joined) == "up{job=\"a\"} 1@1100000\nup{job=\"b\"} 2@1200000 stale@1300000\n");
        const std::vector<std::vector<Matcher>> selectors{up};
        CHECK(joined.label_values("job", selectors, ten_minutes).value() ==
              std::vector<std::string>{"own"});
        CHECK(peer.asked.empty());
        const std::vector<Matcher> other_name{{Matcher::Op::Equal, "__name__", "upper"}};
        CHECK(other.knows(other_name));
    }
}

TEST_CASE("the section `datasource` is read, and what is wrong in it is named",
          "[store][datasource]") {
    const auto read = [](const std::string& text, DatasourceSettings& out) {
        Problems problems;
        out = read_datasource_section(read_yaml("v.yml", text, problems), problems);
        std::string all;
        for (const Problem& problem : problems.all())
            all += fmt::format("{}:{}: {}\n", problem.mark.line, problem.mark.column, problem.message);
        return all;
    };
    DatasourceSettings out;
    CHECK(read("{url: 'https://u:p@far/x//', read: export, timeout: 3s, local_names: 'a.*',\n"
               " basic_auth: {username: u, password: p}, http_headers: {X-Scope-OrgID: {values: [a]}}}",
               out) == "");
    CHECK(out.url == "https://u:p@far/x");
    CHECK(out.read == DatasourceSettings::Read::Export);
    CHECK(out.timeout == 3s);
    CHECK(out.local_names == "a.*");
    CHECK(out.http->basic_auth->username == "u");
    CHECK(read("{url: 'ftp://far', timeout: 0s, local_names: '(', reed: x, read: fast}", out) ==
          "1:7: `ftp://far` is no http or https URL without a query\n"
          "1:66: `read` of datasource is `fast`; expected one of `auto`, `remote_read`, `export`, `query`\n"
          "1:29: `timeout` is 0s; expected more than 0s and at most 2m\n"
          "1:46: `local_names`: the pattern of __name__=~\"(\" cannot be read: missing ): (\n"
          "1:51: unknown key `reed` in datasource; did you mean `read`?\n");
    CHECK(read("{}", out).find("`url`") != std::string::npos);
}
