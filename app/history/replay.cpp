#include "app/history/replay.h"

#include <fmt/format.h>

#include <cstdio>
#include <iterator>

#include "base/yaml.h"

namespace vedette::app {

Result<Window> window_of(const HistoryOptions& options) {
    Timestamp end = SystemClock().now();
    if (!options.until.empty()) {
        const auto read = parse_rfc3339(options.until);
        if (!read)
            return fail(Fault::BadInput,
                        fmt::format("--until is {}; expected a time such as 2026-11-20T12:00:00Z",
                                    quote(options.until)));
        end = *read;
    }
    if (options.since.count() <= 0)
        return fail(Fault::BadInput, "--since is 0s; expected how far back to look, such as 7d");
    return Window{end - options.since, end};
}

Result<std::vector<rules::RuleGroup>> read_rule_files(const std::vector<std::string>& files,
                                                      const rules::RuleReading& how) {
    Problems problems;
    std::vector<rules::RuleGroup> all;
    for (const std::string& file : files) {
        const ConfigNode root = read_yaml_file(file, problems);
        auto groups = rules::read_rules(root, problems, how);
        all.insert(all.end(), std::make_move_iterator(groups.begin()),
                   std::make_move_iterator(groups.end()));
    }
    if (problems.any()) return fail(Fault::BadInput, problems.text());
    return all;
}

Result<Histories> replay(const std::vector<rules::RuleGroup>& groups, SeriesSource& source,
                         Window window, const promql::Features& features) {
    rules::testing::BacktestSettings settings;
    settings.window = window;
    settings.features = features;
    return rules::testing::backtest(groups, source, settings);
}

}  // namespace vedette::app
