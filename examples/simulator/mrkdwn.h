#pragma once

#include <string>
#include <string_view>

namespace vedette::simulator {

/// `&`, `<`, `>` and both quotes as HTML entities: safe as text and inside quoted attributes.
std::string escape_html(std::string_view text);

/// Slack's markup as HTML: `*bold*`, `_italic_`, `~struck~`, `` `code` ``, `<https://…|label>`, line
/// ends. Everything else is text and stays text; links lead to http, https and mailto only.
std::string mrkdwn_to_html(std::string_view text);

/// A link when `url` is http, https or mailto, else the plain label. Both are escaped.
std::string link_html(std::string_view url, std::string_view label);

}  // namespace vedette::simulator
