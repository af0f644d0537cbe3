#include <fmt/format.h>

#include <cstdio>
#include <limits>

#include "app/commands/history.h"
#include "app/history/past_store.h"
#include "app/history/replay.h"
#include "app/history/report.h"
#include "app/terminal.h"

namespace vedette::app {
namespace {

constexpr std::size_t times_shown = 10;
// Two evaluations of a group that names no interval: a longer gap in ALERTS ends an alert.
constexpr Milliseconds gap = std::chrono::minutes(5);

Result<std::string> report_of(const TestOptions& options, const HistoryOptions& history) {
    const auto window = window_of(history);
    if (!window) return fail(window.error());
    rules::RuleReading how{rules::Dialect::Vedette, options.ignore_unknown_fields};
    how.features = read_features(options.features);
    const auto groups = read_rule_files(options.files, how);
    if (!groups) return fail(groups.error());
    auto past = PastStore::open(history.data, "test");
    if (!past) return fail(past.error());
    SeriesSource& source = (*past)->store();
    const auto histories = replay(*groups, source, *window, how.features);
    if (!histories) return fail(histories.error());
    Result<Histories> before = Histories();
    if (history.against.empty()) {
        before = rules::testing::as_it_was(source, *window, gap);
    } else {
        const auto old_groups = read_rule_files(history.against, how);
        if (!old_groups) return fail(old_groups.error());
        before = replay(*old_groups, source, *window, how.features);
    }
    if (!before) return fail(before.error());
    const std::string compared =
        history.against.empty() ? "as it is: what ALERTS says of the rules that ran"
                                : fmt::format("as it is: {}", fmt::join(history.against, ", "));
    return fmt::format(
        "{} to {}: {} over {} of history; {}\n\n{}", format_rfc3339(window->from),
        format_rfc3339(window->to), counted(histories->size(), "alert", "alerts"),
        format_duration(window->to - window->from), compared,
        history_report(*histories, *before, *window,
                       history.all ? std::numeric_limits<std::size_t>::max() : times_shown));
}

}  // namespace

Exit backtest_rules(const TestOptions& options, const HistoryOptions& history) {
    const auto report = report_of(options, history);
    if (!report) {
        fmt::print(stderr, "test: {}{}", report.error().message,
                   report.error().message.ends_with('\n') ? "" : "\n");
        return Exit::Wrong;
    }
    std::fputs(report->c_str(), stdout);
    return Exit::Fine;
}

}  // namespace vedette::app
