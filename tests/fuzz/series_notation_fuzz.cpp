#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "promql/series_notation.h"

/// Whatever the bytes: values or an error; and a histogram that was read and printed reads back as
/// what prints the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette;
    using namespace vedette::promql;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)parse_series_values(text);
    const auto histogram = parse_histogram(text);
    if (!histogram) return 0;
    const std::string printed = histogram_notation(**histogram);
    const auto again = parse_histogram(printed);
    check(again && histogram_notation(**again) == printed, "a printed histogram reads back");
    return 0;
}
