#include "exporter/egress/remote_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/snappy.h"
#include "core/exchange_limits.h"
#include "core/mutex.h"
#include "core/wire_series.h"
#include "exporter/egress/xor_chunk.h"
#include "store/crc32c.h"

namespace vedette::exporter {

namespace {

constexpr std::size_t chunk_samples = 120;  // of a chunk, as Prometheus cuts them

/// So many read at once; the others wait, until their caller goes away.
class Gate {
public:
    bool enter(std::stop_token stop) {
        Lock lock(mutex_);
        while (inside_ >= limits::remote_reads_in_flight_max && !stop.stop_requested())
            left_.wait_for(mutex_, Milliseconds(50));
        if (stop.stop_requested()) return false;
        ++inside_;
        return true;
    }
    void leave() {
        {
            const Lock lock(mutex_);
            --inside_;
        }
        left_.notify_one();
    }

private:
    Mutex mutex_;
    Condition left_;
    std::size_t inside_ VEDETTE_GUARDED_BY(mutex_) = 0;
};

/// How the series of a query come out: with external labels that they do not have themselves.
Labels with_external(const Labels& labels, const Labels& external) {
    if (external.empty()) return labels;
    LabelsBuilder builder(labels);
    for (const Label label : external)
        if (!labels.has(label.name)) builder.set(label.name, label.value);
    return builder.build();
}

/// A matcher that asks for our own external label holds for all that we have.
std::vector<Matcher> without_external(std::vector<Matcher> matchers, const Labels& external) {
    std::erase_if(matchers, [&](const Matcher& matcher) {
        return matcher.op == Matcher::Op::Equal && external.has(matcher.name) &&
               external.get(matcher.name) == matcher.value;
    });
    return matchers;
}

Window window_of(const ReadRequest::Query& query) {
    constexpr std::int64_t first = std::numeric_limits<std::int64_t>::min();
    return {{query.from.ms == first ? first : query.from.ms - 1}, query.to};
}

class Answerer {
public:
    Answerer(SeriesSource& source, const Labels& external, const RemoteReadSettings& settings,
             std::stop_token stop)
        : source_(source), external_(external), settings_(settings), stop_(std::move(stop)) {}

    /// ReadResponse {1 results}, QueryResult {1 timeseries}
    Result<std::string> samples(const ReadRequest& request) {
        std::string out;
        for (const ReadRequest::Query& query : request.queries) {
            std::string result;
            auto done = each_series(query, [&](const Labels& labels, const Column& column) {
                std::string series;
                WireWriter writer(series);
                write_labels(writer, 1, labels);
                for (std::size_t i = 0; i < column.times.size(); ++i)
                    write_sample(series, sample_at(column, i));
                WireWriter(result).bytes_field(1, series);
                return bounded(result.size() + out.size());
            });
            if (!done) return fail(done.error());
            WireWriter(out).bytes_field(1, result);
        }
        return out;
    }

    /// Frames, or nothing when a series holds histograms, which have no XOR chunk.
    Result<std::optional<std::string>> chunks(const ReadRequest& request) {
        std::string out;
        bool histograms = false;
        for (std::size_t i = 0; i < request.queries.size() && !histograms; ++i) {
            auto done =
                each_series(request.queries[i], [&](const Labels& labels, const Column& column) {
                    histograms = histograms || !column.histograms.empty();
                    if (histograms) return Result<void>(fail(Fault::Cancelled, "histograms"));
                    write_frames(out, i, labels, column);
                    return bounded(out.size());
                });
            if (!done && !histograms) return fail(done.error());
        }
        if (histograms) return std::optional<std::string>();
        return std::optional(std::move(out));
    }

private:
    static Sample sample_at(const Column& column, std::size_t i) {
        if (!column.histograms.empty() && column.histograms[i])
            return {column.times[i], column.histograms[i]};
        return {column.times[i], column.floats[i]};
    }

    Result<void> bounded(std::size_t bytes) const {
        if (bytes <= limits::remote_read_bytes_max) return {};
        return fail(Fault::Limit, fmt::format("the answer takes more than {} bytes; ask for less",
                                              limits::remote_read_bytes_max));
    }

    template <typename Each>
    Result<void> each_series(const ReadRequest::Query& query, Each each) {
        const std::vector<Matcher> matchers = without_external(query.matchers, external_);
        auto cursor = source_.select(matchers, window_of(query), {}, stop_);
        if (!cursor) return fail(cursor.error());
        for (Column column; (*cursor)->next(column);) {
            samples_ += column.times.size();
            if (samples_ > settings_.samples_max)
                return fail(Fault::Limit,
                            fmt::format("exceeded sample limit ({})", settings_.samples_max));
            if (auto done = each(with_external(*column.labels, external_), column); !done)
                return done;
        }
        if (stop_.stop_requested()) return fail(Fault::Cancelled, "the caller went away");
        return {};
    }

