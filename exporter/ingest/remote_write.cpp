#include "exporter/ingest/remote_write.h"

#include <fmt/format.h>
#include <snappy.h>

#include <array>

#include "core/histogram.h"
#include "core/limits.h"
#include "core/wire.h"

namespace vedette::exporter {

// ── the wire format, message by message
// ────────────────────────────────────────────────────────────

namespace {

bool read_label(std::string_view bytes, std::vector<Label>& out) {
    Label label;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_bytes()) label.name = in.bytes();
        if (in.number() == 2 && in.is_bytes()) label.value = in.bytes();
    }
    out.push_back(label);
    return !in.bad();
}

bool read_sample(std::string_view bytes, std::vector<Sample>& out) {
    double value = 0;
    Timestamp at;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_fixed64()) value = in.as_double();
        if (in.number() == 2 && in.is_varint()) at.ms = in.as_signed();
    }
    out.push_back({at, value});
    return !in.bad();
}

bool read_exemplar(std::string_view bytes, std::vector<WriteRequest::Series::Exemplar>& out) {
    WriteRequest::Series::Exemplar exemplar;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_bytes() && !read_label(in.bytes(), exemplar.labels))
            return false;
        if (in.number() == 2 && in.is_fixed64()) exemplar.value = in.as_double();
        if (in.number() == 3 && in.is_varint()) exemplar.at.ms = in.as_signed();
    }
    out.push_back(std::move(exemplar));
    return !in.bad();
}

bool read_span(std::string_view bytes, std::vector<Histogram::Span>& out) {
    Histogram::Span span;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_varint())
            span.offset = static_cast<std::int32_t>(in.as_zigzag());
        if (in.number() == 2 && in.is_varint())
            span.length = static_cast<std::uint32_t>(in.as_unsigned());
    }
    out.push_back(span);
    return !in.bad();
}

/// Integer histograms send each bucket as the difference to the one before.
bool read_deltas(const WireReader& field, std::vector<double>& out, std::int64_t& running) {
    const auto take = [&](std::uint64_t raw) {
        running += static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
        out.push_back(static_cast<double>(running));
    };
    if (field.is_varint()) {
        take(field.as_unsigned());
        return true;
    }
    WireReader packed(field.bytes());
    while (!packed.at_end()) {
        std::uint64_t raw = 0;
        if (!packed.varint(raw)) return false;
        take(raw);
    }
    return true;
}

bool read_doubles(const WireReader& field, std::vector<double>& out) {
    const std::string_view bytes = field.bytes();
    if (bytes.size() % sizeof(double) != 0) return false;
    const std::size_t before = out.size();
    out.resize(before + bytes.size() / sizeof(double));
    if (!bytes.empty()) std::memcpy(out.data() + before, bytes.data(), bytes.size());
    return true;
}

bool read_histogram(std::string_view bytes, WriteRequest::Series& out) {
    auto histogram = std::make_shared<Histogram>();
    Histogram& h = *histogram;
    Timestamp at;
    std::int64_t negative = 0, positive = 0;
    bool good = true, whole = false;
    WireReader in(bytes);
    while (good && in.next()) {
        const bool listed = in.is_bytes() || in.is_fixed64();
        switch (in.number()) {
            case 1:
                h.count = static_cast<double>(in.as_unsigned());
                whole = true;
                break;
            case 2:
                good = in.is_fixed64();
                if (good) h.count = in.as_double();
                break;
            case 3:
                good = in.is_fixed64();
                if (good) h.sum = in.as_double();
                break;
            case 4:
                h.schema = static_cast<std::int32_t>(in.as_zigzag());
                break;
            case 5:
                good = in.is_fixed64();
                if (good) h.zero_threshold = in.as_double();
                break;
            case 6:
                h.zero_count = static_cast<double>(in.as_unsigned());
                break;
            case 7:
                good = in.is_fixed64();
                if (good) h.zero_count = in.as_double();
                break;
            case 8:
                good = in.is_bytes() && read_span(in.bytes(), h.negative_spans);
                break;
            case 9:
                good = read_deltas(in, h.negative_buckets, negative);
                break;
            case 10:
                good = listed && read_doubles(in, h.negative_buckets);
                break;
            case 11:
                good = in.is_bytes() && read_span(in.bytes(), h.positive_spans);
                break;
            case 12:
                good = read_deltas(in, h.positive_buckets, positive);
                break;
            case 13:
                good = listed && read_doubles(in, h.positive_buckets);
                break;
            case 14:
                if (in.as_unsigned() <= 3)
                    h.reset_hint = static_cast<Histogram::ResetHint>(in.as_unsigned());
                break;
            case 15:
                at.ms = in.as_signed();
                break;
            case 16:
                good = listed && read_doubles(in, h.custom_bounds);
                break;
            default:
                break;
        }
    }
    if (const auto valid = validate(h, whole); !valid && out.refusal.empty())
        out.refusal = valid.error().message;
    out.samples.push_back({at, HistogramRef(std::move(histogram))});
    return good && !in.bad();
}

