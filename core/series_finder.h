#pragma once

#include <cstdint>
#include <span>

#include "core/labels.h"
#include "core/series.h"

namespace vedette {

/// Finds series that are there already, many at a time, without making a set of labels for each:
/// for senders that say the same names with every sample. Safe to call from any thread.
class SeriesFinder {
public:
    /// Labels as `is_label_set` wants them, and `hash_of` them.
    struct Key {
        std::span<const Label> labels;
        std::uint64_t hash = 0;
    };

    virtual ~SeriesFinder() = default;
    /// One for each key, until the first that is not known: returns how many were found.
    virtual std::size_t find_known(std::span<const Key> keys, std::span<SeriesRef> found) = 0;
};

}  // namespace vedette
