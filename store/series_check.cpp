#include "store/series_check.h"

#include <fmt/format.h>

#include "core/limits.h"

namespace vedette::store {

std::string why_no_series(const Labels& labels) {
    if (labels.empty()) return "a series needs at least one label";
    if (labels.size() > limits::labels_per_series_max)
        return fmt::format("a series has {} labels; at most {} are taken", labels.size(),
                           limits::labels_per_series_max);
    std::size_t bytes = 0;
    for (const Label label : labels) {
        bytes += label.name.size() + label.value.size();
        if (label.name.size() > limits::label_name_bytes_max)
            return fmt::format("a label name has {} bytes; at most {} are taken", label.name.size(),
                               limits::label_name_bytes_max);
        if (label.value.size() > limits::label_value_bytes_max)
            return fmt::format("label {} has a value of {} bytes; at most {} are taken",
                               quote(label.name), label.value.size(),
                               limits::label_value_bytes_max);
        if (!is_utf8(label.name) || !is_utf8(label.value))
            return fmt::format("label {} is not UTF-8", quote(label.name));
    }
    if (bytes > limits::labels_bytes_max)
        return fmt::format("the labels of a series have {} bytes; at most {} are taken", bytes,
                           limits::labels_bytes_max);
    return {};
}

}  // namespace vedette::store
