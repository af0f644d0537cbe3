#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/labels.h"
#include "store/remote/gathering.h"

namespace vedette::store {

// Answers of Prometheus's HTTP API and of VictoriaMetrics's export, in JSON. Each fails with Corrupt
// where the text is no such answer, and as the other server says where it says that it failed.

/// A matrix or a vector: `{"status":"success","data":{"result":[{"metric":{…},"values":[[t,"v"]…]}…]}}`.
/// Fails with Refused for native histograms, of which this form has the buckets only.
Result<void> read_matrix(std::string_view json, Gathering& out);

/// `{"metric":{…},"values":[…],"timestamps":[…]}`, one a line, times in milliseconds. VictoriaMetrics
/// keeps one kind of NaN only, the stale marker, and writes it as `null`.
Result<void> read_export(std::string_view lines, Gathering& out);

/// `{"status":"success","data":["a","b"]}`, sorted.
Result<std::vector<std::string>> read_texts(std::string_view json);

/// `{"status":"success","data":[{"__name__":"up"},…]}`, sorted.
Result<std::vector<Labels>> read_series_names(std::string_view json);

/// What a refusal says, for a person: its `error`, else its text; one line, not long.
std::string said_in(std::string_view body);

}  // namespace vedette::store
