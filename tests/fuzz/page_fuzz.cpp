// Any bytes as a page, read twice: at first, and with what stood there before.
#include <cstddef>
#include <cstdint>

#include "probes/scrape/page/series.h"
#include "tests/support/spy_sample_sink.h"

using namespace vedette;
using namespace vedette::scrape;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view page(reinterpret_cast<const char*>(data) + 1, size - 1);
    // The format, and every way in which a page may be read.
    const PageFormat format = data[0] % 3 == 0   ? PageFormat::Text
                              : data[0] % 3 == 1 ? PageFormat::OpenMetrics
                                                 : PageFormat::Protobuf;
    const Labels target{{"instance", "a:1"}, {"job", "a"}};
    JobSettings job;
    job.native_histograms = (data[0] & 0x10) != 0;
    job.always_classic = (data[0] & 0x20) != 0;
    job.classic_to_native = (data[0] & 0x40) != 0;
    job.created_zeros = (data[0] & 0x80) != 0;
    job.histogram_buckets_max = (data[0] & 0x08) != 0 ? 3 : 0;
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
