#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "store/blocks/block.h"
#include "store/blocks/writer.h"
#include "store/rollups/fold.h"

namespace vedette::store {

/// What stands in the chunks of one series of a roll-up block; numbers on disk. All but histograms
/// have a row for each bucket, whose time is that of the bucket's beginning. A column that is left
/// out says what stands behind it.
enum class RollupColumn : std::uint8_t {
    Count = 0,
    FirstAt = 1,  ///< ms after the bucket's beginning
    LastAt = 2,   ///< the same; FirstAt
    Last = 3,
    First = 4,      ///< Last
    Min = 5,        ///< First
    Max = 6,        ///< Last
    Sum = 7,        ///< Last times Count
    Lost = 8,       ///< 0
    Ended = 9,      ///< 0
    Histogram = 10  ///< the newest of each bucket, at its own time; none
};
inline constexpr std::size_t rollup_columns = 11;

/// Some of the columns.
class RollupColumns {
public:
    constexpr RollupColumns() = default;
    constexpr RollupColumns(std::initializer_list<RollupColumn> columns) {
        for (const RollupColumn column : columns) add(column);
    }
    static constexpr RollupColumns all() {
        RollupColumns out;
        out.bits_ = (1u << rollup_columns) - 1;
        return out;
    }
    constexpr void add(RollupColumn column) { bits_ |= 1u << static_cast<unsigned>(column); }
    constexpr bool has(RollupColumn column) const {
        return ((bits_ >> static_cast<unsigned>(column)) & 1u) != 0;
    }

private:
    unsigned bits_ = 0;
};

/// What of a bucket a function of PromQL looks at, histograms included; all when it is not known.
RollupColumns columns_for(std::string_view function);

/// Appends the buckets and histograms of a series, column after column.
void add_rolled(const Column& rolled, CodedChunks& out);

/// Appends the buckets and histograms of `series` whose buckets end inside `ends`, without what is
/// deleted: of the buckets the columns that are wanted. What cannot be read is told and left out: a bucket is there with
/// all that is wanted of it, or not at all.
class RollupReader {
public:
    using OnCorrupt = std::function<void(const Labels&, const Error&)>;

    RollupReader(RollupColumns wanted, const OnCorrupt& on_corrupt)
        : wanted_(wanted), on_corrupt_(on_corrupt) {}
    void read(const StoredSeries& series, Milliseconds resolution, Window ends, Folded& out);

private:
    bool decode_column(const StoredSeries& series, RollupColumn column, Window begins);
    void join(RollupColumn column, std::vector<Bucket>& buckets, std::size_t begin);

    RollupColumns wanted_;
    const OnCorrupt& on_corrupt_;
    Samples samples_;  // of one column
};

}  // namespace vedette::store
