#include "exporter/ingest/otlp/translate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/histogram.h"
#include "exporter/ingest/otlp/names.h"

namespace vedette::exporter::otlp {

namespace {

using LabelMap = std::map<std::string, std::string>;
using Series = WriteRequest::Series;

constexpr std::int32_t schema_max = 8, schema_min = -4, schema_custom = -53;
constexpr std::int32_t scale_max = 20;  // the protocol's own
// Observations nearer to zero than this count as zero where the sender names no threshold.
constexpr double zero_threshold_default = 1e-128;

/// Two attributes may become one label; their values are joined in the order of the attributes.
void add_attributes(std::vector<Attribute> attributes, const Settings& settings, LabelMap& out) {
    std::ranges::stable_sort(attributes, {}, &Attribute::key);
    LabelMap made;
    for (const Attribute& attribute : attributes) {
        const std::string name = label_name(attribute.key, settings.translation);
        if (name.empty()) continue;
        const auto [at, is_new] = made.emplace(name, attribute.value);
        if (!is_new) at->second += ";" + attribute.value;
    }
    for (auto& [name, value] : made) out.insert_or_assign(name, std::move(value));
}

const std::string* find(const std::vector<Attribute>& attributes, std::string_view key) {
    const auto found = std::ranges::find(attributes, key, &Attribute::key);
    return found == attributes.end() ? nullptr : &found->value;
}

bool identifies(std::string_view key) {
    return key == "service.name" || key == "service.namespace" || key == "service.instance.id";
}

/// Empty, or why a metric's points mean nothing to Prometheus.
std::string why_not(const Metric& metric) {
    const bool cumulative = metric.temporality == Metric::Temporality::Cumulative;
    switch (metric.kind) {
        case Metric::Kind::None:
            return fmt::format("metric {} holds no kind of data that is known", metric.name);
        case Metric::Kind::Gauge:
        case Metric::Kind::Summary:
            return {};
        default:
            break;
    }
    if (cumulative) return {};
    return fmt::format("metric {} is not cumulative; set the exporter's temporality to cumulative",
                       metric.name);
}

std::string_view type_of(const Metric& metric) {
    switch (metric.kind) {
        case Metric::Kind::Sum:
            return metric.monotonic ? "counter" : "gauge";
        case Metric::Kind::Histogram:
        case Metric::Kind::ExponentialHistogram:
            return "histogram";
        case Metric::Kind::Summary:
            return "summary";
        default:
            return "gauge";
    }
}

/// Buckets of twice the width: two neighbours become one. Index i of OTLP is (base^i, base^(i+1)].
void halve(Point::Buckets& buckets) {
    if (buckets.counts.empty()) return;
    const std::int64_t first = buckets.offset >> 1;
    const std::int64_t last =
        (buckets.offset + static_cast<std::int64_t>(buckets.counts.size()) - 1) >> 1;
    std::vector<std::uint64_t> merged(static_cast<std::size_t>(last - first + 1));
    for (std::size_t i = 0; i < buckets.counts.size(); ++i)
        merged[static_cast<std::size_t>(
            ((buckets.offset + static_cast<std::int64_t>(i)) >> 1) - first)] += buckets.counts[i];
    buckets = {static_cast<std::int32_t>(first), std::move(merged)};
}

/// Prometheus numbers a bucket by its upper bound: one more than OTLP. Gaps of more than two empty
/// buckets part the spans.
void fill_side(const Point::Buckets& from, std::vector<Histogram::Span>& spans,
               std::vector<double>& buckets) {
    constexpr std::size_t gap_max = 2;
    std::int64_t next = 0;  // where the next span's offset counts from
    std::size_t i = 0;
    const auto& counts = from.counts;
    while (i < counts.size()) {
        std::size_t gap = 0;
        while (i + gap < counts.size() && counts[i + gap] == 0) ++gap;
        if (i + gap == counts.size()) return;
        const std::int64_t index = from.offset + static_cast<std::int64_t>(i + gap) + 1;
        if (spans.empty() || gap > gap_max) {
            spans.push_back({static_cast<std::int32_t>(index - next), 0});
        } else {
            buckets.insert(buckets.end(), gap, 0);
            spans.back().length += static_cast<std::uint32_t>(gap);
        }
        i += gap;
        buckets.push_back(static_cast<double>(counts[i++]));
        ++spans.back().length;
        next = index + 1;
    }
}

class Translator {
public:
    explicit Translator(const Settings& settings) : settings_(settings) {}

