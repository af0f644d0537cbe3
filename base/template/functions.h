#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/template/value.h"

namespace vedette {

/// What Prometheus's template functions need from outside.
struct PrometheusFunctionSettings {
    /// Answers `query`: a `template_query_result`. Absent: every query fails.
    std::function<Result<TemplateValue>(const std::string& expression)> query;
    std::string external_url;  ///< `externalURL`, and its path is `pathPrefix`
};

/// All functions of Prometheus 3.5's alert templates: humanize*, toTime, query, first, sortByLabel,
/// match, reReplaceAll, externalURL, pathPrefix, args, parseDuration and the rest.
TemplateFunctions prometheus_functions(const PrometheusFunctionSettings& settings);

/// All functions of Alertmanager 0.33's templates: join, stringSlice, date, since, toJson
/// and the rest. `now` is what `since` counts from.
TemplateFunctions alertmanager_functions(std::function<Timestamp()> now);

/// `/graph?g0.expr=up&g0.tab=1`: where an expression can be looked at, below a Prometheus's own
/// URL.
std::string table_link(std::string_view expression);

/// One element of what `query` returns: fields Labels and Value (a number, or a histogram).
TemplateValue template_sample(TemplateMap labels, TemplateValue value);
/// What `query` returns: a list of `template_sample`s.
TemplateValue template_query_result(TemplateList samples);

}  // namespace vedette
