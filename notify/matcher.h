#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/labels.h"
#include "core/series.h"

namespace re2 {
class RE2;
}

namespace vedette::notify {

/// One condition on a label, its pattern compiled once: what routes, silences and inhibition rules are
/// made of. A label that is not there has the empty value. Patterns match the whole value.
/// Immutable; copies share the pattern; safe between threads.
class AlertMatcher {
public:
    /// Fails with BadInput when the name is empty or the pattern is no RE2 expression.
    static Result<AlertMatcher> make(Matcher matcher);

    bool matches(const Labels& labels) const;
    const Matcher& matcher() const { return matcher_; }
    bool operator==(const AlertMatcher& other) const { return matcher_ == other.matcher_; }

private:
    explicit AlertMatcher(Matcher matcher) : matcher_(std::move(matcher)) {}

    Matcher matcher_;
    std::shared_ptr<const re2::RE2> pattern_;
};

/// All of them hold. No matcher holds for everything.
using AlertMatchers = std::vector<AlertMatcher>;
bool match_all(const AlertMatchers& matchers, const Labels& labels);

/// Reads `severity="critical"`, `{job=~"a|b", team!=x}`: Alertmanager's matchers, names and values
/// quoted or not. What its new grammar does not take is read by its old one (`foo=bar baz`).
Result<AlertMatchers> parse_matchers(std::string_view text);

/// `{job=~"a|b",team!="x"}`, sorted by name, as Alertmanager writes a route's part of a group key.
std::string to_string(const AlertMatchers& matchers);

}  // namespace vedette::notify
