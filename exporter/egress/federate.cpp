#include "exporter/egress/federate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <vector>

#include "core/exchange_limits.h"
#include "core/wire_writer.h"
#include "exporter/exposition.h"
#include "promql/syntax/parse.h"

namespace vedette::exporter {

namespace {

// ── what is asked
// ───────────────────────────────────────────────────────────────────────────────────

/// As `match[]` elsewhere, but that a selector may match everything. Series without a name are left
/// out anyway, so that asking for a name changes nothing but what may be asked.
Result<std::vector<Matcher>> read_selector(std::string_view text) {
    Result<std::vector<Matcher>> selector = promql::parse_selector(text);
    if (selector || !selector.error().message.ends_with(
                        "vector selector must contain at least one non-empty matcher"))
        return selector;
    const std::size_t brace = text.find('{');
    if (brace == std::string_view::npos) return selector;
    std::string named(text);
    selector = promql::parse_selector(named.insert(brace + 1, "__name__!=\"\","));
    // `{}` asks for nothing.
    if (selector && selector->size() == 1) selector->clear();
    return selector;
}

struct PageKind {
    bool protobuf = false, utf8_names = false;

    std::string content_type() const {
        return fmt::format("{}; escaping={}",
                           protobuf ? "application/vnd.google.protobuf; "
                                      "proto=io.prometheus.client.MetricFamily; encoding=delimited"
                                    : "text/plain; version=0.0.4; charset=utf-8",
                           utf8_names ? "allow-utf-8" : "underscores");
    }
};

/// One part of an `Accept` header.
struct Offer {
    double weight = 1;
    bool text = false;
    PageKind page;
};

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

std::string_view take_until(std::string_view& rest, char separator) {
    const std::size_t at = rest.find(separator);
    const std::string_view part = trimmed(rest.substr(0, at));
    rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
    return part;
}

Offer read_offer(std::string_view text) {
    Offer offer;
    const std::string_view type = take_until(text, ';');
    bool families = false, delimited = false, version_fits = true;
    while (!text.empty()) {
        const std::string_view parameter = take_until(text, ';');
        if (parameter.starts_with("q="))
            std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(),
                            offer.weight);
        if (parameter == "escaping=allow-utf-8") offer.page.utf8_names = true;
        families = families || parameter == "proto=io.prometheus.client.MetricFamily";
        delimited = delimited || parameter == "encoding=delimited";
        if (parameter.starts_with("version="))
            version_fits = parameter == "version=0.0.4" || parameter == "version=1.0.0";
    }
    offer.page.protobuf = type == "application/vnd.google.protobuf" && families && delimited;
    offer.text = type == "text/plain" && version_fits;
    return offer;
}

/// The first in the order of the weights that we write; text when there is none.
PageKind choose_page(std::string_view accept) {
    std::vector<Offer> offers;
    while (!accept.empty()) offers.push_back(read_offer(take_until(accept, ',')));
    std::stable_sort(offers.begin(), offers.end(),
                     [](const Offer& a, const Offer& b) { return a.weight > b.weight; });
    PageKind page;
    for (const Offer& offer : offers) {
        page.utf8_names = page.utf8_names || offer.page.utf8_names;
        if (!offer.page.protobuf && !offer.text) continue;
        page = offer.page;
        break;
    }
    return page;
}

// ── what is found
// ───────────────────────────────────────────────────────────────────────────────────

/// The newest sample of each series, by name and then by labels; one of two selectors that select
/// the same series counts.
using Page = std::map<std::pair<std::string, Labels>, Sample>;

Result<void> find(const FederateSources& sources, std::span<const Matcher> matchers,
                  const Request& request, Page& page) {
    const Timestamp now = sources.clock.now();
    auto cursor = sources.series.select(matchers, {now - sources.lookback, now},
                                        {.latest_only = true}, request.stop);
    if (!cursor) return fail(cursor.error());
    for (Column column; (*cursor)->next(column);) {
        const std::string_view name = column.labels->get(metric_name_label);
        if (name.empty() || column.times.empty()) continue;
        const std::size_t last = column.times.size() - 1;
        Sample sample{column.times[last], 0.0};
        if (!column.histograms.empty() && column.histograms[last])
            sample.value = column.histograms[last];
        else
            sample.value = column.floats[last];
        if (!is_stale(sample.value))
            page.insert_or_assign({std::string(name), *column.labels}, std::move(sample));
    }
    return {};
}

// ── what is written
// ─────────────────────────────────────────────────────────────────────────────────

/// Writes families of one name each; `each_label` gives a series' labels as they are shown.
class PageWriter {
public:
    PageWriter(PageKind kind, const Labels& external) : kind_(kind) {
        for (const Label label : external) external_.emplace_back(label.name, label.value);
        if (!external.has("instance")) external_.emplace_back("instance", "");
        std::sort(external_.begin(), external_.end());
    }

