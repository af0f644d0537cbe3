// Any bytes as an answer of another server: the first says by which reader.
#include <cstddef>
#include <cstdint>

#include "base/snappy.h"
#include "store/remote/read_json.h"
#include "store/remote/read_messages.h"
#include "store/remote/xor_reader.h"

using namespace vedette;
using namespace vedette::store;

namespace {

/// What was taken keeps what a cursor promises.
void finish(Gathering& gathered) {
    const auto cursor = gathered.finish();
    Labels before;
    bool first = true;
    for (Column column; cursor->next(column);) {
        check(first || before < *column.labels, "series ascend");
        check(!column.times.empty() && column.times.size() == column.floats.size(), "columns");
        check(column.histograms.empty() || column.histograms.size() == column.times.size(), "too");
        for (std::size_t i = 1; i < column.times.size(); ++i)
            check(column.times[i - 1] < column.times[i], "times ascend");
        before = *column.labels;
        first = false;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    Gathering out({{-1'000'000'000'000'000}, {9'000'000'000'000'000}}, 100'000);
    switch (data[0] % 6) {
        case 0:
            (void)read_samples(bytes, out);
            break;
        case 1:
            (void)read_chunks(bytes, out);
            break;
        case 2:
            (void)read_matrix(bytes, out);
            break;
        case 3:
            (void)read_export(bytes, out);
            break;
        case 4: {
            std::vector<Timestamp> times;
            std::vector<double> values;
            out.begin({});
            if (read_xor_chunk(bytes, times, values))
                for (std::size_t i = 0; i < times.size(); ++i) (void)out.add(times[i], values[i]);
            break;
        }
        default:
            (void)read_texts(bytes);
            (void)read_series_names(bytes);
            (void)said_in(bytes);
            break;
    }
    finish(out);
    return 0;
}
