#include "rules/alert_text.h"

#include <fmt/format.h>

#include "base/template/functions.h"
#include "core/histogram.h"
#include "promql/series_notation.h"

namespace vedette::rules {
namespace {

// Prometheus puts the same line before every text, so columns in messages agree.
constexpr std::string_view prelude =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}"
    "{{$value := .Value}}";

TemplateMap to_map(const Labels& labels) {
    TemplateMap map;
    for (const Label label : labels) map.emplace(label.name, TemplateValue(label.value));
    return map;
}

const std::shared_ptr<const TemplateFunctions>& known_functions() {
    static const auto functions =
        std::make_shared<const TemplateFunctions>(prometheus_functions({}));
    return functions;
}

TemplateFunction returning(TemplateValue value) {
    return {"", [value](TemplateArguments) -> Result<TemplateValue> { return value; }};
}

TemplateValue numbers(std::span<const double> values) {
    return {TemplateList(values.begin(), values.end()), "[]float64"};
}

TemplateValue spans_value(const std::vector<Histogram::Span>& spans) {
    TemplateList out;
    for (const auto& span : spans) {
        TemplateObject one;
        one.type = "histogram.Span";
        one.fields = {{"Offset", span.offset}, {"Length", span.length}};
        out.emplace_back(std::move(one));
    }
    return {std::move(out), "[]histogram.Span"};
}

TemplateValue histogram_value(const Histogram& histogram) {
    TemplateObject out;
    out.type = "*histogram.FloatHistogram";
    out.fields = {{"CounterResetHint", static_cast<int>(histogram.reset_hint)},
                  {"Schema", histogram.schema},
                  {"ZeroThreshold", histogram.zero_threshold},
                  {"ZeroCount", histogram.zero_count},
                  {"Count", histogram.count},
                  {"Sum", histogram.sum},
                  {"PositiveSpans", spans_value(histogram.positive_spans)},
                  {"NegativeSpans", spans_value(histogram.negative_spans)},
                  {"PositiveBuckets", numbers(histogram.positive_buckets)},
                  {"NegativeBuckets", numbers(histogram.negative_buckets)},
                  {"CustomValues", numbers(histogram.custom_bounds)}};
    out.methods["String"] = returning(to_string(histogram));
    out.methods["TestExpression"] = returning(promql::histogram_notation(histogram));
    out.methods["UsesCustomBuckets"] = returning(uses_custom_buckets(histogram));
    return out;
}

}  // namespace

TemplateValue template_value(const Value& value) {
    if (const double* number = std::get_if<double>(&value)) return *number;
    return histogram_value(*std::get<HistogramRef>(value));
}

TemplateValue alert_data(const Labels& labels, const Labels& external_labels,
                         const std::string& external_url, TemplateValue value) {
    TemplateObject data;
    data.type =
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; "
        "Value interface {} }";
    data.fields = {{"Labels", to_map(labels)},
                   {"ExternalLabels", to_map(external_labels)},
                   {"ExternalURL", external_url},
                   {"Value", std::move(value)}};
    return data;
}

Result<AlertText> AlertText::compile(const std::string& alert, const std::string& text) {
    AlertText out;
    out.name_ = "__alert_" + alert;
    out.text_ = text;
    if (text.find("{{") == std::string::npos) return out;
    TemplateSet templates(known_functions());
    auto taken = templates.add(out.name_, std::string(prelude) + text);
    if (!taken) return fail(taken.error());
    out.templates_ = std::move(templates);
    return out;
}

std::string AlertText::expand(const TemplateValue& data, const TemplateFunctions& functions) const {
    if (!templates_) return text_;
    auto text = templates_->expand(name_, data, &functions);
    if (text) return *std::move(text);
    return fmt::format("<error expanding template: error executing template {}: {}>", name_,
                       text.error().message);
}

}  // namespace vedette::rules
