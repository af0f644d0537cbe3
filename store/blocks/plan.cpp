#include "store/blocks/plan.h"

#include <algorithm>
#include <numeric>

namespace vedette::store {
namespace {

constexpr std::int64_t widening = 3;
constexpr std::int64_t retention_part = 10;
constexpr Milliseconds month = std::chrono::hours(24 * 31);

}  // namespace

Stretch stretch_of(Timestamp at, Milliseconds range) {
    const std::int64_t width = range.count();
    std::int64_t remainder = at.ms % width;
    if (remainder < 0) remainder += width;
    return {{at.ms - remainder}, {at.ms - remainder + width}};
}

std::optional<Stretch> next_cut(Timestamp first, Timestamp newest, Milliseconds range) {
    if (newest <= first) return std::nullopt;
    const Stretch stretch = stretch_of(first, range);
    if (newest < stretch.to || newest.ms - stretch.to.ms < range.count() / 2) return std::nullopt;
    return stretch;
}

Milliseconds widest_block(Milliseconds range, Milliseconds retention) {
    return std::max(range, std::min(month, retention / retention_part));
}

std::vector<std::size_t> next_overlap(std::span<const BlockExtent> blocks) {
    for (std::size_t begin = 0; begin < blocks.size();) {
        Timestamp to = blocks[begin].times.to;
        std::size_t end = begin + 1;
        for (; end < blocks.size() && blocks[end].times.from < to; ++end)
            to = std::max(to, blocks[end].times.to);
        if (end - begin > 1) {
            std::vector<std::size_t> all(end - begin);
            std::iota(all.begin(), all.end(), begin);
            return all;
        }
        begin = end;
    }
    return {};
}

std::vector<std::size_t> next_compaction(std::span<const BlockExtent> blocks, Milliseconds range,
                                         Milliseconds widest, Timestamp until) {
    for (Milliseconds width = range * widening; width <= widest; width *= widening) {
        for (std::size_t begin = 0; begin < blocks.size();) {
            const Stretch stretch = stretch_of(blocks[begin].times.from, width);
            std::vector<std::size_t> inside;
            std::size_t end = begin;
            for (; end < blocks.size() && blocks[end].times.from < stretch.to; ++end)
                if (blocks[end].times.to <= stretch.to) inside.push_back(end);
            if (inside.size() >= 2 && stretch.to <= until) return inside;
            begin = end;
        }
    }
    return {};
}

std::size_t past_retention(std::span<const BlockExtent> blocks, Timestamp oldest,
                           std::uint64_t bytes_max, std::uint64_t other_bytes) {
    std::size_t gone = 0;
    while (gone < blocks.size() && blocks[gone].times.to <= oldest) ++gone;
    if (bytes_max == 0) return gone;
    std::uint64_t bytes = other_bytes;
    for (std::size_t i = blocks.size(); i > gone; --i) {
        bytes += blocks[i - 1].bytes;
        if (bytes > bytes_max) return i;
    }
    return gone;
}

}  // namespace vedette::store
