#pragma once

#include <string>
#include <string_view>

#include "base/template/value.h"

/// Functions on texts that several programs' templates offer; known only to base/template.
namespace vedette::template_text {

/// Bytes of the first character; 1 where it is none.
std::size_t rune_bytes(std::string_view text);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
enum class TitleRest { Same, Lower };
/// First letters of words go up; the others stay as they are, or go down.
std::string title(std::string_view text, TitleRest rest);
std::string trim_space(std::string_view text);

/// A text that has a type of its own: functions that take strings refuse it, as in Go.
TemplateValue text_of_type(const char* type, std::string_view text);

/// Go's net.SplitHostPort: the host, or the text when it has no port.
std::string strip_port(std::string_view text);
/// The host up to its first dot, with its port; addresses stay.
std::string strip_domain(std::string_view text);

/// (pattern, text): whether the pattern is found in it.
Result<TemplateValue> match(TemplateArguments args);
/// (pattern, replacement, text), with Go's `$1` and `${name}`.
Result<TemplateValue> re_replace_all(TemplateArguments args);

/// A function of one string.
TemplateFunction of_string(std::string (*call)(std::string_view));
/// A function of one number, or of what can be read as one.
TemplateFunction of_number(std::function<Result<TemplateValue>(double)> call);

/// `1h 1m 1s`, as both programs' humanizeDuration.
std::string humanize_seconds(double value);

/// What both programs offer: toUpper, toLower, safeHtml, match, reReplaceAll, humanizeDuration.
TemplateFunctions common_functions();

}  // namespace vedette::template_text
