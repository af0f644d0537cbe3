#include <cstdint>
#include <string_view>

#include "core/histogram.h"
#include "promql/series_notation.h"

namespace {

using namespace vedette;

/// Whatever the numbers: no crash, no endless loop.
void compute(const Histogram& a, const Histogram& b) {
    for (const auto combine : {add, subtract}) {
        Histogram sum = a;
        if (combine(sum, b) != Incompatible::No) continue;
        compact(sum);
        all_buckets(sum);
        to_string(sum);
    }
    is_reset(a, b);
    stored_reset_hint(a, &b);
    if (validate(a, true)) check(validate(a, false).has_value(), "whole numbers are numbers");
    check(same_data(a, a), "a histogram is itself");
}

}  // namespace

/// What reads as the samples of a series prints, histogram by histogram, as what reads back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto values = promql::parse_series_values(text);
    if (!values || values->size() > 100) return 0;
    HistogramRef before;
    for (const auto& value : *values) {
        const HistogramRef* now = value ? std::get_if<HistogramRef>(&*value) : nullptr;
        if (now == nullptr) continue;
        const std::string printed = promql::histogram_notation(**now);
        const auto again = promql::parse_histogram(printed);
        check(again.has_value(), "a printed histogram reads back");
        check(promql::histogram_notation(**again) == printed, "and prints as it was");
        compute(**now, before ? *before : **now);
        before = *now;
    }
    return 0;
}
