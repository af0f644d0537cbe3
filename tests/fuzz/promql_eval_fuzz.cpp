#include <cstdint>
#include <map>
#include <string>

#include "promql/engine.h"
#include "promql/syntax/parse.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

namespace {

using namespace vedette;

constexpr Timestamp now{600'000};

/// What each series is worth at `now`; one NaN reads like another.
std::map<Labels, std::string> at_now(const QueryResult& result) {
    std::map<Labels, std::string> out;
    for (const auto& series : result.series)
        for (const Sample& sample : series.samples)
            if (sample.at == now) out[series.labels] = format_value(std::get<double>(sample.value));
    return out;
}

}  // namespace

/// Any query on a little data: an answer or an error, and an instant query says what a range query
/// of that one step says. (Of several steps it may say otherwise: `@ start()`, sums in another
/// order.)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static MemorySource source = [] {
        MemorySource made;
        made.load(
            "c{a=\"1\"} 0+1x9 stale 0+2x9\nc{a=\"2\"} 5 _ 7 NaN Inf 3x9\nh{le=\"1\"} "
            "0+1x20\nh{le=\"+Inf\"} 0+3x20");
        return made;
    }();
    const auto expr = promql::parse({reinterpret_cast<const char*>(data), size});
    if (!expr) return 0;
    const ManualClock clock;
    promql::EngineSettings settings;
    settings.samples_max = 200'000;
    const promql::Engine engine(settings, clock);
    (void)engine.range(**expr, {0}, {900'000}, Milliseconds(61'000), source);
    const auto instant = engine.instant(**expr, now, source);
    if ((*expr)->type != promql::Type::Scalar && (*expr)->type != promql::Type::Vector) return 0;
    const auto range = engine.range(**expr, now, now, Milliseconds(1), source);
    check(instant.has_value() == range.has_value(), "one step fails as one moment does");
    if (!instant)
        check(instant.error() == range.error(), "one step fails in the words of one moment");
    else
        check(at_now(*instant) == at_now(*range), "one step says what one moment says");
    return 0;
}