    Translated run(const Message& message) {
        for (const Resource& resource : message) {
            const LabelMap labels = resource_labels(resource);
            newest_ = {};
            for (const Metric& metric : resource.metrics) add_metric(metric, labels);
            if (newest_.ms > 0) add_target_info(resource);
        }
        return std::move(out_);
    }

private:
    LabelMap job_and_instance(const Resource& resource) const {
        LabelMap labels;
        if (const std::string* name = find(resource.attributes, "service.name")) {
            const std::string* space = find(resource.attributes, "service.namespace");
            labels["job"] = space != nullptr ? *space + "/" + *name : *name;
        }
        if (const std::string* instance = find(resource.attributes, "service.instance.id"))
            labels["instance"] = *instance;
        return labels;
    }

    /// What every series of the resource carries.
    LabelMap resource_labels(const Resource& resource) const {
        const auto listed = [](const std::vector<std::string>& names, const std::string& key) {
            return std::ranges::find(names, key) != names.end();
        };
        std::vector<Attribute> promoted;
        for (const Attribute& attribute : resource.attributes)
            if (settings_.promote_all_resource_attributes
                    ? !listed(settings_.ignore_resource_attributes, attribute.key)
                    : listed(settings_.promote_resource_attributes, attribute.key))
                promoted.push_back(attribute);
        LabelMap labels;
        add_attributes(std::move(promoted), settings_, labels);
        for (auto& [name, value] : job_and_instance(resource)) labels.insert_or_assign(name, value);
        return labels;
    }

    void add_metric(const Metric& metric, const LabelMap& labels) {
        if (const std::string why = why_not(metric); !why.empty()) {
            out_.refused += metric.points.size();
            if (out_.first.empty()) out_.first = why;
            return;
        }
        const std::string name = metric_name(metric, settings_.translation);
        out_.request.metadata.push_back({keep(name), type_of(metric), keep(metric.description),
                                         keep(unit_name(metric.unit))});
        for (const Point& point : metric.points) {
            LabelMap own = labels;
            LabelMap attributes;
            add_attributes(point.attributes, settings_, attributes);
            for (auto& [key, value] : attributes)
                if (key != "job" && key != "instance") own.insert_or_assign(key, std::move(value));
                else own.emplace(key, std::move(value));
            newest_ = std::max(newest_, point.at);
            add_point(metric, name, point, own);
        }
    }

    void add_point(const Metric& metric, const std::string& name, const Point& point,
                   const LabelMap& labels) {
        switch (metric.kind) {
            case Metric::Kind::Histogram:
                if (settings_.convert_histograms_to_nhcb)
                    return add_custom(name, point, labels);
                return add_classic(name, point, labels);
            case Metric::Kind::ExponentialHistogram:
                return add_exponential(name, point, labels);
            case Metric::Kind::Summary:
                return add_summary(name, point, labels);
            default:
                add_exemplars(add(name, labels, point, point.value), point);
        }
    }

    void add_classic(const std::string& name, const Point& point, const LabelMap& labels) {
        if (point.sum) add(name + "_sum", labels, point, *point.sum);
        add(name + "_count", labels, point, static_cast<double>(point.count));
        std::uint64_t below = 0;
        double lower = -INFINITY;
        for (std::size_t i = 0; i <= point.bounds.size(); ++i) {
            const bool last = i == point.bounds.size();
            const double bound = last ? INFINITY : point.bounds[i];
            if (std::isinf(bound) && !last) continue;
            below += i < point.bucket_counts.size() ? point.bucket_counts[i] : 0;
            LabelMap own = labels;
            own.insert_or_assign("le", last ? "+Inf" : format_value(bound, ValueStyle::Json));
            Series& series = add(name + "_bucket", own, point,
                                 static_cast<double>(last ? point.count : below));
            for (const Exemplar& exemplar : point.exemplars)
                if (exemplar.value > lower && exemplar.value <= bound)
                    add_exemplar(series, exemplar);
            lower = bound;
        }
    }

    void add_custom(const std::string& name, const Point& point, const LabelMap& labels) {
        auto histogram = std::make_shared<Histogram>();
        histogram->schema = schema_custom;
        histogram->custom_bounds = point.bounds;
        if (!histogram->custom_bounds.empty() && std::isinf(histogram->custom_bounds.back()))
            histogram->custom_bounds.pop_back();
        fill_side({-1, point.bucket_counts}, histogram->positive_spans,
                  histogram->positive_buckets);
        add_exemplars(add_histogram(name, labels, point, std::move(histogram)), point);
    }

