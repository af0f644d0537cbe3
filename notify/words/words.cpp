#include "notify/words/words.h"

#include <fmt/format.h>

#include <cmath>

#include "base/template/value.h"
#include "core/limits.h"

namespace vedette::notify {
namespace {

std::string number_words(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    return fmt::format("{:.6g}", value);
}

/// Lines of one alert, as they are put on a page of limited size.
class Page {
public:
    Page(const Markup& markup, std::size_t max) : markup_(markup), max_(max) {}

    bool empty() const { return text_.empty(); }
    const std::string& text() const { return text_; }

    /// A line that is kept whole or left out.
    bool add(const std::string& line) {
        const std::string more = (text_.empty() ? "" : std::string(markup_.new_line)) + line;
        if (measure(text_, markup_.measure) + measure(more, markup_.measure) > max_) return false;
        text_ += more;
        return true;
    }
    /// Words of somebody else's: escaped, and cut before that when they alone fill the page.
    bool add_words(std::string_view words, bool bold = false) {
        std::string line = marked(words, bold);
        if (add(line)) return true;
        for (std::size_t keep = words.size() / 2; text_.empty() && keep >= 8; keep = keep * 3 / 4)
            if (add(marked(cut_text(words, keep), bold))) return true;
        return false;
    }

private:
    std::string marked(std::string_view words, bool bold) const {
        const std::string text = markup_.escape(words);
        return bold ? fmt::format("{}{}{}", markup_.bold_open, text, markup_.bold_close) : text;
    }

    const Markup& markup_;
    std::size_t max_;
    std::string text_;
};

std::string alert_page(const Message& message, const Alert& alert, const Markup& markup,
                       std::size_t max) {
    const AlertWords words = words_of(message, alert);
    Page page(markup, max);
    // Of a single alert the first line of the message has said it.
    if (message.alerts.size() > 1) page.add_words(words.headline, true);
    for (const std::string& one : words.paragraphs) page.add_words(one);
    std::string facts;
    for (const auto& [name, value] : words.facts)
        facts += fmt::format("{}{}: {}", facts.empty() ? "" : "  ", name, value);
    if (!facts.empty()) page.add_words(facts);
    page.add(markup.escape(words.since + (words.value.empty() ? "" : ", " + words.value)));
    std::string links;
    for (const Link& link : words.links)
        links += (links.empty() ? "" : "  ") + markup.link(link.name, link.url);
    if (!links.empty()) page.add(links);
    return page.text();
}

}  // namespace

std::string clock_words(const Message& message, Timestamp at) {
    return format_go_time(at, "2006-01-02 15:04:05 MST", message.timezone.get());
}

AlertWords words_of(const Message& message, const Alert& alert) {
    AlertWords out;
    out.headline = headline(alert, message.at);
    for (const char* name : {"summary", "description"}) {
        const std::string_view text = alert.annotations.get(name);
        if (!text.empty() && out.headline.find(text) == out.headline.npos) out.paragraphs.emplace_back(text);
    }
    for (const Label label : alert.labels)
        if (label.name != "alertname" && label.name != "severity")
            out.facts.emplace_back(label.name, label.value);
    const bool over = alert.state == AlertState::Resolved;
    out.since = over ? fmt::format("from {} until {}", clock_words(message, starts_at(alert)),
                                   clock_words(message, alert.resolved_at.value_or(message.at)))
                     : "since " + clock_words(message, starts_at(alert));
    if (!over && alert.state == AlertState::Firing) out.value = "value " + number_words(alert.value);
    const auto history = message.histories.find(alert.id.fingerprint);
    if (!out.value.empty() && history != message.histories.end() && history->second->threshold)
        out.value += fmt::format(", threshold {} {}", history->second->comparison,
                                 number_words(*history->second->threshold));
    out.links = links(message, alert);
    return out;
}

std::string note_of(const Message& message) {
    return message.possible_repeat
               ? "(possibly a repeat: the outcome of an earlier attempt is unknown)"
               : "";
}

std::string body_words(const Message& message, const Markup& markup, std::size_t max) {
    // Room for ` and 200000 more` stays free.
    const std::size_t room = max > 64 ? max - 32 : max;
    std::string out;
    std::size_t shown = 0;
    for (const AlertRef& alert : message.alerts) {
        const std::string between = out.empty() ? "" : fmt::format("{0}{0}", markup.new_line);
        const std::size_t used = measure(out + between, markup.measure);
        const std::string one = alert_page(message, *alert, markup, room);
        const bool fits = used + measure(one, markup.measure) <= room;
        if (shown == limits::slack_alerts_max || (shown > 0 && !fits)) break;
        out += between + one;
        ++shown;
    }
    if (shown < message.alerts.size())
        out += fmt::format("{0}{0}and {1} more", markup.new_line, message.alerts.size() - shown);
    return out;
}

}  // namespace vedette::notify
