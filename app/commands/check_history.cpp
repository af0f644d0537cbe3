#include <fmt/format.h>

#include <cstdio>
#include <set>

#include "app/commands/history.h"
#include "app/history/past_store.h"
#include "app/history/replay.h"
#include "rules/unmatched.h"

namespace vedette::app {

namespace {

using Groups = std::vector<rules::RuleGroup>;

/// Prints warnings, and knows whether there were any.
class Warnings {
public:
    void add(const std::string& group, const std::string& rule, const std::string& why) {
        any_ = true;
        fmt::print(stderr, "  HISTORY: group {}, {}: {}\n", quote(group), rule, why);
    }
    bool any() const { return any_; }

private:
    bool any_ = false;
};

void warn_of_pages(const Histories& histories, Window window, double pages_max,
                   Warnings& warnings) {
    for (const auto& one : histories) {
        const double pages = one.pages_per_week(window);
        if (pages > pages_max)
            warnings.add(one.group, one.name,
                         fmt::format("would page {:.3g} times a week; expected at most {:.3g}",
                                     pages, pages_max));
        if (one.failed > 0)
            warnings.add(one.group, one.name,
                         fmt::format("{} evaluations fail: {}", one.failed, one.error));
    }
}

void warn_of_nothing(const Groups& groups, LabelSource& names, Window window, Warnings& warnings) {
    std::set<std::string> recorded;
    for (const auto& group : groups)
        for (const auto& rule : group.rules)
            if (rule.kind == rules::Rule::Kind::Recording) recorded.insert(rule.name);
    for (const auto& group : groups)
        for (const auto& rule : group.rules) {
            const std::string why = rules::why_nothing_matches(*rule.expr, names, window, recorded);
            if (!why.empty()) warnings.add(group.name, rule.name, why);
        }
}

Result<bool> look(const CheckOptions& options, const HistoryOptions& history) {
    if (options.files.empty()) return fail(Fault::BadInput, "--history needs rule files");
    const auto window = window_of(history);
    if (!window) return fail(window.error());
    rules::RuleReading how{rules::Dialect::Vedette, options.ignore_unknown_fields};
    how.features = read_features(options.features);
    const auto groups = read_rule_files(options.files, how);
    if (!groups) return fail(groups.error());
    auto past = PastStore::open(history.data, "check");
    if (!past) return fail(past.error());
    const auto histories = replay(*groups, (*past)->store(), *window, how.features);
    if (!histories) return fail(histories.error());
    Warnings warnings;
    warn_of_pages(*histories, *window, history.pages_max, warnings);
    warn_of_nothing(*groups, (*past)->store(), *window, warnings);
    return warnings.any();
}

}  // namespace

Exit check_history(const CheckOptions& options, const HistoryOptions& history) {
    const auto any = look(options, history);
    if (!any) {
        fmt::print(stderr, "check: {}\n", any.error().message);
        return Exit::Wrong;
    }
    return *any && options.lint_fatal ? Exit::LintOnly : Exit::Fine;
}

}  // namespace vedette::app
