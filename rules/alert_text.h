#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/template/template.h"
#include "core/labels.h"
#include "core/sample.h"

namespace vedette::rules {

/// A sample's value inside a template: a number, or a histogram with the fields and methods that
/// Prometheus's have (`$value.Count`, `$value.Sum`), which prints as the language shows it.
TemplateValue template_value(const Value& value);

/// What a label's or annotation's template sees: `$labels`, `$value`, `$externalLabels`,
/// `$externalURL`. `value` is a `template_value`.
TemplateValue alert_data(const Labels& labels, const Labels& external_labels,
                         const std::string& external_url, TemplateValue value);

/// A label value or an annotation of an alerting rule: plain text, or a template parsed once.
class AlertText {
public:
    /// Fails with BadInput and Prometheus's message when `text` is no template.
    static Result<AlertText> compile(const std::string& alert, const std::string& text);

    /// What cannot be expanded becomes `<error expanding template: …>`, as in Prometheus: an alert
    /// is sent whatever its words.
    std::string expand(const TemplateValue& data, const TemplateFunctions& functions) const;

private:
    AlertText() = default;
    std::string name_, text_;
    std::optional<TemplateSet> templates_;  // absent: `text_` as it stands
};

}  // namespace vedette::rules
