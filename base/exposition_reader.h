#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/labels.h"

namespace vedette {

/// One line of an exposition that holds a value.
struct ExposedSample {
    std::string name;  ///< as written: of a histogram, `x_bucket`, `x_sum` or `x_count`
    std::vector<std::pair<std::string, std::string>> labels;  ///< in their order
    double value = 0;
    std::optional<std::int64_t> at_ms;
};

/// What stands under one name, a histogram's or summary's parts together.
struct ExposedFamily {
    enum class Type { Untyped, Counter, Gauge, Histogram, Summary };

    std::string name;
    Type type = Type::Untyped;
    std::optional<std::string> help;
    std::vector<ExposedSample> samples;
};

std::string_view to_string(ExposedFamily::Type type);  // "untyped", "counter" …

/// Reads Prometheus's text format 0.0.4, strictly, as its own library does. Families come in the
/// order of their first line; those without a sample are left out. Fails with BadInput and
/// Prometheus's text (`text format parsing error in line 3: …`).
///
/// It keeps everything and is made for checks and tools; a scraper in a hurry wants a reader of its
/// own.
Result<std::vector<ExposedFamily>> read_exposition(std::string_view text);

}  // namespace vedette
