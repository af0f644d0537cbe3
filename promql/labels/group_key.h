#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/labels.h"

namespace vedette::promql {

/// Makes text by which label sets that agree in some labels are found to agree.
class GroupKey {
public:
    /// Of `names` only, or of all but `names` and the metric name.
    GroupKey(std::span<const std::string> names, bool without);

    /// Valid until the next call. `nameless`: the metric name counts as absent.
    const std::string& of(const Labels& labels, bool nameless);
    /// The labels that count, as a set.
    Labels labels(const Labels& labels, bool nameless) const;

private:
    bool counts(std::string_view name, bool nameless) const;

    std::vector<std::string> names_;  // sorted
    bool without_;
    std::string key_;
};

}  // namespace vedette::promql
