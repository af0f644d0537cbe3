#include "core/wire_series.h"

#include <memory>

#include "core/histogram.h"
#include "core/wire_parts.h"

namespace vedette {

namespace {

std::size_t text_field_size(std::string_view text) {
    return 1 + WireWriter::varint_size(text.size()) + text.size();
}

void write_spans(WireWriter& out, std::uint32_t number, const std::vector<Histogram::Span>& spans) {
    for (const Histogram::Span& span : spans) {
        std::string bytes;
        WireWriter inner(bytes);
        inner.zigzag_field(1, span.offset);
        inner.varint_field(2, span.length);
        out.bytes_field(number, bytes);
    }
}

void write_packed(WireWriter& out, std::uint32_t number, const std::vector<double>& values) {
    if (values.empty()) return;
    out.bytes_head(number, values.size() * sizeof(double));
    for (const double value : values) out.fixed64(value);
}

}  // namespace

void write_labels(WireWriter& out, std::uint32_t number, const Labels& labels) {
    for (const Label label : labels) {
        out.bytes_head(number, text_field_size(label.name) + text_field_size(label.value));
        out.bytes_field(1, label.name);
        out.bytes_field(2, label.value);
    }
}

void write_histogram(std::string& bytes, const Histogram& histogram, Timestamp at) {
    WireWriter out(bytes);
    out.double_field(2, histogram.count);
    out.double_field(3, histogram.sum);
    out.zigzag_field(4, histogram.schema);
    out.double_field(5, histogram.zero_threshold);
    out.double_field(7, histogram.zero_count);
    write_spans(out, 8, histogram.negative_spans);
    write_packed(out, 10, histogram.negative_buckets);
    write_spans(out, 11, histogram.positive_spans);
    write_packed(out, 13, histogram.positive_buckets);
    out.varint_field(14, static_cast<std::uint64_t>(histogram.reset_hint));
    out.signed_field(15, at.ms);
    write_packed(out, 16, histogram.custom_bounds);
}

void write_sample(std::string& series, const Sample& sample) {
    WireWriter out(series);
    if (const double* number = std::get_if<double>(&sample.value)) {
        const auto at = static_cast<std::uint64_t>(sample.at.ms);
        out.bytes_head(2, 9 + 1 + WireWriter::varint_size(at));
        out.double_field(1, *number);
        out.varint_field(2, at);
        return;
    }
    std::string bytes;
    write_histogram(bytes, *std::get<HistogramRef>(sample.value), sample.at);
    out.bytes_field(4, bytes);
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

bool read_histogram(std::string_view bytes, std::vector<Sample>& out, std::string& refusal) {
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
    if (const auto valid = validate(h, whole); !valid && refusal.empty())
        refusal = valid.error().message;
    out.push_back({at, HistogramRef(std::move(histogram))});
    return good && !in.bad();
}

}  // namespace vedette
