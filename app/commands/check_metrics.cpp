#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "app/commands/commands.h"
#include "exporter/exposition_lint.h"

namespace vedette::app {

Exit check_metrics(bool extended) {
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    const auto families = read_exposition(text);
    if (!families) {
        fmt::print(stderr, "error while linting: {}\n", families.error().message);
        return Exit::Wrong;
    }
    const auto found = exporter::lint_exposition(*families);
    for (const auto& lint : found) fmt::print(stderr, "{} {}\n", lint.metric, lint.text);
    if (!found.empty()) return Exit::LintOnly;
    if (extended) fmt::print("{}", exporter::cardinality_table(*families));
    return Exit::Fine;
}

}  // namespace vedette::app
