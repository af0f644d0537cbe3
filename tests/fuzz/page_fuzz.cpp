// Any bytes as a page, read twice: at first, and with what stood there before.
#include <cstddef>
#include <cstdint>

#include "probes/scrape/page_series.h"
#include "tests/support/spy_sample_sink.h"

using namespace vedette;
using namespace vedette::scrape;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view page(reinterpret_cast<const char*>(data) + 1, size - 1);
    const PageFormat format = data[0] % 2 == 0 ? PageFormat::Text : PageFormat::OpenMetrics;
    const Labels target{{"instance", "a:1"}, {"job", "a"}};
    const JobSettings job;
    SpySampleSink sink;
    PageSeries series(sink);
    std::size_t rows = 0;
    for (int turn = 0; turn < 2; ++turn) {
        Batch batch;
        const Taken taken = series.take(page, format, job, target, {turn * 1000}, batch);
        if (!taken.error.empty()) return 0;
        // What was known is what was there: nothing is added, nothing ends.
        check(turn == 0 || (taken.added == 0 && batch.rows.size() == rows), "a page is itself");
        rows = batch.rows.size();
    }
    return 0;
}
