#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/http.h"
#include "core/query.h"
#include "core/time.h"
#include "exporter/json_writer.h"
#include "promql/engine.h"

namespace vedette::exporter {

/// Prometheus's error types; each has its status code.
enum class ApiError { BadData, Execution, Timeout, Canceled, NotFound, Internal, Unavailable };

/// `{"status":"error","errorType":"bad_data","error":"…"}`
Response api_error(ApiError kind, std::string_view message);
/// The error type that Prometheus would use for a failed evaluation.
Response api_failure(const Error& error);
/// `invalid parameter "step": …`
Response bad_parameter(std::string_view name, std::string_view why);

/// `{"status":"success","data":…}`; `write` writes the data. Warnings and infos follow when there
/// are any.
Response api_success(const std::function<void(JsonWriter&)>& write,
                     const std::vector<std::string>& warnings = {},
                     const std::vector<std::string>& infos = {});

/// `{"resultType":…,"result":…}` as Prometheus's API has it, with `"stats":…` when there is a cost;
/// these have the samples of each step when `by_step`.
void write_result(JsonWriter& json, const QueryResult& result,
                  const promql::QueryStatistics* cost = nullptr, bool by_step = false);

/// `GET path` of Prometheus's API: for viewers, answered on a worker.
Route api_get(std::string_view path, std::function<Response(const Request&)> answer);

/// Seconds with a fraction, or RFC 3339. Fails with Prometheus's words.
Result<Timestamp> parse_time(std::string_view text);
/// Seconds with a fraction, or a duration; NaN is negative.
Result<Milliseconds> parse_step(std::string_view text);

}  // namespace vedette::exporter
