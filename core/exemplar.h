#pragma once

#include <span>
#include <vector>

#include "core/error.h"
#include "core/labels.h"
#include "core/series.h"
#include "core/time.h"

namespace vedette {

/// One case behind a number: mostly the trace of a request that was counted.
struct Exemplar {
    Labels labels;
    Timestamp at;
    double value = 0;

    bool operator==(const Exemplar&) const = default;
};

struct SeriesExemplars {
    Labels series;
    std::vector<Exemplar> exemplars;  ///< never empty; in the order in which they came
};

/// The exemplars that are remembered, for `/api/v1/query_exemplars`. Safe to call from any thread.
class ExemplarSource {
public:
    virtual ~ExemplarSource() = default;
    /// Each selector is a list of matchers; a series counts when any selector holds. In label
    /// order. Fails with BadInput for a pattern that is no RE2 expression.
    virtual Result<std::vector<SeriesExemplars>> exemplars(
        std::span<const std::vector<Matcher>> selectors, Window window) = 0;
};

}  // namespace vedette