    void add_exponential(const std::string& name, const Point& point, const LabelMap& labels) {
        if (point.scale < schema_min || point.scale > scale_max) {
            ++out_.refused;
            if (out_.first.empty())
                out_.first = fmt::format(
                    "metric {} is an exponential histogram of scale {}; {} to {} are taken", name,
                    point.scale, schema_min, scale_max);
            return;
        }
        Point::Buckets positive = point.positive, negative = point.negative;
        std::int32_t scale = point.scale;
        for (; scale > schema_max; --scale) {
            halve(positive);
            halve(negative);
        }
        auto histogram = std::make_shared<Histogram>();
        histogram->schema = scale;
        histogram->zero_count = static_cast<double>(point.zero_count);
        histogram->zero_threshold =
            point.zero_threshold == 0 ? zero_threshold_default : point.zero_threshold;
        fill_side(positive, histogram->positive_spans, histogram->positive_buckets);
        fill_side(negative, histogram->negative_spans, histogram->negative_buckets);
        add_exemplars(add_histogram(name, labels, point, std::move(histogram)), point);
    }

    void add_summary(const std::string& name, const Point& point, const LabelMap& labels) {
        add(name + "_sum", labels, point, point.sum.value_or(0));
        add(name + "_count", labels, point, static_cast<double>(point.count));
        for (const auto& [quantile, value] : point.quantiles) {
            LabelMap own = labels;
            own.insert_or_assign("quantile", format_value(quantile, ValueStyle::Json));
            add(name, own, point, value);
        }
    }

    /// The resource itself, at the newest time of its points, when there is more to say of it than
    /// its job and instance.
    void add_target_info(const Resource& resource) {
        LabelMap labels;
        std::vector<Attribute> said;
        for (const Attribute& attribute : resource.attributes)
            if (!identifies(attribute.key) || settings_.keep_identifying_resource_attributes)
                said.push_back(attribute);
        const LabelMap identity = job_and_instance(resource);
        if (said.empty() || identity.empty()) return;
        add_attributes(std::move(said), settings_, labels);
        for (const auto& [name, value] : identity) labels.insert_or_assign(name, value);
        Point point;
        point.at = newest_;
        add("target_info", labels, point, 1);
        out_.request.metadata.push_back({"target_info", "gauge", "Target metadata", ""});
    }

    std::string_view keep(std::string text) { return out_.texts.emplace_back(std::move(text)); }

    Series& add_sample(const std::string& name, const LabelMap& labels, Sample sample) {
        Series& series = out_.request.series.emplace_back();
        series.labels.push_back({"__name__", keep(name)});
        for (const auto& [key, value] : labels)
            if (key != "__name__") series.labels.push_back({keep(key), keep(value)});
        series.samples.push_back(std::move(sample));
        return series;
    }

    Series& add(const std::string& name, const LabelMap& labels, const Point& point, double value) {
        return add_sample(name, labels, {point.at, point.absent ? stale_marker() : value});
    }

    Series& add_histogram(const std::string& name, const LabelMap& labels, const Point& point,
                          std::shared_ptr<Histogram> histogram) {
        histogram->sum = point.absent ? stale_marker() : point.sum.value_or(0);
        histogram->count = static_cast<double>(point.count);
        const auto valid = point.absent ? Result<void>() : validate(*histogram, true);
        Series& series = add_sample(name, labels, {point.at, HistogramRef(std::move(histogram))});
        if (!valid) series.refusal = fmt::format("metric {}: {}", name, valid.error().message);
        return series;
    }

    void add_exemplars(Series& series, const Point& point) {
        for (const Exemplar& exemplar : point.exemplars) add_exemplar(series, exemplar);
    }

    void add_exemplar(Series& series, const Exemplar& exemplar) {
        LabelMap labels;
        add_attributes(exemplar.attributes, settings_, labels);
        if (!exemplar.trace_id.empty()) labels.insert_or_assign("trace_id", exemplar.trace_id);
        if (!exemplar.span_id.empty()) labels.insert_or_assign("span_id", exemplar.span_id);
        Series::Exemplar made;
        for (const auto& [key, value] : labels) made.labels.push_back({keep(key), keep(value)});
        made.at = exemplar.at;
        made.value = exemplar.value;
        series.exemplars.push_back(std::move(made));
    }

    const Settings& settings_;
    Translated out_;
    Timestamp newest_;
};

}  // namespace

Translated translate(const Message& message, const Settings& settings) {
    return Translator(settings).run(message);
}

}  // namespace vedette::exporter::otlp
