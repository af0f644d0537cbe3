#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/series.h"

namespace re2 {
class RE2;
}

namespace vedette::store {

/// A matcher made ready to be asked many times. Patterns mean what they mean in Prometheus: RE2,
/// anchored at both ends, `.` matches newlines, `(?<name>…)` is taken too. An absent label is an
/// empty value. Safe to share between threads.
class ReadyMatcher {
public:
    /// Fails with BadInput and the matcher's text when the pattern is no RE2 expression.
    static Result<ReadyMatcher> make(const Matcher& matcher);
    ReadyMatcher(ReadyMatcher&&) noexcept;
    ReadyMatcher& operator=(ReadyMatcher&&) noexcept;
    ~ReadyMatcher();

    const std::string& name() const { return name_; }
    bool holds(std::string_view value) const;
    /// Series without the label satisfy it too.
    bool holds_empty() const { return holds_empty_; }
    /// Every value that satisfies it, when there are only so many (`=`, `=~"a|b"`); sorted.
    const std::vector<std::string>* only_values() const {
        return only_values_ ? &*only_values_ : nullptr;
    }
    /// Worth remembering what it answered: it runs a pattern.
    bool is_slow() const { return kind_ == Kind::Pattern; }
    /// True for every value, the empty one too: `=~".*"`.
    bool holds_always() const { return kind_ == Kind::Anything && !negated_; }

private:
    enum class Kind { Values, Around, Pattern, Anything, NotEmpty };

    ReadyMatcher() = default;

    std::string name_;
    Kind kind_ = Kind::Values;
    bool negated_ = false;
    bool holds_empty_ = false;
    std::vector<std::string> values_;
    bool open_before_ = false, open_after_ = false;  // of Around: what may stand beside the value
    std::optional<std::vector<std::string>> only_values_;
    std::unique_ptr<re2::RE2> pattern_;
};

/// The words of a pattern that is nothing but words: `a|b\.c` gives `a` and `b.c`, sorted.
std::optional<std::vector<std::string>> pattern_words(std::string_view pattern);

/// `.*word`, `word.*` or `.*word.*`: what dashboards and rules mostly ask. Nothing for all else.
struct WordAround {
    std::string word;
    bool open_before = false, open_after = false;
};
std::optional<WordAround> word_around(std::string_view pattern);

/// `(?<name>` as RE2 of 2022 wants it: `(?P<name>`. Leaves escapes, classes and `(?<=` alone.
std::string with_go_groups(std::string_view pattern);

}  // namespace vedette::store
