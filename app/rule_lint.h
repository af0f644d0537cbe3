#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/rule_file.h"

namespace vedette::app {

/// Whether `words` (promtool's, with commas: all, duplicate-rules, none) ask for rules that stand
/// twice. A word that is none of these and not `also_known` is said on standard output and left
/// out, as in promtool.
bool wants_duplicates(const std::string& words, std::string_view also_known = {});

/// Says on standard error which rules stand twice, in promtool's lines.
void print_duplicates(const std::vector<rules::RuleName>& duplicates);

}  // namespace vedette::app
