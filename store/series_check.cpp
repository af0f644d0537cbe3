#include "store/series_check.h"

#include <fmt/format.h>

#include "core/limits.h"

namespace vedette::store {

NoSeries judge_labels(const Labels& labels, const LabelLimits& most) {
    if (labels.empty()) return {"no_labels", "a series needs at least one label"};
    if (labels.size() > most.labels_max)
        return {"labels_max", fmt::format("a series has {} labels; at most {} are taken",
                                          labels.size(), most.labels_max)};
    std::size_t bytes = 0;
    for (const Label label : labels) {
        bytes += label.name.size() + label.value.size();
        if (label.name.size() > most.name_bytes_max)
            return {"label_name_bytes_max",
                    fmt::format("a label name has {} bytes; at most {} are taken",
                                label.name.size(), most.name_bytes_max)};
        if (label.value.size() > most.value_bytes_max)
            return {"label_value_bytes_max",
                    fmt::format("label {} has a value of {} bytes; at most {} are taken",
                                quote(label.name), label.value.size(), most.value_bytes_max)};
        if (!is_utf8(label.name) || !is_utf8(label.value))
            return {"not_utf8", fmt::format("label {} is not UTF-8", quote(label.name))};
    }
    if (bytes > limits::labels_bytes_max)
        return {"labels_bytes_max",
                fmt::format("the labels of a series have {} bytes; at most {} are taken", bytes,
                            limits::labels_bytes_max)};
    return {};
}

}  // namespace vedette::store
