#pragma once

#include <memory>
#include <string>

#include "base/template/template.h"
#include "core/error.h"
#include "notify/message.h"
#include "notify/settings.h"

namespace vedette::notify {

/// The templates of messages: Alertmanager's functions, the configured files, and under the
/// names that configurations ask for (`slack.default.title` …) templates that say the same as
/// Alertmanager's.
/// Immutable; safe between threads.
class Templates {
public:
    /// Fails with the first template file that cannot be parsed.
    static Result<std::shared_ptr<const Templates>> make(const Settings& settings);

    /// Expands `text` with the message as dot, as Alertmanager's templates see it.
    Result<std::string> expand(std::string_view text, const Message& message) const;
    /// The same for HTML: what the message says is escaped, unless `safeHtml` says otherwise.
    Result<std::string> expand_html(std::string_view text, const Message& message) const;
    /// Parses only, for a check of the configuration.
    Result<void> check(std::string_view text) const;

private:
    Result<std::string> run(std::string_view text, const Message& message,
                            TemplateSet::Escape escape) const;

    explicit Templates(TemplateSet set) : set_(std::move(set)) {}
    TemplateSet set_;
};

/// Parses every template text of every receiver; the first that is wrong, with whose it is.
Result<void> check_templates(const Settings& settings, const Templates& templates);

}  // namespace vedette::notify