    std::string write(const Page& page) {
        for (auto at = page.begin(); at != page.end();) {
            const std::string& name = at->first.first;
            begin(name);
            for (; at != page.end() && at->first.first == name; ++at)
                if (fits(at->second)) put(at->first.second, at->second);
            end();
        }
        return std::move(out_);
    }

private:
    /// Text has no native histograms; protobuf none with bounds of their own, nor beside floats.
    bool fits(const Sample& sample) {
        const auto* histogram = std::get_if<HistogramRef>(&sample.value);
        if (histogram == nullptr) return !any_ || !histograms_;
        return kind_.protobuf && (*histogram)->custom_bounds.empty() && (!any_ || histograms_);
    }

    void begin(const std::string& name) {
        classic_ = is_classic_metric_name(name);
        name_ = classic_ || kind_.utf8_names ? name : escape_name(name);
        classic_ = classic_ || !kind_.utf8_names;
        any_ = histograms_ = gauges_ = false;
        family_.clear();
    }

    void put(const Labels& labels, const Sample& sample) {
        if (!any_) {
            const auto* histogram = std::get_if<HistogramRef>(&sample.value);
            histograms_ = histogram != nullptr;
            gauges_ = histograms_ && (*histogram)->reset_hint == Histogram::ResetHint::Gauge;
        }
        any_ = true;
        if (kind_.protobuf)
            put_message(labels, sample);
        else
            put_line(labels, sample);
    }

    void end() {
        if (!any_) return;
        if (!kind_.protobuf) {
            out_ += "# TYPE ";
            out_ += classic_ ? name_ : quoted(name_);
            out_ += " untyped\n";
            out_ += family_;
            return;
        }
        std::string message;  // MetricFamily {1 name, 3 type, 4 metrics}
        WireWriter writer(message);
        writer.bytes_field(1, name_);
        writer.varint_field(3, !histograms_ ? 3 : gauges_ ? 5 : 4);
        message += family_;
        WireWriter(out_).varint(message.size());
        out_ += message;
    }

    template <typename Each>
    void each_label(const Labels& labels, Each each) {
        for (const Label label : labels)
            if (label.name != metric_name_label) each(label.name, label.value);
        for (const auto& [name, value] : external_)
            if (!labels.has(name)) each(std::string_view(name), std::string_view(value));
    }

