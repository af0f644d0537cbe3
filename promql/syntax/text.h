#pragma once

#include <string>

namespace vedette::promql {

/// A number without exponent, however large, as `count_values` and the printer write it.
std::string plain_number(double value);

}  // namespace vedette::promql
