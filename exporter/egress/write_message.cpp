#include "exporter/egress/write_message.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "core/wire_series.h"

namespace vedette::exporter {

namespace {

using Row = store::LogBite::Row;

struct HashLabels {
    std::size_t operator()(const Labels& labels) const { return labels.hash(); }
};

/// The rows of each series, series in the order in which they first come.
std::vector<std::vector<const Row*>> by_series(std::span<const Row> rows) {
    std::vector<std::vector<const Row*>> groups;
    std::unordered_map<Labels, std::size_t, HashLabels> places;
    for (const Row& row : rows) {
        const auto [at, is_new] = places.try_emplace(row.labels, groups.size());
        if (is_new) groups.emplace_back();
        groups[at->second].push_back(&row);
    }
    return groups;
}

/// The number that both protocols have for a type.
unsigned type_number(std::string_view type) {
    constexpr std::array<std::string_view, 8> types{"unknown",   "counter",        "gauge",
                                                    "histogram", "gaugehistogram", "summary",
                                                    "info",      "stateset"};
    const auto at = std::find(types.begin(), types.end(), type);
    return at == types.end() ? 0 : static_cast<unsigned>(at - types.begin());
}

/// 2.0's texts, each written once; the first is empty.
class Symbols {
public:
    Symbols() { (void)number(""); }

    std::uint64_t number(std::string_view text) {
        const auto [at, is_new] = numbers_.try_emplace(std::string(text), numbers_.size());
        if (is_new) WireWriter(out_).bytes_field(4, text);
        return at->second;
    }
    const std::string& written() const { return out_; }

private:
    std::unordered_map<std::string, std::uint64_t> numbers_;
    std::string out_;
};

std::string message_1(std::span<const Row> rows) {
    std::string out, series;
    for (const auto& group : by_series(rows)) {
        series.clear();
        WireWriter writer(series);
        write_labels(writer, 1, group.front()->labels);
        for (const Row* row : group) write_sample(series, row->sample);
        WireWriter(out).bytes_field(1, series);
    }
    return out;
}

/// Metadata {1 type, 3 help_ref, 4 unit_ref} of the metric, or of the family whose part it is.
void write_metadata_2(WireWriter& series, const Labels& labels,
                      std::span<const NamedMetadata> metadata, Symbols& symbols) {
    const std::string_view name = labels.get(metric_name_label);
    const auto find = [&](std::string_view wanted) {
        const auto at = std::lower_bound(
            metadata.begin(), metadata.end(), wanted,
            [](const NamedMetadata& a, std::string_view b) { return a.first < b; });
        return at != metadata.end() && at->first == wanted ? &at->second : nullptr;
    };
    const store::MetricMetadata* found = find(name);
    for (const std::string_view part : {"_bucket", "_sum", "_count"})
        if (found == nullptr && name.ends_with(part))
            found = find(name.substr(0, name.size() - part.size()));
    if (found == nullptr) return;
    std::string bytes;
    WireWriter writer(bytes);
    writer.varint_field(1, type_number(found->type));
    writer.varint_field(3, symbols.number(found->help));
    writer.varint_field(4, symbols.number(found->unit));
    series.bytes_field(5, bytes);
}

std::string message_2(std::span<const Row> rows, std::span<const NamedMetadata> metadata) {
    Symbols symbols;
    std::string all, series, part;
    for (const auto& group : by_series(rows)) {
        series.clear();
        part.clear();
        WireWriter writer(series), refs(part);
        for (const Label label : group.front()->labels) {
            refs.varint(symbols.number(label.name));
            refs.varint(symbols.number(label.value));
        }
        writer.bytes_field(1, part);
        for (const Row* row : group) {
            part.clear();
            if (const double* number = std::get_if<double>(&row->sample.value)) {
                WireWriter(part).double_field(1, *number);
                WireWriter(part).signed_field(2, row->sample.at.ms);
                writer.bytes_field(2, part);
            } else {
                write_histogram(part, *std::get<HistogramRef>(row->sample.value), row->sample.at);
                writer.bytes_field(3, part);
            }
        }
        write_metadata_2(writer, group.front()->labels, metadata, symbols);
        WireWriter(all).bytes_field(5, series);
    }
    return symbols.written() + all;
}

}  // namespace

std::string write_message(RemoteWriteSettings::Protocol protocol, std::span<const Row> rows,
                          std::span<const NamedMetadata> metadata) {
    return protocol == RemoteWriteSettings::Protocol::V1 ? message_1(rows)
                                                         : message_2(rows, metadata);
}

/// MetricMetadata {1 type, 2 metric_family_name, 4 help, 5 unit}
std::string metadata_message(std::span<const NamedMetadata> metadata) {
    std::string out, one;
    for (const auto& [name, known] : metadata) {
        one.clear();
        WireWriter writer(one);
        writer.varint_field(1, type_number(known.type));
        writer.bytes_field(2, name);
        writer.bytes_field(4, known.help);
        writer.bytes_field(5, known.unit);
        WireWriter(out).bytes_field(3, one);
    }
    return out;
}

std::vector<Header> write_headers(RemoteWriteSettings::Protocol protocol) {
    const bool first = protocol == RemoteWriteSettings::Protocol::V1;
    return {{"Content-Encoding", "snappy"},
            {"Content-Type", first ? "application/x-protobuf"
                                   : "application/x-protobuf;proto=io.prometheus.write.v2.Request"},
            {"X-Prometheus-Remote-Write-Version", first ? "0.1.0" : "2.0.0"}};
}

}  // namespace vedette::exporter