    static std::string quoted(std::string_view text) {
        std::string out = "\"";
        for (const char c : text) {
            if (c == '\n') {
                out += "\\n";
                continue;
            }
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
        return out + '"';
    }

    std::string label_name(std::string_view name) const {
        if (is_classic_label_name(name)) return std::string(name);
        return kind_.utf8_names ? quoted(name) : escape_name(name);
    }

    void put_line(const Labels& labels, const Sample& sample) {
        bool first = classic_;
        family_ += classic_ ? name_ + '{' : '{' + quoted(name_);
        each_label(labels, [&](std::string_view name, std::string_view value) {
            if (!std::exchange(first, false)) family_ += ',';
            family_ += label_name(name) + '=' + quoted(value);
        });
        family_ += "} ";
        append_value(family_, std::get<double>(sample.value));
        family_ += ' ' + std::to_string(sample.at.ms) + '\n';
    }

    /// Metric {1 label {1 name, 2 value}, 5 untyped {1 value}, 6 timestamp_ms, 7 histogram}
    void put_message(const Labels& labels, const Sample& sample) {
        std::string metric, part;
        WireWriter writer(metric);
        each_label(labels, [&](std::string_view name, std::string_view value) {
            part.clear();
            WireWriter(part).bytes_field(1,
                                         kind_.utf8_names ? std::string(name) : escape_label(name));
            WireWriter(part).bytes_field(2, value);
            writer.bytes_field(1, part);
        });
        part.clear();
        if (const auto* histogram = std::get_if<HistogramRef>(&sample.value)) {
            put_histogram(part, **histogram);
            writer.signed_field(6, sample.at.ms);
            writer.bytes_field(7, part);
        } else {
            WireWriter(part).double_field(1, std::get<double>(sample.value));
            writer.bytes_field(5, part);
            writer.signed_field(6, sample.at.ms);
        }
        WireWriter(family_).bytes_field(4, metric);
    }

    static std::string escape_label(std::string_view name) {
        return is_classic_label_name(name) ? std::string(name) : escape_name(name);
    }

    /// Histogram {2 sample_sum, 4 sample_count_float, 5 schema, 6 zero_threshold,
    /// 8 zero_count_float, 9 and 12 spans, 11 and 14 counts: negative and positive}
    static void put_histogram(std::string& bytes, const Histogram& histogram) {
        WireWriter out(bytes);
        out.double_field(2, histogram.sum);
        out.double_field(4, histogram.count);
        out.zigzag_field(5, histogram.schema);
        out.double_field(6, histogram.zero_threshold);
        out.double_field(8, histogram.zero_count);
        const auto side = [&](std::uint32_t spans, std::uint32_t counts, const auto& all_spans,
                              const auto& buckets) {
            for (const Histogram::Span& span : all_spans) {
                std::string part;
                WireWriter(part).zigzag_field(1, span.offset);
                WireWriter(part).varint_field(2, span.length);
                out.bytes_field(spans, part);
            }
            for (const double count : buckets) out.double_field(counts, count);
        };
        side(9, 11, histogram.negative_spans, histogram.negative_buckets);
        side(12, 14, histogram.positive_spans, histogram.positive_buckets);
    }

    const PageKind kind_;
    std::vector<std::pair<std::string, std::string>> external_;
    std::string out_, family_, name_;
    bool classic_ = true, any_ = false, histograms_ = false, gauges_ = false;
};

Response federate(const FederateSources& sources, const Request& request) {
    Page page;
    for (const std::string_view text : request.params("match[]")) {
        const auto selector = read_selector(text);
        if (!selector) return text_response(400, selector.error().message + "\n");
        if (selector->empty()) continue;
        if (const auto found = find(sources, *selector, request, page); !found)
            return text_response(found.error().fault == Fault::BadInput ? 400 : 500,
                                 found.error().message + "\n");
    }
    const PageKind kind = choose_page(request.header("accept"));
    Response response = text_response(200, PageWriter(kind, sources.external()).write(page));
    response.content_type = kind.content_type();
    if (response.body.size() > limits::federate_bytes_max)
        return text_response(422, fmt::format("the page takes more than {} bytes; ask for less\n",
                                              limits::federate_bytes_max));
    return response;
}

}  // namespace

Route federate_route(FederateSources sources) {
    return {.method = "GET",
            .path = "/federate",
            .role = Role::Viewer,
            .group = PathGroup::Metrics,
            .weight = Weight::Worker,
            .answer = [sources = std::move(sources)](const Request& request) {
                return federate(sources, request);
            }};
}

}  // namespace vedette::exporter
