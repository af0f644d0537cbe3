#pragma once

#include <functional>
#include <vector>

#include "core/series.h"
#include "store/blocks/plan.h"
#include "store/chunks/chunk.h"
#include "store/rollups/fold.h"

namespace vedette::store {

/// Yields the buckets that blocks of roll-ups have after samples were put into their time: what was
/// there, and inside the stretches that are due what was made again of samples.
///
///     due        ├──────────────────────┤
///     samples          thrown away │ whole
///     there      ▒ ▒   ▒ ▒         │ ░ ░
///     again        ▓ ▓ ▓           │ ▓   ▓         ─► ▒ ▒ ▓ ▒ ▒   ▓   ▓
///
/// Where samples are whole only what is made again counts. Before that a bucket that was there
/// counts, as it knows samples that are gone, and what is made again fills the gaps.
class RemadeCursor final : public SeriesCursor {
public:
    /// From when on the samples of a series are whole.
    using WholeFrom = std::function<Timestamp(const Labels&)>;

    /// Both give buckets, and histograms as samples. The references must outlive the cursor.
    RemadeCursor(SeriesCursor& there, SeriesCursor& again, const std::vector<Stretch>& due,
                 Milliseconds resolution, WholeFrom whole_from)
        : there_(there),
          again_(again),
          due_(due),
          resolution_(resolution),
          whole_from_(std::move(whole_from)) {
        has_there_ = there_.next(column_there_);
        has_again_ = again_.next(column_again_);
    }
    bool next(Column& out) override;

private:
    enum class Which { There, Again, Either };
    void move_on();
    /// Which of the two counts where a bucket begins.
    Which which(Timestamp begin, Timestamp whole_from) const;
    Timestamp begin_of(Timestamp at) const { return bucket_end(at, resolution_) - resolution_; }
    void merge_buckets(Timestamp whole_from);
    void merge_histograms(Timestamp whole_from);

    SeriesCursor &there_, &again_;
    const std::vector<Stretch>& due_;
    const Milliseconds resolution_;
    const WholeFrom whole_from_;
    Column column_there_, column_again_;
    bool has_there_ = false, has_again_ = false;    // a column is there
    bool used_there_ = false, used_again_ = false;  // it was yielded last
    Folded merged_;
};

}  // namespace vedette::store
