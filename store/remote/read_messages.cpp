#include "store/remote/read_messages.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "core/wire_parts.h"
#include "core/wire_series.h"
#include "store/crc32c.h"
#include "store/remote/xor_reader.h"

namespace vedette::store {

namespace {

tl::unexpected<Error> corrupt(std::string_view why) {
    return fail(Fault::Corrupt, fmt::format("the answer cannot be decoded: {}", why));
}

std::uint64_t number_of(Matcher::Op op) {
    switch (op) {
        case Matcher::Op::Equal:
            return 0;
        case Matcher::Op::NotEqual:
            return 1;
        case Matcher::Op::Match:
            return 2;
        case Matcher::Op::NotMatch:
            break;
    }
    return 3;
}

std::int64_t first_of(Window window) {
    constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
    return window.from.ms == last ? last : window.from.ms + 1;
}

bool read_labels(std::string_view bytes, std::vector<Label>& out) {
    return read_label(bytes, out) && is_utf8(out.back().name) && is_utf8(out.back().value);
}

/// TimeSeries {1 labels, 2 samples, 4 histograms}
Result<void> read_series(std::string_view bytes, Gathering& out) {
    std::vector<Label> labels;
    std::vector<Sample> samples;
    std::string refusal;
    WireReader in(bytes);
    while (in.next()) {
        if (!in.is_bytes()) continue;
        bool good = true;
        if (in.number() == 1) good = read_labels(in.bytes(), labels);
        if (in.number() == 2) good = read_sample(in.bytes(), samples);
        if (in.number() == 4) good = read_histogram(in.bytes(), samples, refusal);
        if (!good) return corrupt("a series is torn");
    }
    if (in.bad()) return corrupt("a series is torn");
    Labels name(std::move(labels));
    if (!refusal.empty())
        return corrupt(
            fmt::format("a histogram of {} cannot be one: {}", to_string(name), refusal));
    out.begin(std::move(name));
    for (Sample& sample : samples) {
        const bool room = std::holds_alternative<double>(sample.value)
                              ? out.add(sample.at, std::get<double>(sample.value))
                              : out.add(sample.at, std::get<HistogramRef>(std::move(sample.value)));
        if (!room) return fail(out.too_many());
    }
    return {};
}

/// Chunk {1 min_time_ms, 2 max_time_ms, 3 type: 1 is XOR, 4 data}
struct Chunk {
    std::uint64_t type = 0;
    std::string_view data;
};

bool read_chunk(std::string_view bytes, Chunk& out) {
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 3 && in.is_varint()) out.type = in.as_unsigned();
        if (in.number() == 4 && in.is_bytes()) out.data = in.bytes();
    }
    return !in.bad();
}

/// ChunkedSeries {1 labels, 2 chunks}
Result<Chunks> read_chunked_series(std::string_view bytes, Gathering& out) {
    constexpr std::uint64_t xor_chunk = 1;
    std::vector<Label> labels;
    std::vector<Timestamp> times;
    std::vector<double> values;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_bytes() && !read_labels(in.bytes(), labels))
            return corrupt("a series is torn");
        if (in.number() != 2 || !in.is_bytes()) continue;
        Chunk chunk;
        if (!read_chunk(in.bytes(), chunk)) return corrupt("a chunk is torn");
        if (chunk.type != xor_chunk) return Chunks::OfHistograms;
        if (!read_xor_chunk(chunk.data, times, values)) return corrupt("a chunk is torn");
    }
    if (in.bad()) return corrupt("a series is torn");
    out.begin(Labels(std::move(labels)));
    for (std::size_t i = 0; i < times.size(); ++i)
        if (!out.add(times[i], values[i])) return fail(out.too_many());
    return Chunks::Taken;
}

/// ChunkedReadResponse {1 chunked_series, 2 query_index}
Result<Chunks> read_frame(std::string_view message, Gathering& out) {
    WireReader in(message);
    while (in.next()) {
        if (in.number() != 1 || !in.is_bytes()) continue;
        const auto taken = read_chunked_series(in.bytes(), out);
        if (!taken || *taken == Chunks::OfHistograms) return taken;
    }
    if (in.bad()) return corrupt("a frame is torn");
    return Chunks::Taken;
}

}  // namespace

/// ReadRequest {1 queries, 2 accepted_response_types}
/// Query {1 start_timestamp_ms, 2 end_timestamp_ms, 3 matchers, 4 hints}
/// LabelMatcher {1 type, 2 name, 3 value}
/// ReadHints {1 step_ms, 2 func, 3 start_ms, 4 end_ms, 7 range_ms}
std::string read_request(std::span<const Matcher> matchers, Window window, const Hints& hints,
                         bool chunks) {
    std::string query, out;
    WireWriter writer(query);
    writer.signed_field(1, first_of(window));
    writer.signed_field(2, window.to.ms);
    for (const Matcher& matcher : matchers) {
        std::string bytes;
        WireWriter inner(bytes);
        inner.varint_field(1, number_of(matcher.op));
        inner.bytes_field(2, matcher.name);
        inner.bytes_field(3, matcher.value);
        writer.bytes_field(3, bytes);
    }
    std::string asked;
    WireWriter inner(asked);
    inner.signed_field(1, hints.step.count());
    if (!hints.function.empty()) inner.bytes_field(2, hints.function);
    inner.signed_field(3, first_of(window));
    inner.signed_field(4, window.to.ms);
    if (!hints.function.empty()) inner.signed_field(7, hints.range.count());
    writer.bytes_field(4, asked);
    WireWriter request(out);
    request.bytes_field(1, query);
    if (chunks) request.varint_field(2, 1);
    request.varint_field(2, 0);
    return out;
}

/// ReadResponse {1 results}, QueryResult {1 timeseries}
Result<void> read_samples(std::string_view message, Gathering& out) {
    WireReader in(message);
    while (in.next()) {
        if (in.number() != 1 || !in.is_bytes()) continue;
        WireReader result(in.bytes());
        while (result.next()) {
            if (result.number() != 1 || !result.is_bytes()) continue;
            if (auto taken = read_series(result.bytes(), out); !taken) return taken;
        }
        if (result.bad()) return corrupt("a result is torn");
    }
    if (in.bad()) return corrupt("it is torn");
    return {};
}

/// │ length varint │ CRC-32C, big-endian │ message │, again and again
Result<Chunks> read_chunks(std::string_view frames, Gathering& out) {
    WireReader in(frames);
    while (!in.at_end()) {
        std::uint64_t size = 0;
        if (!in.varint(size) || in.left() < 4 || in.left() - 4 < size)
            return corrupt("a frame is torn");
        const std::string_view rest = frames.substr(frames.size() - in.left());
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < 4; ++i) sum = sum << 8 | static_cast<unsigned char>(rest[i]);
        const std::string_view message = rest.substr(4, static_cast<std::size_t>(size));
        if (crc32c(message) != sum) return corrupt("a frame has another checksum than it says");
        const auto taken = read_frame(message, out);
        if (!taken || *taken == Chunks::OfHistograms) return taken;
        in = WireReader(rest.substr(4 + message.size()));
    }
    return Chunks::Taken;
}

}  // namespace vedette::store
