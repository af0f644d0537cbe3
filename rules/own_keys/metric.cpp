#include "rules/own_keys/metric.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/labels.h"
#include "core/sample.h"
#include "promql/syntax/parse.h"

namespace vedette::rules {
namespace {

std::string of(MapReader& map, std::string_view key) {
    return fmt::format("`{}` of {}", key, map.what());
}

Milliseconds step_of(Milliseconds range) {
    using namespace std::chrono_literals;
    if (range > 24h * 7) return 1h;
    if (range > 12h) return 5min;
    if (range >= 1h) return 1min;
    return std::max<Milliseconds>(1s, std::chrono::floor<std::chrono::seconds>(range / 60));
}

/// Parsed, and an instant vector; else a problem.
std::shared_ptr<const promql::Expr> read_vector(MapReader& map, std::string_view key,
                                                promql::Features features) {
    const std::string text = map.required_string(key);
    if (text.empty()) return nullptr;
    promql::ParseProblem problem;
    auto expr = promql::parse(text, &problem, features);
    if (!expr) {
        map.problem(key,
                    fmt::format("could not parse {}: {}{}{}", of(map, key), expr.error().message,
                                problem.advice.empty() ? "" : "; ", problem.advice));
        return nullptr;
    }
    const promql::Type type = (*expr)->type;
    if (type == promql::Type::Vector) return std::shared_ptr<const promql::Expr>(std::move(*expr));
    std::string_view advice;
    if (type == promql::Type::Scalar) advice = "; vector(…) makes one of a scalar";
    if (type == promql::Type::Matrix) advice = "; leave out the range in brackets";
    map.problem(key, fmt::format("{} is a {}; expected an instant vector{}", of(map, key),
                                 promql::to_string(type), advice));
    return nullptr;
}

}  // namespace

std::optional<Metric> Metric::read(MapReader& map, std::string_view key,
                                   promql::Features features) {
    auto expr = read_vector(map, key, features);
    if (!expr) return std::nullopt;
    return Metric(std::move(expr), features);
}

std::optional<Metric> Metric::read_selector(MapReader& map, std::string_view key,
                                            promql::Features features) {
    auto expr = read_vector(map, key, features);
    if (!expr) return std::nullopt;
    if (promql::unwrapped(*expr).as<promql::Selector>()) return Metric(std::move(expr), features);
    map.problem(key, fmt::format("{} is an expression; expected a counter's selector such as "
                                 "requests_total{{code=\"200\"}}: its rate is taken over each "
                                 "window",
                                 of(map, key)));
    return std::nullopt;
}

std::string Metric::now() const {
    const bool stands_alone = expr_->as<promql::Selector>() || expr_->as<promql::Call>() ||
                              expr_->as<promql::Aggregate>() || expr_->as<promql::Paren>();
    const std::string text = promql::print(*expr_);
    return stands_alone ? text : "(" + text + ")";
}

std::string Metric::over(Milliseconds range) const {
    const promql::Expr& inner = promql::unwrapped(*expr_);
    if (inner.as<promql::Selector>() != nullptr) {
        // What is printed reads back: a copy of its own.
        const promql::ExprPtr ranged =
            std::move(promql::parse(promql::print(inner), nullptr, features_).value());
        ranged->as<promql::Selector>()->range = range;
        ranged->type = promql::Type::Matrix;
        return promql::print(*ranged);
    }
    return fmt::format("{}[{}:{}]", now(), format_duration(range), format_duration(step_of(range)));
}

std::optional<double> read_finite(MapReader& map, std::string_view key) {
    if (!map.node(key)) return std::nullopt;
    // A value of another type is reported once, as that, and leaves the NaN.
    const std::size_t before = map.problems().all().size();
    const double value = map.number(key, NAN);
    if (map.problems().all().size() > before) return std::nullopt;
    if (std::isfinite(value)) return value;
    map.problem(
        key, fmt::format("{} is {}; expected a finite number", of(map, key), format_value(value)));
    return std::nullopt;
}

std::optional<Milliseconds> read_positive(MapReader& map, std::string_view key,
                                          Milliseconds otherwise) {
    if (!map.node(key)) return otherwise;
    const std::size_t before = map.problems().all().size();
    const Milliseconds value = map.duration(key, otherwise);
    if (map.problems().all().size() > before) return std::nullopt;
    if (value.count() > 0) return value;
    map.problem(key, fmt::format("{} is 0s; expected more", of(map, key)));
    return std::nullopt;
}

std::optional<double> parse_percentage(std::string_view text) {
    if (text.size() < 2 || text.back() != '%') return std::nullopt;
    std::string digits(text.substr(0, text.size() - 1));
    if (digits.find_first_not_of("0123456789.") != std::string::npos) return std::nullopt;
    // Shifted as text: 99.9 divided by 100 is 0.9990000000000001.
    digits += "e-2";
    double value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
    return value;
}

std::string number(double value) {
    return format_value(value);
}

std::string label_name(std::string_view name) {
    return is_classic_label_name(name) ? std::string(name) : quote(name);
}

}  // namespace vedette::rules
