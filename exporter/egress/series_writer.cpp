#include "exporter/egress/series_writer.h"

#include <vector>

namespace vedette::exporter {

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

}  // namespace vedette::exporter
