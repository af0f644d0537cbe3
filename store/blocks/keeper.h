#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "core/mutex.h"
#include "core/series.h"
#include "store/blocks/block.h"
#include "store/blocks/deletions.h"
#include "store/blocks/merge.h"
#include "store/blocks/plan.h"
#include "store/blocks/retention.h"
#include "store/log/recovery.h"

namespace vedette::store {

/// The blocks at one moment, from old to new; does not change.
struct Shelf {
    std::vector<std::shared_ptr<const Block>> blocks;
    /// Every sample before it that is still kept is in blocks: what memory or the log hold of that
    /// time does not count.
    Timestamp until{std::numeric_limits<std::int64_t>::min()};
    std::uint64_t number = 0;  ///< counts up with each change

    std::uint64_t bytes() const;
    /// What of a window only the head can know.
    Window left_to_head(Window window) const;
};

/// Keeps a folder of blocks: reads it at the start, adds what is cut from the head, makes few large
/// blocks of many small ones, and throws away what is past retention.
///
///     memory ─► add_cut ─► blocks ─► compact ─► wider blocks ─► retire
///
/// What is deleted stands beside the blocks, and is left out of whatever reads them and of whatever
/// is made of them: so it concerns blocks up to a number only.
///
/// Blocks overlap where late samples came after a cut, until they are put together.
///
/// A sample is never in two places that count, nor in none, whenever the program ends:
/// (B1) a cut begins when nothing before its end comes any more, and is in force from its rename
/// on: a start reads `until` from the blocks and leaves out what the log has of before; (B2) memory
/// forgets, and the log is cut, only afterwards, and when no reader is left that knows less;
/// (B3) a block names those that it was made of; where they are still there at a start, they go.
///
/// Threads: `shelf` and `forgettable` are safe to call from any; the rest one at a time.
class BlockKeeper {
public:
    struct Settings {
        std::string folder;
        Milliseconds range{0};       ///< of a block that is cut from the head
        Milliseconds widest{0};      ///< of one that others were put together to
        Milliseconds resolution{0};  ///< of roll-ups; 0 for blocks of samples
    };
    using OnCorrupt = std::function<void(const Labels&, const Error&)>;

    BlockKeeper(Files& files, Settings settings, OnCorrupt on_corrupt);

    /// Reads the folder, made when it is not there. Blocks that cannot be read are left out and
    /// noted; it fails only when the disk does.
    Result<void> open(Recovery& recovery);

    const Settings& settings() const { return settings_; }
    std::shared_ptr<const Shelf> shelf() const;
    /// Samples before it are in blocks for everybody who reads.
    Timestamp forgettable() const;

    /// The number of the oldest shelf that somebody still reads from.
    std::uint64_t oldest_in_use() const;

    /// Writes what the cursor yields, all of it inside the stretch, as a block; without series none
    /// is needed. Afterwards the shelf has it. The stretch may be one that blocks hold already: then
    /// these samples are late. On failure nothing has changed.
    /// Of roll-ups the cursor yields buckets, which begin inside the stretch.
    Result<void> add_cut(const Stretch& stretch, SeriesCursor& samples);
    /// The number of the last block that was written, or that a deletion names.
    std::uint64_t newest_number() const { return next_number_ - 1; }
    /// What is deleted in blocks up to `deletion->through()` is not read any more. Kept over a
    /// restart by `save_deletions`, which is to be called before the log forgets about it.
    void erase(std::shared_ptr<const Deletion> deletion);
    /// Writes `<folder>/deletions` when it has changed.
    Result<void> save_deletions();
    /// Writes blocks anew that hold deleted samples: all of them, or one, when there is one in which
    /// a twentieth of the series are concerned; false when there is none.
    Result<void> clean();
    Result<bool> clean_one();
    /// Writes blocks anew that hold series whose class is no longer kept so long, and that end by
    /// `until`; says before each which classes it is, and up to when. How many.
    using OnExpired = std::function<void(const std::vector<bool>& classes, Timestamp end)>;
    Result<std::size_t> drop_expired(const Retention& retention, Timestamp newest, Timestamp until,
                                     const OnExpired& on_expired);
    /// Writes what the cursor yields in place of these blocks, which lie in the stretch, as one.
    Result<void> replace(const std::vector<std::shared_ptr<const Block>>& old,
                         const Stretch& stretch, SeriesCursor& samples);
    /// Yields all of these blocks of roll-ups as buckets.
    std::unique_ptr<SeriesCursor> read_all(std::vector<std::shared_ptr<const Block>> blocks);

    /// Makes one block of several, when some are due. False when none were.
    Result<bool> compact();
    /// Drops samples later than `newest`, from a time that was taken back; the end of the last
    /// block is then no later. Returns how many there were. On failure they are left out of what is
    /// read all the same, and the block that `newest` falls into is written anew later.
    /// Of roll-ups, buckets that do not end by then.
    Result<std::size_t> take_back(Timestamp newest);
    /// What is there, from old to new.
    std::vector<BlockExtent> extents() const;
    /// Up to when `retire` would drop samples; nothing when it drops none.
    std::optional<Timestamp> end_of_retired(Timestamp oldest, std::uint64_t bytes_max,
                                            std::uint64_t other_bytes) const;
    /// Drops blocks; see `past_retention`. Returns how many.
    Result<std::size_t> retire(Timestamp oldest, std::uint64_t bytes_max,
                               std::uint64_t other_bytes);

private:
    Result<void> load(const std::string& name, Recovery& recovery);
    Result<std::shared_ptr<const Block>> write(BlockAbout about, SeriesCursor& samples);
    std::unique_ptr<SeriesCursor> read(std::vector<MergedCursor::Part> blocks, Window window);
    void publish(std::shared_ptr<Shelf> shelf);
    Result<void> remove_doomed();
    Result<void> load_deletions(Recovery& recovery);
    /// Writes the block anew with only these series, without what is deleted.
    Result<void> rewrite(std::shared_ptr<const Block> block, std::vector<SeriesNumber> series);
    std::string deletions_path() const { return settings_.folder + "/deletions"; }

    Files& files_;
    const Settings settings_;
    const OnCorrupt on_corrupt_;
    std::uint64_t next_number_ = 1;
    std::vector<std::string> doomed_;  // paths that nobody needs any more
    Deletions deletions_;              // that concern some block
    bool deletions_unsaved_ = false;
    std::map<std::uint64_t, std::vector<bool>> nothing_expired_;  // of blocks: of these classes

    mutable Mutex mutex_;
    std::shared_ptr<const Shelf> shelf_ VEDETTE_GUARDED_BY(mutex_);
    mutable std::vector<std::weak_ptr<const Shelf>> former_ VEDETTE_GUARDED_BY(mutex_);
};

}  // namespace vedette::store
