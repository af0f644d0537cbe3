#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/annotations.h"
#include "core/labels.h"

/// What rule tests print, in promtool's own form.
namespace vedette::rules::testing {

/// An alert as tests compare it. What is expected may have a label with an empty text, which no
/// alert has.
struct AlertWords {
    Annotations labels, annotations;

    auto operator<=>(const AlertWords&) const = default;
};

/// A sample as tests compare it; `histogram` in the notation of input series, empty for a float.
struct SampleWords {
    Labels labels;
    double value = 0;
    std::string histogram;
};

/// `{__name__="up", job="a"}`: the metric name is a label like the others.
std::string label_set_text(const Labels& labels);

///     [
///         0:
///           Labels:{alertname="Down"}
///           Annotations:{}
///         ]
std::string alerts_text(const std::vector<AlertWords>& alerts);

/// `{__name__="up"} 1E+00, {} {{schema:1 …}}`, or `nil`.
std::string samples_text(const std::vector<SampleWords>& samples);

/// Puts `indent` behind every newline.
std::string indent_lines(std::string_view text, std::string_view indent);

/// How `got` differs from `expected`: JSON in the colours of a terminal, green for what was added,
/// red for what is missing, yellow for what changed.
std::string alerts_difference(std::vector<AlertWords> expected, std::vector<AlertWords> got);

}  // namespace vedette::rules::testing