    /// Chunk {1 min_time_ms, 2 max_time_ms, 3 type: 1 is XOR, 4 data}
    static std::string chunk_field(const Column& column, std::size_t from, std::size_t count) {
        std::string chunk, field;
        WireWriter writer(chunk);
        writer.signed_field(1, column.times[from].ms);
        writer.signed_field(2, column.times[from + count - 1].ms);
        writer.varint_field(3, 1);
        writer.bytes_field(
            4, xor_chunk(column.times.subspan(from, count), column.floats.subspan(from, count)));
        WireWriter(field).bytes_field(2, chunk);
        return field;
    }

    /// ChunkedReadResponse {1 chunked_series, 2 query_index}, ChunkedSeries {1 labels, 2 chunks}; a
    /// series goes on in another frame when one is full.
    void write_frames(std::string& out, std::size_t query, const Labels& labels,
                      const Column& column) const {
        std::string head;
        WireWriter writer(head);
        write_labels(writer, 1, labels);
        std::string series = head;
        for (std::size_t at = 0; at < column.times.size();) {
            const std::size_t count = std::min(chunk_samples, column.times.size() - at);
            const std::string chunk = chunk_field(column, at, count);
            if (series.size() + chunk.size() > settings_.frame_bytes_max &&
                series.size() > head.size()) {
                write_frame(out, query, series);
                series = head;
            }
            series += chunk;
            at += count;
        }
        write_frame(out, query, series);
    }

    /// │ length varint │ CRC-32C, big-endian │ message │
    static void write_frame(std::string& out, std::size_t query, const std::string& series) {
        std::string message;
        WireWriter writer(message);
        writer.bytes_field(1, series);
        if (query > 0) writer.varint_field(2, query);
        WireWriter(out).varint(message.size());
        const std::uint32_t sum = store::crc32c(message);
        for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(sum >> shift & 0xff);
        out += message;
    }

    SeriesSource& source_;
    const Labels& external_;
    const RemoteReadSettings& settings_;
    const std::stop_token stop_;
    std::size_t samples_ = 0;
};

Response refusal(const Error& error) {
    int status = 500;
    if (error.fault == Fault::BadInput || error.fault == Fault::Limit) status = 400;
    if (error.fault == Fault::Unavailable || error.fault == Fault::Cancelled) status = 503;
    return text_response(status, error.message + "\n");
}

Response answer_samples(Answerer& answerer, const ReadRequest& request) {
    Result<std::string> message = answerer.samples(request);
    if (!message) return refusal(message.error());
    Response response;
    response.content_type = "application/x-protobuf";
    response.headers.emplace_back("Content-Encoding", "snappy");
    response.body = compress_snappy(*message);
    return response;
}

Response answer_read(const Request& http, SeriesSource& source, const Labels& external,
                     const RemoteReadSettings& settings) {
    Result<std::string> bytes = uncompress_snappy(http.body, limits::remote_read_request_bytes_max);
    if (!bytes) return refusal(bytes.error());
    const Result<ReadRequest> request = read_read_request(*bytes);
    if (!request) return refusal(request.error());
    using Answer = ReadRequest::Answer;
    if (request->named_any && request->accepted.empty())
        return text_response(400,
                             "server does not support any of the requested response types; "
                             "supported: STREAMED_XOR_CHUNKS, SAMPLES\n");
    const bool takes_samples =
        request->accepted.empty() || std::find(request->accepted.begin(), request->accepted.end(),
                                               Answer::Samples) != request->accepted.end();
    Answerer answerer(source, external, settings, http.stop);
    if (request->accepted.empty() || request->accepted.front() == Answer::Samples)
        return answer_samples(answerer, *request);
    Result<std::optional<std::string>> frames = answerer.chunks(*request);
    if (!frames) return refusal(frames.error());
    if (!*frames) {
        if (takes_samples) return answer_samples(answerer, *request);
        return text_response(400,
                             "a series holds native histograms, which are answered as SAMPLES "
                             "only; accept those too\n");
    }
    Response response;
    response.content_type = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    response.body = std::move(**frames);
    return response;
}

}  // namespace

Route remote_read_route(SeriesSource& source, std::function<Labels()> external,
                        RemoteReadSettings settings) {
    if (settings.samples_max == 0) settings.samples_max = limits::remote_read_samples_max;
    if (settings.frame_bytes_max == 0) settings.frame_bytes_max = limits::remote_read_frame_bytes;
    const auto gate = std::make_shared<Gate>();
    return {.method = "POST",
            .path = "/api/v1/read",
            .role = Role::Viewer,
            .group = PathGroup::Api,
            .weight = Weight::Worker,
            .answer =
                [&source, external = std::move(external), settings, gate](const Request& request) {
                    if (!gate->enter(request.stop))
                        return text_response(503, "the caller went away\n");
                    struct Leave {
                        Gate& gate;
                        ~Leave() { gate.leave(); }
                    } leave{*gate};
                    return answer_read(request, source, external(), settings);
                },
            .body_bytes_max = limits::remote_read_request_bytes_max};
}

}  // namespace vedette::exporter
