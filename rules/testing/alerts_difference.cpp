#include <algorithm>
#include <map>

#include "rules/testing/test_text.h"

namespace vedette::rules::testing {
namespace {

constexpr std::string_view added = "\x1b[0;32m", missing = "\x1b[0;31m", changed = "\x1b[0;33m",
                           plain = "\x1b[0m";

/// Writes lines of JSON at a depth, each in its colour from the first character to the last.
class Lines {
public:
    void line(int depth, std::string_view colour, std::string text, bool last) {
        if (!last) text += ',';
        begin(depth);
        out_ += std::string(colour) + text + std::string(colour.empty() ? "" : plain);
    }
    /// As `line`, but the comma that follows keeps the colour of the terminal.
    void entry(int depth, std::string_view colour, std::string_view text, bool last) {
        begin(depth);
        out_ += std::string(colour) + std::string(text) + std::string(colour.empty() ? "" : plain);
        if (!last) out_ += ',';
    }
    std::string take() { return std::move(out_); }

private:
    void begin(int depth) {
        if (!out_.empty()) out_ += '\n';
        out_.append(static_cast<std::size_t>(depth) * 4, ' ');
    }
    std::string out_;
};

std::string entry_text(std::string_view name, std::string_view value) {
    return quote(name) + ": " + quote(value);
}

/// One map, all of it in one colour: an alert that only one side has.
template <typename Texts>
void whole_map(Lines& out, const char* name, const Texts& texts, std::string_view colour,
               bool last) {
    const std::string head = quote(name) + ": {";
    if (texts.empty()) return out.line(2, colour, head + "}", last);
    out.line(2, colour, head, true);
    std::size_t left = texts.size();
    for (const auto& [key, text] : texts) out.line(3, colour, entry_text(key, text), --left == 0);
    out.line(2, colour, "}", last);
}

template <typename Texts>
void compare_map(Lines& out, const char* name, const Texts& expected, const Texts& got, bool last) {
    const std::string head = quote(name) + ": {";
    std::map<std::string, int> names;
    for (const auto* texts : {&expected, &got})
        for (const auto& [key, text] : *texts) names[std::string(key)] = 0;
    if (names.empty()) return out.entry(2, {}, head + "}", last);
    out.entry(2, {}, head, true);
    std::size_t left = names.size();
    for (const auto& entry : names) {
        const std::string& key = entry.first;
        const std::string_view before = expected.get(key), now = got.get(key);
        const bool is_last = --left == 0;
        if (!got.has(key))
            out.entry(3, missing, entry_text(key, before), is_last);
        else if (!expected.has(key))
            out.entry(3, added, entry_text(key, now), is_last);
        else if (before == now)
            out.entry(3, {}, entry_text(key, now), is_last);
        else
            out.entry(3, {},
                      quote(key) + ": " + std::string(changed) + quote(before) + " => " +
                          quote(now) + std::string(plain),
                      is_last);
    }
    out.entry(2, {}, "}", last);
}

}  // namespace

std::string alerts_difference(std::vector<AlertWords> expected, std::vector<AlertWords> got) {
    // Nothing is compared as one alert without words.
    if (expected.empty()) expected.emplace_back();
    if (got.empty()) got.emplace_back();
    Lines out;
    out.entry(0, {}, "[", true);
    const std::size_t count = std::max(expected.size(), got.size());
    for (std::size_t i = 0; i < count; ++i) {
        const bool last = i + 1 == count, both = i < expected.size() && i < got.size();
        const std::string_view colour = both ? "" : i < got.size() ? added : missing;
        out.entry(1, colour, "{", true);
        if (both) {
            compare_map(out, "Annotations", expected[i].annotations, got[i].annotations, false);
            compare_map(out, "Labels", expected[i].labels, got[i].labels, true);
        } else {
            const AlertWords& one = i < got.size() ? got[i] : expected[i];
            whole_map(out, "Annotations", one.annotations, colour, false);
            whole_map(out, "Labels", one.labels, colour, true);
        }
        out.entry(1, colour, "}", last);
    }
    out.entry(0, {}, "]", true);
    return out.take();
}

}  // namespace vedette::rules::testing
