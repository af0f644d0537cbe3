#include <fmt/format.h>

#include <iterator>
#include <set>

#include "app/commands/commands.h"
#include "base/yaml.h"
#include "rules/own_keys/export.h"

namespace vedette::app {

Exit export_rules(const std::vector<std::string>& files,
                  const std::vector<std::string>& features) {
    rules::RuleReading how(rules::Dialect::Vedette);
    how.features = read_features(features);
    Problems problems;
    std::vector<rules::RuleGroup> all;
    std::set<std::string> names;
    for (const std::string& file : files) {
        const ConfigNode root = read_yaml_file(file, problems);
        auto groups = rules::read_rules(root, problems, how);
        for (const rules::RuleGroup& group : groups)
            if (!names.insert(group.name).second && !problems.any())
                problems.add(root, fmt::format("group `{}` stands in another of these files too; "
                                               "export them one by one",
                                               group.name));
        all.insert(all.end(), std::make_move_iterator(groups.begin()),
                   std::make_move_iterator(groups.end()));
    }
    fmt::print(stderr, "{}", problems.text());
    if (problems.any()) return Exit::Wrong;
    fmt::print("{}", rules::export_rules(all));
    return Exit::Fine;
}

}  // namespace vedette::app
