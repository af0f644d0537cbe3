#include "store/blocks/split.h"

#include <algorithm>
#include <utility>

namespace vedette::store {
namespace {

using Part = MergedCursor::Part;

/// Labels of series that part the largest block. Fewer when one cannot be read.
std::vector<Labels> begins_of(const std::vector<Part>& parts, std::size_t count) {
    const auto largest =
        std::ranges::max_element(parts, {}, [](const Part& part) { return part.series.size(); });
    std::vector<Labels> begins;
    StoredSeries series;
    for (std::size_t i = 1; i < count && largest != parts.end(); ++i) {
        const std::size_t at = largest->series.size() * i / count;
        if (!largest->block->read(largest->series[at], series)) break;
        if (begins.empty() || begins.back() < series.labels) begins.push_back(series.labels);
    }
    return begins;
}

}  // namespace

std::size_t samples_about(const Part& part, Window window) {
    const BlockAbout& about = part.block->about();
    const Timestamp from = std::max(about.from, window.from), to = std::min(about.to, window.to);
    if (to <= from || about.series == 0) return 0;
    const double time = static_cast<double>((to - from).count()) /
                        static_cast<double>((about.to - about.from).count());
    const double series =
        static_cast<double>(part.series.size()) / static_cast<double>(about.series);
    return static_cast<std::size_t>(static_cast<double>(about.samples) * time * series);
}

Split split(std::vector<Part> parts, std::size_t count) {
    Split out;
    std::vector<Labels> begins = begins_of(parts, count);
    if (begins.size() + 1 != count) begins.clear();
    bool all_read = true;
    for (const Part& part : parts) {
        StoredSeries series;
        out.stretches.resize(begins.size() + 1);
        auto first = part.series.begin();
        for (std::size_t i = 0; i <= begins.size(); ++i) {
            const auto end =
                i == begins.size()
                    ? part.series.end()
                    : std::partition_point(first, part.series.end(), [&](SeriesNumber number) {
                          const bool good = part.block->read(number, series).has_value();
                          all_read &= good;
                          return good && series.labels < begins[i];
                      });
            if (end != first) out.stretches[i].push_back({part.block, {first, end}});
            first = end;
        }
    }
    if (!all_read || begins.empty()) return {{std::move(parts)}, {}};
    out.begins = std::move(begins);
    return out;
}

}  // namespace vedette::store
