#include "exporter/ingest/write_request.h"

#include <fmt/format.h>

#include "core/limits.h"
#include "core/wire_parts.h"
#include "core/wire_series.h"

namespace vedette::exporter {

namespace {

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
                good = read_histogram(in.bytes(), out.samples, out.refusal);
                break;
            default:
                break;
        }
        if (!good) return false;
    }
    return !in.bad();
}

bool read_metadata(std::string_view bytes, WriteRequest::Metadata& out) {
    out.type = metric_types[0];
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_varint() && in.as_unsigned() < metric_types.size())
            out.type = metric_types[in.as_unsigned()];
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

}  // namespace vedette::exporter
