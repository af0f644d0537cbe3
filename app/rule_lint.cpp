#include "app/rule_lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace vedette::app {

bool wants_duplicates(const std::string& words, std::string_view also_known) {
    bool wanted = false;
    for (std::size_t begin = 0; begin <= words.size();) {
        const std::size_t end = std::min(words.find(',', begin), words.size());
        const std::string word = words.substr(begin, end - begin);
        begin = end + 1;
        if (word == "all" || word == "duplicate-rules")
            wanted = true;
        else if (word != "none" && (word.empty() || word != also_known))
            fmt::print("WARNING: unknown lint option: {}\n", quote(word));
    }
    return wanted;
}

void print_duplicates(const std::vector<rules::RuleName>& duplicates) {
    fmt::print(stderr, "  FAILED:\nlint error {} duplicate rule(s) found.\n", duplicates.size());
    for (const auto& [name, labels] : duplicates) {
        fmt::print(stderr, "Metric: {}\nLabel(s):\n", name);
        for (const auto& [label, value] : labels) fmt::print(stderr, "\t{}: {}\n", label, value);
    }
    fmt::print(stderr, "Might cause inconsistency while recording expressions\n");
}

}  // namespace vedette::app
