#include "exporter/ingest/write_messages.h"

#include <memory>

#include "core/histogram.h"
#include "core/wire_parts.h"

namespace vedette::exporter {

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

bool read_histogram(std::string_view bytes, WriteRequest::Series& out) {
    auto histogram = std::make_shared<Histogram>();
    Histogram& h = *histogram;
    Timestamp at;
    std::uint64_t negative = 0, positive = 0;
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

}  // namespace vedette::exporter
