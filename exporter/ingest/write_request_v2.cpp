#include <fmt/format.h>

#include "core/limits.h"
#include "core/wire.h"
#include "core/wire_series.h"
#include "exporter/ingest/write_request.h"

namespace vedette::exporter {

namespace {

//   Request     4: symbols (texts; the first is empty)    5: TimeSeries
//   TimeSeries  1: labels_refs (name, value, name, value …; indexes into symbols)
//               2: Sample   3: Histogram   4: Exemplar   5: Metadata   6: created_timestamp
//
// Symbols may come after the series that use them, so the bytes are read twice.

using Symbols = std::vector<std::string_view>;

bool read_refs(const WireReader& field, std::vector<std::uint64_t>& out, std::size_t& room) {
    const auto take = [&](std::uint64_t ref) {
        if (room == 0) return false;
        --room;
        out.push_back(ref);
        return true;
    };
    if (field.is_varint()) return take(field.as_unsigned());
    if (!field.is_bytes()) return false;
    WireReader packed(field.bytes());
    while (!packed.at_end()) {
        std::uint64_t ref = 0;
        if (!packed.varint(ref) || !take(ref)) return false;
    }
    return true;
}

/// Empty, or why the refs are no labels.
std::string resolve(const std::vector<std::uint64_t>& refs, const Symbols& symbols,
                    std::vector<Label>& out) {
    if (refs.size() % 2 != 0)
        return fmt::format("{} references to symbols are no pairs of name and value", refs.size());
    for (std::size_t i = 0; i < refs.size(); i += 2) {
        for (const std::uint64_t ref : {refs[i], refs[i + 1]})
            if (ref >= symbols.size())
                return fmt::format("symbol {} is referred to and there are {}", ref,
                                   symbols.size());
        out.push_back({symbols[refs[i]], symbols[refs[i + 1]]});
    }
    return {};
}

bool read_exemplar(std::string_view bytes, const Symbols& symbols, WriteRequest::Series& out,
                   std::size_t& room) {
    WriteRequest::Series::Exemplar exemplar;
    std::vector<std::uint64_t> refs;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && !read_refs(in, refs, room)) return false;
        if (in.number() == 2 && in.is_fixed64()) exemplar.value = in.as_double();
        if (in.number() == 3 && in.is_varint()) exemplar.at.ms = in.as_signed();
    }
    if (std::string why = resolve(refs, symbols, exemplar.labels);
        !why.empty() && out.refusal.empty())
        out.refusal = "an exemplar: " + why;
    out.exemplars.push_back(std::move(exemplar));
    return !in.bad();
}

bool read_metadata(std::string_view bytes, const Symbols& symbols, WriteRequest::Metadata& out) {
    const auto symbol = [&](const WireReader& field) {
        const std::uint64_t ref = field.as_unsigned();
        return ref < symbols.size() ? symbols[ref] : std::string_view();
    };
    out.type = metric_types[0];
    WireReader in(bytes);
    while (in.next()) {
        if (!in.is_varint()) continue;
        if (in.number() == 1 && in.as_unsigned() < metric_types.size())
            out.type = metric_types[in.as_unsigned()];
        if (in.number() == 3) out.help = symbol(in);
        if (in.number() == 4) out.unit = symbol(in);
    }
    return !in.bad();
}

/// The family a series belongs to: `x` of `x_bucket`, when `x` is a histogram.
std::string_view family(std::string_view name, std::string_view type) {
    const auto without = [&](std::string_view suffix) {
        if (name.size() > suffix.size() && name.ends_with(suffix)) name.remove_suffix(suffix.size());
    };
    const std::size_t whole = name.size();
    if (type == "histogram" || type == "gaugehistogram") without("_bucket");
    if (type == "histogram" || type == "gaugehistogram" || type == "summary") {
        if (name.size() == whole) without("_count");
        if (name.size() == whole) without("_sum");
    }
    return name;
}

bool read_series(std::string_view bytes, const Symbols& symbols, WriteRequest& request,
                 std::size_t& room) {
    WriteRequest::Series& out = request.series.back();
    std::vector<std::uint64_t> refs;
    WriteRequest::Metadata metadata;
    bool described = false;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && !read_refs(in, refs, room)) return false;
        if (in.number() == 1 || !in.is_bytes()) continue;
        if (room == 0) return false;
        --room;
        bool good = true;
        switch (in.number()) {
            case 2:
                good = read_sample(in.bytes(), out.samples);
                break;
            case 3:
                good = read_histogram(in.bytes(), out.samples, out.refusal);
                break;
            case 4:
                good = read_exemplar(in.bytes(), symbols, out, room);
                break;
            case 5:
                described = true;
                good = read_metadata(in.bytes(), symbols, metadata);
                break;
            default:
                break;
        }
        if (!good) return false;
    }
    if (std::string why = resolve(refs, symbols, out.labels); !why.empty()) out.refusal = why;
    const bool says_something = metadata.type != metric_types[0] || !metadata.help.empty();
    for (const Label& label : out.labels) {
        if (label.name != "__name__" || !described || !says_something) continue;
        metadata.metric = family(label.value, metadata.type);
        request.metadata.push_back(metadata);
    }
    return !in.bad();
}

}  // namespace

Result<WriteRequest> read_write_request_v2(std::string_view bytes) {
    std::size_t room = limits::write_parts_max;
    Symbols symbols;
    WireReader texts(bytes);
    while (room != 0 && texts.next()) {
        if (texts.number() != 4 || !texts.is_bytes()) continue;
        symbols.push_back(texts.bytes());
        --room;
    }
    WriteRequest request;
    WireReader in(bytes);
    while (room != 0 && in.next()) {
        if (in.number() != 5 || !in.is_bytes()) continue;
        --room;
        request.series.emplace_back();
        if (!read_series(in.bytes(), symbols, request, room) && room != 0)
            return fail(Fault::BadInput,
                        fmt::format("series {} of the request is no io.prometheus.write.v2.TimeSeries",
                                    request.series.size()));
    }
    if (room == 0)
        return fail(Fault::Limit,
                    fmt::format("the request has more than {} symbols, references, samples and series",
                                limits::write_parts_max));
    if (in.bad()) return fail(Fault::BadInput, "the body is no io.prometheus.write.v2.Request");
    return request;
}

}  // namespace vedette::exporter
