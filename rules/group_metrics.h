#pragma once

#include <vector>

#include "core/metric_family.h"
#include "rules/status.h"

namespace vedette::rules {

/// What Prometheus says of its rule groups at /metrics, under its names: iterations, missed ones,
/// rules, evaluations and failures, the last evaluation's time, duration and samples, by
/// `rule_group="FILE;GROUP"`.
std::vector<MetricFamily> group_families(const std::vector<GroupStatus>& groups);

}  // namespace vedette::rules
