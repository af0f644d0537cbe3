#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/labels.h"

namespace re2 {
class RE2;
}

namespace vedette::scrape {

/// One entry of `relabel_configs` or `metric_relabel_configs`, read and compiled.
struct RelabelRule {
    enum class Action {
        Replace,
        Keep,
        Drop,
        KeepEqual,
        DropEqual,
        HashMod,
        LabelMap,
        LabelDrop,
        LabelKeep,
        Lowercase,
        Uppercase,
    };

    Action action = Action::Replace;
    std::vector<std::string> source_labels;
    std::string separator = ";";
    std::shared_ptr<const re2::RE2> regex;  ///< anchored at both ends; never null
    std::uint64_t modulus = 0;
    std::string target_label;
    std::string replacement = "$1";
};

/// Reads a list of rules; what is wrong goes to the problems.
std::vector<RelabelRule> read_relabel_rules(const ConfigNode& list, Problems& problems);

/// Changes `labels` as the rules say, one after the other, with Prometheus 3.5's results. False
/// when they are to be dropped; `labels` are half changed then. Safe to call from any thread.
bool relabel(std::span<const RelabelRule> rules, LabelsBuilder& labels);

}  // namespace vedette::scrape
