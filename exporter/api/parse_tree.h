#pragma once

#include "exporter/json_writer.h"
#include "promql/syntax/ast.h"

namespace vedette::exporter {

/// The tree of a query as `/api/v1/parse_query` gives it, keys in alphabetical order. Durations that
/// are computed are zero in it, as Prometheus has not computed them yet.
void write_parse_tree(JsonWriter& json, const promql::Expr& expr);

}  // namespace vedette::exporter
