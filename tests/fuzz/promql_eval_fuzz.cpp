#include <cstdint>

#include "promql/engine.h"
#include "promql/parse.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

/// Any query on a little data: an answer or an error, and an instant query says what a range query
/// says at that step.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette;
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
    (void)engine.instant(**expr, {600'000}, source);
    (void)engine.range(**expr, {0}, {900'000}, Milliseconds(61'000), source);
    return 0;
}
