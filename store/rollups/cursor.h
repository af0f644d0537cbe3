#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "core/series.h"
#include "store/blocks/merge.h"
#include "store/rollups/columns.h"

namespace vedette::store {

/// Yields what roll-ups, and after them samples, hold of the same series as one: series in label
/// order, all that is of one time once.
///
///   1h       a ▓▓▓           c ▓▓▓
///   5m       a     ▒▒▒ b ▒▒▒              ─► a, b, c
///   samples  a        ▪      c     ▪
class RolledCursor final : public SeriesCursor {
public:
    /// Series of one block, ascending, and which of their buckets count.
    struct Part {
        std::shared_ptr<const Block> block;
        std::vector<SeriesNumber> series;
        Window ends;
        RolledUp::As as = RolledUp::As::Exact;
    };
    /// As buckets where the floats of a series are asked for so and it has no histograms; as
    /// samples otherwise, the newest of each bucket. `Both` gives buckets, and histograms as
    /// samples.
    enum class Give { Buckets, Samples, Both };
    using OnCorrupt = MergedCursor::OnCorrupt;

    /// Parts from old to new; `samples` come after them and may be null. Of buckets only `columns`
    /// are read.
    RolledCursor(std::vector<Part> parts, std::unique_ptr<SeriesCursor> samples, Give give,
                 RollupColumns columns, OnCorrupt on_corrupt, std::stop_token stop);
    bool next(Column& out) override;
    std::span<const RolledUp> rolled_up() const override { return rolled_up_; }

private:
    struct Reader {
        Part part;
        std::size_t at = 0;
        StoredSeries series;  // without labels at the end

        Milliseconds resolution() const { return part.block->about().resolution; }
    };
    void advance(Reader& reader);
    void advance_samples();
    const Labels* least() const;
    void gather(const Labels& labels);
    bool has_histograms(const Labels& labels) const;
    void note(const Reader& reader, std::size_t buckets, std::size_t histograms);
    void as_samples();
    bool give(Column& out);

    std::vector<Reader> readers_;
    std::unique_ptr<SeriesCursor> samples_;
    Give give_;
    OnCorrupt on_corrupt_;
    RollupReader buckets_reader_, newest_reader_;
    std::stop_token stop_;
    std::vector<RolledUp> rolled_up_;
    Column column_;             // of `samples_`; without labels at its end
    bool has_samples_ = false;  // the series that is gathered is in `column_`
    bool as_buckets_ = false;   // it is given as buckets
    Labels labels_;
    Folded folded_;
    Samples out_;
};

}  // namespace vedette::store
