#include "store/matching.h"

#include <re2/re2.h>

#include <algorithm>

namespace vedette::store {
namespace {

bool is_punctuation(char c) {
    return std::string_view("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~").find(c) != std::string_view::npos;
}

bool is_special(char c) {
    return std::string_view("\\.+*?()[]{}^$").find(c) != std::string_view::npos;
}

// `(a|b)` and `(?:a|b)` are `a|b`: the parentheses are the outermost and nothing follows them. The
// inside may hold no other parenthesis, which pattern_words sees to.
std::string_view without_group(std::string_view pattern) {
    if (pattern.size() < 2 || pattern.front() != '(' || pattern.back() != ')') return pattern;
    if (pattern.size() >= 3 && pattern[pattern.size() - 2] == '\\') return pattern;
    pattern = pattern.substr(1, pattern.size() - 2);
    if (pattern.starts_with("?:")) pattern.remove_prefix(2);
    return pattern;
}

}  // namespace

std::optional<std::vector<std::string>> pattern_words(std::string_view pattern) {
    pattern = without_group(pattern);
    std::vector<std::string> words(1);
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '|') {
            words.emplace_back();
        } else if (pattern[i] == '\\' && i + 1 < pattern.size() && is_punctuation(pattern[i + 1])) {
            words.back() += pattern[++i];
        } else if (is_special(pattern[i])) {
            return std::nullopt;
        } else {
            words.back() += pattern[i];
        }
    }
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    return words;
}

std::optional<WordAround> word_around(std::string_view pattern) {
    constexpr std::string_view anything = ".*";
    WordAround around;
    around.open_before = pattern.starts_with(anything);
    if (around.open_before) pattern.remove_prefix(anything.size());
    around.open_after = pattern.ends_with(anything);
    if (around.open_after) pattern.remove_suffix(anything.size());
    if (!around.open_before && !around.open_after) return std::nullopt;
    // `.*a|a` is two patterns, each with its own beginning and end.
    if (pattern.empty() || pattern.find('|') != pattern.npos) return std::nullopt;
    auto words = pattern_words(pattern);
    if (!words) return std::nullopt;
    around.word = std::move(words->front());
    return around;
}

std::string with_go_groups(std::string_view pattern) {
    std::string out;
    bool in_class = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const std::string_view rest = pattern.substr(i);
        if (rest.starts_with("\\Q")) {  // literal text up to \E
            const std::size_t end = std::min(pattern.find("\\E", i), pattern.size());
            out += pattern.substr(i, end - i);
            i = end - 1;
            continue;
        }
        out += pattern[i];
        if (pattern[i] == '\\' && i + 1 < pattern.size()) {
            out += pattern[++i];
        } else if (in_class) {
            // `[]a]` and `[^]a]`: a bracket that comes first is an ordinary character.
            in_class = pattern[i] != ']';
        } else if (pattern[i] == '[') {
            in_class = true;
            if (i + 1 < pattern.size() && pattern[i + 1] == '^') out += pattern[++i];
            if (i + 1 < pattern.size() && pattern[i + 1] == ']') out += pattern[++i];
        } else if (rest.starts_with("(?<") && rest.size() > 3 && rest[3] != '=' && rest[3] != '!') {
            out += "?P<";
            i += 2;
        }
    }
    return out;
}

ReadyMatcher::ReadyMatcher(ReadyMatcher&&) noexcept = default;
ReadyMatcher& ReadyMatcher::operator=(ReadyMatcher&&) noexcept = default;
ReadyMatcher::~ReadyMatcher() = default;

Result<ReadyMatcher> ReadyMatcher::make(const Matcher& matcher) {
    using Op = Matcher::Op;
    ReadyMatcher ready;
    ready.name_ = matcher.name;
    ready.negated_ = matcher.op == Op::NotEqual || matcher.op == Op::NotMatch;
    if (matcher.op == Op::Equal || matcher.op == Op::NotEqual) {
        ready.values_ = {matcher.value};
    } else if (matcher.value == ".*") {
        ready.kind_ = Kind::Anything;
    } else if (matcher.value == ".+") {
        ready.kind_ = Kind::NotEmpty;
    } else if (auto words = pattern_words(matcher.value)) {
        ready.values_ = std::move(*words);
    } else if (auto around = word_around(matcher.value)) {
        ready.kind_ = Kind::Around;
        ready.values_ = {std::move(around->word)};
        ready.open_before_ = around->open_before;
        ready.open_after_ = around->open_after;
    } else {
        re2::RE2::Options options;
        options.set_dot_nl(true);
        options.set_never_capture(true);
        options.set_log_errors(false);
        ready.kind_ = Kind::Pattern;
        ready.pattern_ = std::make_unique<re2::RE2>(with_go_groups(matcher.value), options);
        if (!ready.pattern_->ok())
            return fail(Fault::BadInput, "the pattern of " + to_string(matcher) +
                                             " cannot be read: " + ready.pattern_->error());
    }
    if (ready.kind_ == Kind::Values && !ready.negated_) ready.only_values_ = ready.values_;
    ready.holds_empty_ = ready.holds("");
    return ready;
}

bool ReadyMatcher::holds(std::string_view value) const {
    bool found = false;
    switch (kind_) {
        case Kind::Values:
            found = values_.size() == 1 ? values_.front() == value
                                        : std::binary_search(values_.begin(), values_.end(), value);
            break;
        case Kind::Around:
            if (open_before_ && open_after_)
                found = value.find(values_.front()) != value.npos;
            else
                found = open_before_ ? value.ends_with(values_.front())
                                     : value.starts_with(values_.front());
            break;
        case Kind::Pattern:
            found = re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *pattern_);
            break;
        case Kind::Anything:
            found = true;
            break;
        case Kind::NotEmpty:
            found = !value.empty();
            break;
    }
    return found != negated_;
}

}  // namespace vedette::store
