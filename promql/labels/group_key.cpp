#include "promql/labels/group_key.h"

#include <algorithm>

namespace vedette::promql {

GroupKey::GroupKey(std::span<const std::string> names, bool without)
    : names_(names.begin(), names.end()), without_(without) {
    std::sort(names_.begin(), names_.end());
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
}

bool GroupKey::counts(std::string_view name, bool nameless) const {
    if (name == metric_name_label && (nameless || without_)) return false;
    return std::binary_search(names_.begin(), names_.end(), name, std::less<>{}) != without_;
}

const std::string& GroupKey::of(const Labels& labels, bool nameless) {
    key_.clear();
    // 0xff is in no UTF-8 text, so it parts names and values for good.
    const auto append = [&](std::string_view text) {
        key_ += text;
        key_ += '\xff';
    };
    if (without_) {
        for (const Label label : labels) {
            if (!counts(label.name, nameless)) continue;
            append(label.name);
            append(label.value);
        }
        return key_;
    }
    for (const std::string& name : names_)
        append(nameless && name == metric_name_label ? std::string_view() : labels.get(name));
    return key_;
}

Labels GroupKey::labels(const Labels& labels, bool nameless) const {
    std::vector<Label> kept;
    for (const Label label : labels)
        if (counts(label.name, nameless)) kept.push_back(label);
    return Labels(std::move(kept));
}

}  // namespace vedette::promql
