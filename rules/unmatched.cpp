#include "rules/unmatched.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/labels.h"
#include "promql/syntax/selectors.h"

namespace vedette::rules {
namespace {

using Matchers = std::vector<Matcher>;

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
    const std::string_view near = nearest(word, known);
    return near.empty() ? std::string() : fmt::format("; did you mean {}?", quote(near));
}

bool is_there(const std::vector<std::string>& sorted, const std::string& word) {
    return std::binary_search(sorted.begin(), sorted.end(), word);
}

std::string in_words(const Matchers& matchers) {
    std::string name, rest;
    for (const Matcher& matcher : matchers) {
        if (matcher.name == metric_name_label && matcher.op == Matcher::Op::Equal)
            name = matcher.value;
        else
            rest += (rest.empty() ? "" : ", ") + to_string(matcher);
    }
    return rest.empty() ? name : name + "{" + rest + "}";
}

/// Why the values of one label do not do, among series of `scope`.
std::string why_not(const Matcher& matcher, const std::string& name, LabelSource& names,
                    const std::vector<Matchers>& scope, Window window) {
    const auto values = names.label_values(matcher.name, scope, window);
    if (!values || is_there(*values, matcher.value)) return {};
    if (matcher.name == metric_name_label)
        return fmt::format("no series is named {}{}", quote(matcher.value),
                           suggestion(matcher.value, *values));
    return fmt::format("no series{} has {}{}", name.empty() ? "" : " of " + quote(name),
                       to_string(matcher), suggestion(matcher.value, *values));
}

std::string why_nothing(const Matchers& matchers, LabelSource& names, Window window) {
    const std::vector<Matchers> all{matchers};
    const auto found = names.label_values(metric_name_label, all, window);
    if (!found || !found->empty()) return {};
    const auto asks_name = [](const Matcher& matcher) {
        return matcher.name == metric_name_label && matcher.op == Matcher::Op::Equal;
    };
    std::vector<Matchers> scope;
    std::string name;
    const auto named = std::find_if(matchers.begin(), matchers.end(), asks_name);
    if (named != matchers.end()) {
        if (auto why = why_not(*named, "", names, {}, window); !why.empty()) return why;
        name = named->value;
        scope.push_back({*named});
    }
    for (const Matcher& matcher : matchers) {
        if (matcher.op != Matcher::Op::Equal || matcher.value.empty() || asks_name(matcher))
            continue;
        if (auto why = why_not(matcher, name, names, scope, window); !why.empty()) return why;
    }
    return fmt::format("nothing matches {}", in_words(matchers));
}

}  // namespace

std::string why_nothing_matches(const promql::Expr& expr, LabelSource& names, Window window,
                                const std::set<std::string>& recorded) {
    const auto will_be_there = [&](const Matcher& matcher) {
        return matcher.name == metric_name_label && recorded.contains(matcher.value);
    };
    for (const promql::Selector* selector : promql::expected_selectors(expr)) {
        const Matchers& matchers = selector->matchers;
        if (std::any_of(matchers.begin(), matchers.end(), will_be_there)) continue;
        std::string why = why_nothing(selector->matchers, names, window);
        if (!why.empty()) return why;
    }
    return {};
}

}  // namespace vedette::rules
