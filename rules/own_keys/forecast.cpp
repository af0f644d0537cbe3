#include <fmt/format.h>

#include "rules/own_keys/compile.h"
#include "rules/own_keys/metric.h"

namespace vedette::rules {

std::optional<std::string> compile_forecast(const ConfigNode& key, Problems& problems,
                                            const std::string& what, promql::Features features) {
    using namespace std::chrono_literals;
    MapReader map(key, problems, what);
    const auto metric = Metric::read(map, "metric", features);
    const auto over = read_positive(map, "over", 6h);
    const auto within = read_positive(map, "within", 4h);
    const auto crosses = map.node("crosses") ? read_finite(map, "crosses") : 0.0;
    if (!metric || !over || !within || !crosses) return std::nullopt;
    const std::string then = fmt::format("predict_linear({}, {})", metric->over(*over),
                                         number(static_cast<double>(within->count()) / 1000));
    return fmt::format("({0} > {1} and {2} <= {1}) or ({0} < {1} and {2} >= {1})", metric->now(),
                       number(*crosses), then);
}

}  // namespace vedette::rules
