#pragma once

#include <span>
#include <vector>

#include "store/blocks/block.h"
#include "store/settings.h"

namespace vedette::store {

/// How long which series are kept: the first class that has a series decides, and one time for all
/// that no class has. Immutable.
class Retention {
public:
    /// Fails with BadInput for a pattern that is no RE2 expression.
    static Result<Retention> make(Milliseconds otherwise, std::span<const RetentionClass> classes);

    /// Of the class that is kept longest.
    Milliseconds longest() const;
    /// For each class, and last for the series of none: whether samples before `end` are no longer
    /// kept when the newest sample of all is at `newest`.
    std::vector<bool> expired(Timestamp end, Timestamp newest) const;
    /// Which class a series has; the number of classes when it has none.
    std::size_t class_of(const Labels& labels) const;
    /// The series of the block whose class has not expired.
    std::vector<SeriesNumber> kept(const Block& block, const std::vector<bool>& expired) const;

private:
    Retention() = default;

    std::vector<std::vector<ReadyMatcher>> classes_;
    std::vector<Milliseconds> keep_;  // of the classes, and last of all others
};

}  // namespace vedette::store