/// False also when `room` runs out: empty parts cost two bytes on the wire and thirty in memory.
bool read_series(std::string_view bytes, WriteRequest::Series& out, std::size_t& room) {
    WireReader in(bytes);
    while (in.next()) {
        if (!in.is_bytes()) continue;
        if (room == 0) return false;
        --room;
        bool good = true;
        switch (in.number()) {
            case 1:
                good = read_label(in.bytes(), out.labels);
                break;
            case 2:
                good = read_sample(in.bytes(), out.samples);
                break;
            case 3:
                good = read_exemplar(in.bytes(), out.exemplars);
                break;
            case 4:
                good = read_histogram(in.bytes(), out);
                break;
            default:
                break;
        }
        if (!good) return false;
    }
    return !in.bad();
}

bool read_metadata(std::string_view bytes, WriteRequest::Metadata& out) {
    static constexpr std::array<std::string_view, 8> types{"unknown",   "counter",        "gauge",
                                                           "histogram", "gaugehistogram", "summary",
                                                           "info",      "stateset"};
    out.type = types[0];
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_varint() && in.as_unsigned() < types.size())
            out.type = types[in.as_unsigned()];
        if (in.number() == 2 && in.is_bytes()) out.metric = in.bytes();
        if (in.number() == 4 && in.is_bytes()) out.help = in.bytes();
        if (in.number() == 5 && in.is_bytes()) out.unit = in.bytes();
    }
    return !in.bad();
}

}  // namespace

Result<WriteRequest> read_write_request(std::string_view bytes) {
    WriteRequest request;
    std::size_t room = limits::write_parts_max;
    WireReader in(bytes);
    while (in.next()) {
        if (room == 0) break;
        --room;
        if (in.number() == 1 && in.is_bytes()) {
            request.series.emplace_back();
            if (!read_series(in.bytes(), request.series.back(), room) && room != 0)
                return fail(Fault::BadInput,
                            fmt::format("series {} of the request is no prometheus.TimeSeries",
                                        request.series.size()));
            if (const std::string& why = request.series.back().refusal; !why.empty())
                return fail(Fault::BadInput, fmt::format("series {} of the request: {}",
                                                         request.series.size(), why));
        }
        if (in.number() == 3 && in.is_bytes()) {
            request.metadata.emplace_back();
            if (!read_metadata(in.bytes(), request.metadata.back()))
                return fail(Fault::BadInput,
                            "the request holds metadata that is no prometheus.MetricMetadata");
        }
    }
    if (room == 0)
        return fail(Fault::Limit,
                    fmt::format("the request has more than {} labels, samples and series",
                                limits::write_parts_max));
    if (in.bad()) return fail(Fault::BadInput, "the body is no prometheus.WriteRequest");
    return request;
}

Result<std::string> uncompress_snappy(std::string_view compressed, std::size_t bytes_max) {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(compressed.data(), compressed.size(), &size))
        return fail(Fault::BadInput, "the body is not compressed with snappy (block format)");
    if (size > bytes_max)
        return fail(Fault::Limit,
                    fmt::format("the body would be {} bytes uncompressed; at most {} are taken",
                                size, bytes_max));
    std::string out;
    if (!snappy::Uncompress(compressed.data(), compressed.size(), &out))
        return fail(Fault::BadInput, "the body is not compressed with snappy (block format)");
    return out;
}

