#include <cstdint>
#include <span>

#include "core/error.h"
#include "promql/engine.h"
#include "promql/syntax/parse.h"
#include "tests/promql/random_data.h"
#include "tests/promql/random_query.h"
#include "tests/promql/slow_evaluator.h"
#include "tests/promql/twins.h"
#include "tests/support/manual_clock.h"

/// The bytes choose data, times and a query of the grammar: the engine answers as its slow, obvious
/// twin does.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette;
    using namespace vedette::promql;
    if (size < 4) return 0;
    MemorySource source = RandomData(data[0] % 16).source();
    const Timestamp start{data[1] * 7'411};
    const Milliseconds step{1'000 + data[2] * 997};
    const Timestamp end = start + step * static_cast<std::int64_t>(data[3] % 6);
    const std::string text = RandomQuery(std::span(data + 4, size - 4)).query();
    const auto expr = parse(text);
    check(expr.has_value(), "the generator writes queries");
    const ManualClock clock;
    const Engine engine({}, clock);
    SlowEvaluator slow(source);
    const std::string differs =
        twin_difference(engine.range(**expr, start, end, step, source),
                        slow.range(**expr, start, end, step), true);
    check(differs.empty(), text + ": " + differs);
    return 0;
}
