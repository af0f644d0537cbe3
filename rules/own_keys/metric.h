#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/time.h"
#include "promql/features.h"
#include "promql/syntax/ast.h"

/// What the compilers of our keys share: the pieces a compiled expression is put together from.
namespace vedette::rules {

/// An instant vector that a key is about, to be put into a larger expression.
class Metric {
public:
    /// Reads `key` of `map`; nothing, and a problem, when it is missing or gives no instant vector.
    static std::optional<Metric> read(MapReader& map, std::string_view key,
                                      promql::Features features);
    /// The same, and a problem when it is more than a series selector.
    static std::optional<Metric> read_selector(MapReader& map, std::string_view key,
                                               promql::Features features);

    /// As an operand: in parentheses where it needs them.
    std::string now() const;
    /// Its values over `range`: `x[5m]` of a selector. Anything else is asked in steps:
    /// `(…)[6h:1m]`, a 60th of `range` up to an hour, a minute up to 12 hours, 5 minutes up to a
    /// week, else an hour.
    std::string over(Milliseconds range) const;

private:
    Metric(std::shared_ptr<const promql::Expr> expr, promql::Features features)
        : expr_(std::move(expr)), features_(features) {}

    std::shared_ptr<const promql::Expr> expr_;
    promql::Features features_;  ///< in which it is written
};

/// A finite number; nothing when absent or, with a problem, when it is something else.
std::optional<double> read_finite(MapReader& map, std::string_view key);

/// A duration of more than nothing; `otherwise` when absent. With a problem, nothing.
std::optional<Milliseconds> read_positive(MapReader& map, std::string_view key,
                                          Milliseconds otherwise);

/// `30%` as 0.3, every digit right; nothing when `text` is no percentage.
std::optional<double> parse_percentage(std::string_view text);

/// A number as PromQL has it, every digit.
std::string number(double value);

/// A label name as it stands in a matcher or a list of labels: quoted where it needs it.
std::string label_name(std::string_view name);

}  // namespace vedette::rules
