#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/http.h"
#include "core/series.h"
#include "core/time.h"
#include "exporter/api/answer.h"

namespace vedette::exporter {

/// A parameter, or the answer that refuses it in Prometheus's words.
template <typename T>
using Parameter = tl::expected<T, Response>;

/// A time that may be left out.
Parameter<Timestamp> time_parameter(const Request& request, std::string_view name,
                                    Timestamp otherwise);
/// A time that may not, and has words of its own.
Parameter<Timestamp> bound_parameter(const Request& request, std::string_view name);

/// A whole number as Go reads one. Fails with Go's words, because people search for them;
/// `function` is whose: `Atoi`, `ParseInt`.
Result<std::int64_t> parse_integer(std::string_view text, std::string_view function);

/// `limit`; 0 when it is not there.
Parameter<std::size_t> limit_parameter(const Request& request);

/// The selectors of all `match[]`.
Result<std::vector<std::vector<Matcher>>> match_parameters(const Request& request);

}  // namespace vedette::exporter
