#pragma once

#include <string_view>

namespace vedette::promql {

/// Whether `a` stands before `b` where runs of digits count as numbers: `v1.9` before `v1.10`. As
/// the library behind Prometheus's `sort_by_label` has it: of two texts that differ in leading zeros
/// only either stands before the other, and the empty text before none.
bool natural_before(std::string_view a, std::string_view b);

}  // namespace vedette::promql
