#pragma once

#include <string>
#include <utility>
#include <vector>

#include "notify/message.h"
#include "notify/words/markup.h"

namespace vedette::notify {

/// What people read of one alert, before it is anybody's markup.
struct AlertWords {
    std::string headline;                ///< `CRITICAL checkout down · 4 min`
    std::vector<std::string> paragraphs; ///< summary and description, unless the headline said them
    std::vector<std::pair<std::string, std::string>> facts;  ///< labels that say what and where
    std::string since;                   ///< `since 2026-11-20 10:00:00 CET`, or `from … until …`
    std::string value;                   ///< `value 0.4, threshold < 0.5`; empty when it has none
    std::vector<Link> links;
};
AlertWords words_of(const Message& message, const Alert& alert);

/// `(possibly a repeat: the outcome of an earlier attempt is unknown)`, or `(a drill …)`; empty.
std::string note_of(const Message& message);

/// The body of a message below its headline: alert by alert, in `markup`, at most `max` long. Whole
/// lines only, so no markup is ever broken; a line of text that alone is too long is cut before it is
/// escaped. Alerts that find no room are counted: `and 3 more`.
std::string body_words(const Message& message, const Markup& markup, std::size_t max);

/// `2026-11-20 10:00:00 CET`, in the message's time zone.
std::string clock_words(const Message& message, Timestamp at);

}  // namespace vedette::notify
