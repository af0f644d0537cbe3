#pragma once

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "core/series.h"
#include "store/blocks/block.h"

namespace vedette::store {

/// Yields what blocks and the head hold of the same series as one: series in label order, samples
/// in time order, never two at one time (DOORS 3), also where blocks overlap, as they do when late
/// samples came after a cut: of two samples at one time that of the block with the lower number
/// counts, and any in a block before one in the head.
///
///   block 1   a ▒▒▒   b ▒▒▒                              labels ascend in each; the least of them
///   block 2   a ▒▒▒           c ▒▒▒        ─► a, b, c    is next, and each that has it adds to it
///   head              b ▒▒▒   c ▒▒▒                      in turn
class MergedCursor final : public SeriesCursor {
public:
    /// Series of one block, ascending.
    struct Part {
        std::shared_ptr<const Block> block;
        std::vector<SeriesNumber> series;
    };
    /// Told of what cannot be read; the rest is yielded.
    using OnCorrupt = std::function<void(const Labels&, const Error&)>;

    /// Parts in any order. `head` comes after them and may be null.
    MergedCursor(std::vector<Part> parts, std::unique_ptr<SeriesCursor> head, Window window,
                 bool latest_only, OnCorrupt on_corrupt, std::stop_token stop);
    bool next(Column& out) override;

private:
    struct Reader {
        Part part;
        std::size_t at = 0;
        StoredEntry entry;  // without labels at the end
        bool used = false;  // by the series that was yielded last
    };
    void advance(Reader& reader);
    void advance_used();
    /// Marks who has the series that comes next. False when there is none.
    bool find_next();
    Labels labels_of_next() const;
    void gather();
    void gather_newest();
    void add_stored(const StoredEntry& entry);
    void add_column(const Column& column);
    /// Where to put samples that begin at `first`: behind what is there, if they are.
    Samples& place_for(std::int64_t first_ms);
    void merge_in(Samples& placed);

    std::vector<Reader> readers_;
    std::unique_ptr<SeriesCursor> head_;
    Window window_;
    bool latest_only_;
    bool overlapping_ = false;  // some blocks hold the same times
    Timestamp blocks_end_;
    OnCorrupt on_corrupt_;
    std::stop_token stop_;
    Column head_column_;  // without labels at the end
    bool head_used_ = false;
    Labels labels_;
    Samples samples_, more_;
};

/// Puts parts into the order in which their samples are to be taken: as time goes, and those that
/// overlap by their numbers. True when some overlap.
bool arrange(std::vector<MergedCursor::Part>& parts);


}  // namespace vedette::store
