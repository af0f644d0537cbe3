#include <fmt/format.h>

#include <cstdio>

#include "app/commands/commands.h"
#include "promql/syntax/parse.h"

namespace vedette::app {

promql::Features read_features(const std::vector<std::string>& names) {
    promql::Features features;
    for (const std::string& list : names)
        for (const std::string& note : promql::enable_features(features, list))
            fmt::print(stderr, "{}\n", note);
    return features;
}

Exit format(const std::string& expression, const std::vector<std::string>& feature_names) {
    promql::ParseProblem problem;
    const promql::Features features = read_features(feature_names);
    const auto parsed = promql::parse(expression, &problem, features);
    if (!parsed) {
        fmt::print(stderr, "{}\n{}\n", parsed.error().message, problem.picture);
        return Exit::Wrong;
    }
    fmt::print("{}\n", promql::print_pretty(**parsed));
    return Exit::Fine;
}

}  // namespace vedette::app
