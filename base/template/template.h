#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/template/value.h"
#include "core/error.h"
#include "core/limits.h"

namespace vedette {

/// Go's text/template, as rules and notifications use it: several templates that may call each
/// other.
///
///     TemplateSet set(prometheus_functions({}));
///     set.add("summary", "{{ .Labels.instance }} is at {{ .Value | humanize }}");
///     set.expand("summary", dot);
///
/// Copies are cheap: parsed templates are shared and never change. Safe to read from several
/// threads.
class TemplateSet {
public:
    /// What a field that a map does not hold expands to.
    enum class MissingKey { Empty, NoValue };  // NoValue prints `<no value>`
    /// What is done to what actions print: nothing, or what Go's html/template does to it between
    /// tags and inside quotes. The template's own text and what `safeHtml` gives stay as they are.
    enum class Escape { Nothing, Html };

    /// `functions`: what templates may call, beside Go's own (`eq`, `len`, `printf` …).
    explicit TemplateSet(TemplateFunctions functions, MissingKey missing = MissingKey::Empty);
    /// The same, with a table that many sets share.
    explicit TemplateSet(std::shared_ptr<const TemplateFunctions> functions,
                         MissingKey missing = MissingKey::Empty);

    /// Parses `text` as the template `name` and takes what it defines; a later definition of one
    /// name replaces an earlier one, but an empty one replaces nothing. Fails with BadInput and
    /// Go's message, `template: NAME:LINE: what was found`; then nothing is taken.
    Result<void> add(const std::string& name, std::string_view text);
    bool has(std::string_view name) const;

    /// Runs template `name` with `dot`. `instead` overrides functions of the set for this run.
    /// Fails with BadInput and Go's message (`template: NAME:LINE:COLUMN: executing "NAME" at <…>:
    /// …`), and with Limit when output, steps or depth exceed limits.h.
    Result<std::string> expand(std::string_view name, const TemplateValue& dot,
                               const TemplateFunctions* instead = nullptr,
                               Escape escape = Escape::Nothing) const;

private:
    struct Parsed;
    std::shared_ptr<const TemplateFunctions> functions_;
    MissingKey missing_;
    std::map<std::string, std::shared_ptr<const Parsed>, std::less<>> templates_;
};

}  // namespace vedette
