#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/labels.h"
#include "core/sample.h"

namespace vedette {

/// What a question in PromQL is answered with.
struct QueryResult {
    enum class Kind { Scalar, String, Vector, Matrix };
    struct Series {
        Labels labels;
        std::vector<Sample> samples;  ///< Vector: exactly one
    };

    Kind kind = Kind::Vector;
    std::vector<Series> series;  ///< Vector and Matrix; Scalar has one with empty labels
    Timestamp at;                ///< of Scalar and String
    std::string text;            ///< of String
    std::vector<std::string> warnings, infos;  ///< Prometheus's annotations, in its words
};

std::string_view to_string(QueryResult::Kind kind);  // "scalar", "string", "vector", "matrix"

}  // namespace vedette
