#include "rules/testing/series.h"

#include <fmt/format.h>

#include <set>

#include "core/series.h"
#include "promql/series_notation.h"
#include "promql/syntax/parse.h"

namespace vedette::rules::testing {

Result<Labels> read_labels(std::string_view series) {
    const auto first = series.find_first_not_of(" \t\n");
    const auto last = series.find_last_not_of(" \t\n");
    const std::string_view text =
        first == std::string_view::npos ? "" : series.substr(first, last - first + 1);
    if (text.empty() || text == "{}") return Labels();
    const auto matchers = promql::parse_selector(text);
    if (!matchers) return fail(matchers.error());
    LabelsBuilder out;
    std::set<std::string_view> names;
    for (const Matcher& matcher : *matchers) {
        if (!names.insert(matcher.name).second)
            return fail(Fault::BadInput, fmt::format("label name {} is not unique: invalid sample",
                                                     quote(matcher.name)));
        if (matcher.op != Matcher::Op::Equal)
            return fail(Fault::BadInput,
                        fmt::format("{} in {}; expected `=` between a label and its value",
                                    to_string(matcher), quote(text)));
        out.set(matcher.name, matcher.value);
    }
    return out.build();
}

Result<SeriesValues> read_series(std::string_view series, std::string_view values) {
    auto labels = read_labels(series);
    if (!labels) return fail(labels.error());
    auto read = promql::parse_series_values(values);
    if (!read)
        return fail(read.error().fault,
                    fmt::format("values of {}: {}", series, read.error().message));
    return SeriesValues{*std::move(labels), *std::move(read)};
}

}  // namespace vedette::rules::testing