// ── the route
// ──────────────────────────────────────────────────────────────────────────────────────

namespace {

Result<Batch> to_batch(const WriteRequest& request, SampleSink& sink) {
    Batch batch;
    for (const WriteRequest::Series& series : request.series) {
        if (series.samples.empty() && series.exemplars.empty()) continue;
        const Labels labels{std::vector<Label>(series.labels)};
        if (labels.size() != series.labels.size())
            return fail(
                Fault::BadInput,
                fmt::format("series {} has an empty label or one name twice", to_string(labels)));
        if (!labels.has(metric_name_label))
            return fail(Fault::BadInput, "a series needs a metric name");
        const Result<SeriesRef> ref = sink.series(labels);
        if (!ref) return fail(ref.error());
        for (const Sample& sample : series.samples) batch.rows.push_back({*ref, sample});
        for (const WriteRequest::Series::Exemplar& exemplar : series.exemplars)
            batch.exemplars.push_back(
                {*ref, Labels(std::vector<Label>(exemplar.labels)), exemplar.at, exemplar.value});
    }
    return batch;
}

Response refusal(const Error& error) {
    switch (error.fault) {
        case Fault::BadInput:
            return text_response(400, error.message + "\n");
        case Fault::Limit:
            return text_response(413, error.message + "\n");
        default:
            return text_response(503, error.message + "\n");
    }
}

/// Takes out what is so far ahead of our clock that it would lock out its series until then.
/// Returns how many, and says why to `first`.
std::size_t take_out_future(Batch& batch, Timestamp now, std::string& first) {
    const Timestamp newest = now + Milliseconds(limits::sample_ahead_max);
    return std::erase_if(batch.rows, [&](const Batch::Row& row) {
        if (row.sample.at <= newest) return false;
        if (first.empty())
            first = fmt::format("a sample is at {}, more than {} ahead of this machine's clock",
                                format_rfc3339(row.sample.at),
                                format_duration(limits::sample_ahead_max));
        return true;
    });
}

Response take_write(const Request& http, SampleSink& sink, const Clock& clock) {
    if (http.header("content-encoding") != "snappy")
        return text_response(415, "the body must be compressed: Content-Encoding: snappy\n");
    const std::string_view type = http.header("content-type");
    if (!type.starts_with("application/x-protobuf") ||
        type.find("proto=io.prometheus.write.v2") != std::string_view::npos)
        return text_response(
            415, "only remote write 1.0 is taken: Content-Type: application/x-protobuf\n");
    const Result<std::string> bytes = uncompress_snappy(http.body, limits::write_decoded_bytes_max);
    if (!bytes) return refusal(bytes.error());
    const Result<WriteRequest> request = read_write_request(*bytes);
    if (!request) return refusal(request.error());
    for (const WriteRequest::Metadata& metadata : request->metadata)
        sink.metadata(metadata.metric, metadata.type, metadata.help, metadata.unit);
    Result<Batch> batch = to_batch(*request, sink);
    // A store without room is not the sender's fault: 503 lets it keep the samples and come again.
    if (!batch)
        return batch.error().fault == Fault::Limit
                   ? text_response(503, batch.error().message + "\n")
                   : refusal(batch.error());
    std::string first;
    const std::size_t ahead = take_out_future(*batch, clock.now(), first);
    const Result<Appended> appended = sink.append(*batch);
    if (!appended) return text_response(503, appended.error().message + "\n");
    const std::size_t refused =
        ahead + appended->out_of_order + appended->duplicate + appended->too_old;
    if (first.empty()) first = appended->first_rejection;
    if (refused != 0)
        return text_response(
            400, fmt::format("{} of {} samples were not stored; the first: {}\n", refused,
                             refused + appended->stored, first));
    return text_response(204, {});
}

}  // namespace

Route remote_write_route(SampleSink& sink, const Clock& clock) {
    return {.method = "POST",
            .path = "/api/v1/write",
            .role = Role::Editor,
            .group = PathGroup::Write,
            .weight = Weight::Worker,
            .answer = [&sink, &clock](const Request& request) { return take_write(request, sink, clock); },
            .body_bytes_max = limits::write_body_bytes_max};
}

}  // namespace vedette::exporter
