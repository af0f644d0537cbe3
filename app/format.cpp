#include <fmt/format.h>

#include <cstdio>

#include "app/commands.h"
#include "promql/parse.h"

namespace vedette::app {

Exit format(const std::string& expression) {
    promql::ParseProblem problem;
    const auto parsed = promql::parse(expression, &problem);
    if (!parsed) {
        fmt::print(stderr, "{}\n{}\n", parsed.error().message, problem.picture);
        return Exit::Wrong;
    }
    fmt::print("{}\n", promql::print_pretty(**parsed));
    return Exit::Fine;
}

}  // namespace vedette::app
