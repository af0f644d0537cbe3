#pragma once

#include <string>
#include <vector>

#include "rules/rule_file.h"

namespace vedette::rules {

/// A plain rule file of Prometheus that does what `groups` do: own keys as what they compile to, in
/// several lines, each below a comment with the key as it was written. The groups' labels stand in
/// each rule, so that Prometheus before 3.0 reads the file too. `groups` were read without
/// problems.
std::string export_rules(const std::vector<RuleGroup>& groups);

/// For a person: each rule that has one of our keys, the key, and below it what it compiles to.
std::string compiled_rules(const std::vector<RuleGroup>& groups);

}  // namespace vedette::rules
