#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/time.h"

namespace vedette {

/// A native histogram with float counts: exponential (schema -4..8) or custom buckets (schema -53).
///
/// Buckets are dense within spans: `offset` is the gap to the previous span (the first: the index
/// of its first bucket), `length` the number of consecutive buckets. Counts are absolute, not
/// deltas.
struct Histogram {
    enum class ResetHint : std::uint8_t { Unknown, Reset, NotReset, Gauge };
    struct Span {
        std::int32_t offset = 0;
        std::uint32_t length = 0;
        bool operator==(const Span&) const = default;
    };

    ResetHint reset_hint = ResetHint::Unknown;
    std::int32_t schema = 0;
    double zero_threshold = 0;
    double zero_count = 0;
    double count = 0;
    double sum = 0;
    std::vector<Span> positive_spans, negative_spans;
    std::vector<double> positive_buckets, negative_buckets;
    std::vector<double> custom_bounds;  ///< upper bounds, ascending; only for custom buckets

    bool operator==(const Histogram&) const = default;
};

using HistogramRef = std::shared_ptr<const Histogram>;
/// What a sample holds. One particular NaN among the doubles is the stale marker.
using Value = std::variant<double, HistogramRef>;

/// The NaN with which Prometheus says "this series ended here".
inline constexpr std::uint64_t stale_bits = 0x7ff0000000000002ULL;
inline double stale_marker() {
    return std::bit_cast<double>(stale_bits);
}
inline bool is_stale(double value) {
    return std::bit_cast<std::uint64_t>(value) == stale_bits;
}
/// A histogram is stale when its sum is the stale marker.
bool is_stale(const Value& value);

struct Sample {
    Timestamp at;
    Value value;
};

/// The three ways in which Prometheus's programs print a float; all of them shortest digits that
/// read back, `+Inf`, `-Inf`, `NaN`, `-0`.
enum class ValueStyle {
    Exposition,  ///< text formats: exponent below 1e-4 and from 1e6 on: `1e+06`, `1.234567e+06`
    Json,        ///< HTTP API: exponent below 1e-6 and from 1e21 on: `1000000`
    Expression,  ///< PromQL and templates: exponent below 1e-4 and from 1e21 on: `1000000`
};
std::string format_value(double value, ValueStyle style = ValueStyle::Exposition);
/// Appends the same to `out` without allocating for it.
void append_value(std::string& out, double value, ValueStyle style = ValueStyle::Exposition);
/// Reads what `format_value` writes, and what Go's ParseFloat takes in expositions (`Inf`,
/// `0x1p-2`).
Result<double> parse_value(std::string_view text);

}  // namespace vedette
