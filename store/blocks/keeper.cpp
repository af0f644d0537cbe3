#include "store/blocks/keeper.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/blocks/writer.h"
#include "store/rollups/cursor.h"

namespace vedette::store {
namespace {

constexpr Timestamp beginning{std::numeric_limits<std::int64_t>::min()};

/// As if everything after `newest` were deleted.
std::shared_ptr<const Block> without_later(const Block& block, Timestamp newest) {
    constexpr Timestamp end_of_time{std::numeric_limits<std::int64_t>::max()};
    auto deleted = std::make_shared<DeletedSeries>();
    if (block.deleted() != nullptr) *deleted = *block.deleted();
    for (const SeriesNumber number : block.matching({}, {})) {
        auto& windows = (*deleted)[number];
        std::erase_if(windows, [&](const Window& each) { return each.from >= newest; });
        windows.push_back({newest, end_of_time});
        join(windows);
    }
    return block.without(std::move(deleted));
}

bool by_time(const std::shared_ptr<const Block>& a, const std::shared_ptr<const Block>& b) {
    return std::pair(a->about().from, a->about().number) <
           std::pair(b->about().from, b->about().number);
}

std::vector<SeriesNumber> all_series(const Block& block) {
    return block.matching({}, {});
}

}  // namespace

std::uint64_t Shelf::bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& block : blocks) bytes += block->bytes();
    return bytes;
}

Window Shelf::left_to_head(Window window) const {
    if (until == beginning) return window;
    return {std::max(window.from, until - Milliseconds(1)), window.to};
}

BlockKeeper::BlockKeeper(Files& files, Settings settings, OnCorrupt on_corrupt)
    : files_(files),
      settings_(std::move(settings)),
      on_corrupt_(std::move(on_corrupt)),
      shelf_(std::make_shared<Shelf>()) {}

std::shared_ptr<const Shelf> BlockKeeper::shelf() const {
    const Lock lock(mutex_);
    return shelf_;
}

Timestamp BlockKeeper::forgettable() const {
    const Lock lock(mutex_);
    Timestamp until = shelf_->until;
    std::erase_if(former_, [](const auto& each) { return each.expired(); });
    for (const auto& each : former_)
        if (const auto former = each.lock()) until = std::min(until, former->until);
    return until;
}

std::uint64_t BlockKeeper::oldest_in_use() const {
    const Lock lock(mutex_);
    std::uint64_t oldest = shelf_->number;
    for (const auto& each : former_)
        if (const auto former = each.lock()) oldest = std::min(oldest, former->number);
    return oldest;
}

void BlockKeeper::publish(std::shared_ptr<Shelf> shelf) {
    const Lock lock(mutex_);
    former_.push_back(shelf_);
    shelf->number = shelf_->number + 1;
    shelf_ = std::move(shelf);
}

// ── at the start ──

Result<void> BlockKeeper::open(Recovery& recovery) {
    if (auto made = files_.make_folders(settings_.folder); !made) return made;
    auto names = files_.list(settings_.folder);
    if (!names) return fail(names.error());
    auto shelf = std::make_shared<Shelf>();
    std::vector<std::uint64_t> replaced;
    for (const std::string& name : *names) {
        const std::string path = settings_.folder + "/" + name;
        if (name.ends_with(block_temporary_suffix)) doomed_.push_back(path);
        BlockAbout named;
        if (!read_block_name(name, named)) continue;
        next_number_ = std::max(next_number_, named.number + 1);
        auto block = Block::open(files_, path);
        if (!block && block.error().fault == Fault::Corrupt) {
            std::string what = block.error().message;
            if (what.starts_with(path + ": ")) what.erase(0, path.size() + 2);
            recovery.lose({path, 0, 0, std::move(what)});
            continue;
        }
        if (!block) return fail(block.error());
        if (const auto found = (*block)->about().resolution; found != settings_.resolution) {
            recovery.lose({path, 0, 0,
                           "it holds buckets of " + format_duration(found) + "; expected " +
                               format_duration(settings_.resolution)});
            continue;
        }
        const auto& parents = (*block)->about().parents;
        replaced.insert(replaced.end(), parents.begin(), parents.end());
        shelf->blocks.push_back(std::move(*block));
    }
    std::erase_if(shelf->blocks, [&](const auto& block) {
        if (std::ranges::find(replaced, block->about().number) == replaced.end()) return false;
        doomed_.push_back(block->path());
        return true;
    });
    std::sort(shelf->blocks.begin(), shelf->blocks.end(), by_time);
    for (const auto& block : shelf->blocks)
        shelf->until = std::max(shelf->until, block->about().to);
    recovery.blocks += shelf->blocks.size();
    {
        const Lock lock(mutex_);
        shelf_ = std::move(shelf);
    }
    if (auto loaded = load_deletions(recovery); !loaded) return loaded;
    return remove_doomed();
}

Result<void> BlockKeeper::load_deletions(Recovery& recovery) {
    if (!files_.exists(deletions_path())) return {};
    auto mapped = files_.map(deletions_path());
    if (!mapped) return fail(mapped.error());
    DeletionsRead read = read_deletions((*mapped)->bytes());
    if (!read.whole)
        recovery.lose({deletions_path(), 0, 0,
                       fmt::format("it should hold {} deletions and {} can be read; what others "
                                   "deleted in blocks is seen again",
                                   read.promised, read.deletions.size())});
    for (auto& deletion : read.deletions) erase(std::move(deletion));
    deletions_unsaved_ = deletions_.size() != read.promised;
    return {};
}

Result<void> BlockKeeper::remove_doomed() {
    if (doomed_.empty()) return {};
    while (!doomed_.empty()) {
        if (files_.exists(doomed_.back()))
            if (auto removed = files_.remove(doomed_.back()); !removed) return removed;
        doomed_.pop_back();
    }
    return files_.sync_folder(settings_.folder);
}

// ── changes ──

/// What blocks hold of times inside the window; of roll-ups, of buckets that begin inside it.
std::unique_ptr<SeriesCursor> BlockKeeper::read(std::vector<MergedCursor::Part> blocks,
                                                Window window) {
    if (settings_.resolution == Milliseconds(0))
        return std::make_unique<MergedCursor>(std::move(blocks), nullptr, window, false,
                                              on_corrupt_, std::stop_token());
    const Window ends{window.from + settings_.resolution, window.to + settings_.resolution};
    std::vector<RolledCursor::Part> parts;
    for (auto& [block, series] : blocks) parts.push_back({block, std::move(series), ends, {}});
    return std::make_unique<RolledCursor>(std::move(parts), nullptr, RolledCursor::Give::Both,
                                          RollupColumns::all(), on_corrupt_, std::stop_token());
}

std::unique_ptr<SeriesCursor> BlockKeeper::read_all(
    std::vector<std::shared_ptr<const Block>> blocks) {
    std::vector<MergedCursor::Part> parts;
    Window all{{0}, {0}};
    for (auto& block : blocks) {
        const auto& [from, to] = std::pair(block->about().from, block->about().to);
        all.from = parts.empty() ? from : std::min(all.from, from);
        all.to = parts.empty() ? to : std::max(all.to, to);
        parts.push_back({block, all_series(*block)});
    }
    return read(std::move(parts), {all.from - Milliseconds(1), all.to - Milliseconds(1)});
}

// Null when the cursor yields nothing.
Result<std::shared_ptr<const Block>> BlockKeeper::write(BlockAbout about, SeriesCursor& samples) {
    about.number = next_number_;
    about.resolution = settings_.resolution;
    auto writer = BlockWriter::open(files_, settings_.folder, std::move(about));
    if (!writer) return fail(writer.error());
    CodedChunks chunks;
    Column column;
    while (samples.next(column)) {
        chunks.clear();
        if (settings_.resolution > Milliseconds(0))
            add_rolled(column, chunks);
        else
            chunks.add(column);
        if (auto added = (*writer)->add(*column.labels, chunks.views(), chunks.columns()); !added)
            return fail(added.error());
    }
    if ((*writer)->empty()) return nullptr;
    auto path = (*writer)->finish();
    if (!path) return fail(path.error());
    auto block = Block::open(files_, *path);
    if (!block) {
        // It is named, so it counts at the next start; but here nothing has changed.
        (void)files_.remove(*path);
        return fail(block.error());
    }
    ++next_number_;
    return std::shared_ptr<const Block>(std::move(*block));
}

Result<void> BlockKeeper::add_cut(const Stretch& stretch, SeriesCursor& samples) {
    BlockAbout about;
    about.from = stretch.from;
    about.to = stretch.to;
    auto block = write(std::move(about), samples);
    if (!block) return fail(block.error());
    auto next = std::make_shared<Shelf>(*shelf());
    if (*block) next->blocks.push_back(std::move(*block));
    std::sort(next->blocks.begin(), next->blocks.end(), by_time);
    next->until = std::max(next->until, stretch.to);
    publish(std::move(next));
    return {};
}

std::vector<BlockExtent> BlockKeeper::extents() const {
    std::vector<BlockExtent> out;
    for (const auto& block : shelf()->blocks)
        out.push_back({{block->about().from, block->about().to}, block->bytes()});
    return out;
}

// ── deletions ──

void BlockKeeper::erase(std::shared_ptr<const Deletion> deletion) {
    next_number_ = std::max(next_number_, deletion->through() + 1);
    const auto is_known = [&](const auto& each) { return each->record() == deletion->record(); };
    const auto before = shelf();
    if (std::ranges::any_of(deletions_, is_known) ||
        std::ranges::none_of(before->blocks,
                             [&](const auto& each) { return deletion->concerns(each->about()); }))
        return;
    deletions_.push_back(deletion);
    deletions_unsaved_ = true;
    auto next = std::make_shared<Shelf>(*before);
    for (auto& block : next->blocks)
        if (deletion->concerns(block->about()))
            block = block->without(deleted_from(*block, *deletion));
    publish(std::move(next));
}

Result<void> BlockKeeper::save_deletions() {
    // A block that is to go may be there again after a crash: until it is gone, so must what says
    // that samples of it are deleted.
    if (auto removed = remove_doomed(); !removed) return removed;
    const auto now = shelf();
    const std::size_t forgotten = std::erase_if(deletions_, [&](const auto& each) {
        return std::ranges::none_of(
            now->blocks, [&](const auto& block) { return each->concerns(block->about()); });
    });
    if (!deletions_unsaved_ && forgotten == 0) return {};
    deletions_unsaved_ = true;
    if (deletions_.empty() && !files_.exists(deletions_path())) {
        deletions_unsaved_ = false;
        return {};
    }
    auto saved = files_.write_atomically(deletions_path(), write_deletions(deletions_));
    if (saved) deletions_unsaved_ = false;
    return saved;
}

Result<void> BlockKeeper::rewrite(std::shared_ptr<const Block> block,
                                  std::vector<SeriesNumber> series) {
    BlockAbout about = block->about();
    about.to = std::min(about.to, shelf()->until);
    about.parents.push_back(about.number);
    const Window all{about.from - Milliseconds(1), about.to - Milliseconds(1)};
    const auto cursor = read({{block, std::move(series)}}, all);
    auto written = write(std::move(about), *cursor);
    if (!written) return fail(written.error());
    auto next = std::make_shared<Shelf>(*shelf());
    std::erase(next->blocks, block);
    if (*written) next->blocks.push_back(std::move(*written));
    std::sort(next->blocks.begin(), next->blocks.end(), by_time);
    doomed_.push_back(block->path());
    nothing_expired_.erase(block->about().number);
    publish(std::move(next));
    return remove_doomed();
}

Result<void> BlockKeeper::replace(const std::vector<std::shared_ptr<const Block>>& old,
                                  const Stretch& stretch, SeriesCursor& samples) {
    BlockAbout about;
    about.from = stretch.from;
    about.to = stretch.to;
    for (const auto& block : old) {
        about.level = std::max(about.level, block->about().level);
        about.parents.push_back(block->about().number);
    }
    auto written = write(std::move(about), samples);
    if (!written) return fail(written.error());
    auto next = std::make_shared<Shelf>(*shelf());
    for (const auto& block : old) {
        std::erase(next->blocks, block);
        doomed_.push_back(block->path());
    }
    if (*written) next->blocks.push_back(std::move(*written));
    std::sort(next->blocks.begin(), next->blocks.end(), by_time);
    publish(std::move(next));
    return remove_doomed();
}

Result<void> BlockKeeper::clean() {
    // Of blocks that overlap the lower number has the first say, so they become one before one of
    // them gets a higher.
    while (!next_overlap(extents()).empty()) {
        const auto merged = compact();
        if (!merged) return fail(merged.error());
        if (!*merged) break;
    }
    const auto before = shelf();
    for (const auto& block : before->blocks)
        if (block->deleted() != nullptr)
            if (auto done = rewrite(block, all_series(*block)); !done) return done;
    return save_deletions();
}

Result<bool> BlockKeeper::clean_one() {
    constexpr std::size_t share = 20;
    const auto now = shelf();
    const auto due = std::ranges::find_if(now->blocks, [](const auto& block) {
        return block->deleted() != nullptr &&
               block->deleted()->size() * share > block->series_count();
    });
    if (due == now->blocks.end() || !next_overlap(extents()).empty()) return false;
    if (auto done = rewrite(*due, all_series(**due)); !done) return fail(done.error());
    return true;
}

Result<std::size_t> BlockKeeper::drop_expired(const Retention& retention, Timestamp newest,
                                              Timestamp until, const OnExpired& on_expired) {
    std::size_t rewritten = 0;
    const auto before = shelf();
    for (const auto& block : before->blocks) {
        if (block->about().to > until) continue;
        const auto expired = retention.expired(block->about().to, newest);
        if (std::ranges::find(expired, true) == expired.end()) continue;
        const auto known = nothing_expired_.find(block->about().number);
        if (known != nothing_expired_.end() && known->second == expired) continue;
        auto kept = retention.kept(*block, expired);
        if (kept.size() == block->series_count()) {
            nothing_expired_[block->about().number] = expired;
            continue;
        }
        on_expired(expired, block->about().to);
        if (auto done = rewrite(block, std::move(kept)); !done) return fail(done.error());
        ++rewritten;
    }
    return rewritten;
}

Result<bool> BlockKeeper::compact() {
    if (auto removed = remove_doomed(); !removed) return fail(removed.error());
    const auto before = shelf();
    auto chosen = next_overlap(extents());
    if (chosen.empty())
        chosen = next_compaction(extents(), settings_.range, settings_.widest, before->until);
    if (chosen.empty()) return false;
    BlockAbout about;
    about.from = before->blocks[chosen.front()]->about().from;
    about.to = before->blocks[chosen.front()]->about().to;
    std::vector<MergedCursor::Part> parts;
    for (const std::size_t i : chosen) {
        const auto& block = before->blocks[i];
        about.to = std::max(about.to, block->about().to);
        about.level = std::max(about.level, block->about().level + 1);
        about.parents.push_back(block->about().number);
        parts.push_back({block, all_series(*block)});
    }
    about.to = std::min(about.to, before->until);
    const Window all{about.from - Milliseconds(1), about.to - Milliseconds(1)};
    const auto cursor = read(std::move(parts), all);
    auto written = write(std::move(about), *cursor);
    if (!written) return fail(written.error());
    const bool deleted = std::ranges::any_of(
        chosen, [&](std::size_t i) { return before->blocks[i]->deleted() != nullptr; });
    // Nothing of them can be read: they stay as they are, unless it is because all is deleted.
    if (!*written && !deleted) return false;
    auto next = std::make_shared<Shelf>();
    next->until = before->until;
    for (std::size_t i = 0; i < before->blocks.size(); ++i) {
        if (std::ranges::find(chosen, i) == chosen.end())
            next->blocks.push_back(before->blocks[i]);
        else
            doomed_.push_back(before->blocks[i]->path());
    }
    if (*written) next->blocks.push_back(std::move(*written));
    std::sort(next->blocks.begin(), next->blocks.end(), by_time);
    publish(std::move(next));
    if (auto removed = remove_doomed(); !removed) return fail(removed.error());
    return true;
}

Result<std::size_t> BlockKeeper::take_back(Timestamp newest) {
    const Timestamp end = newest + Milliseconds(1);
    const auto before = shelf();
    if (before->until <= end) return 0;
    auto next = std::make_shared<Shelf>();
    next->until = end;
    std::vector<std::string> replaced;
    std::optional<Error> failure;
    std::size_t samples = 0;
    for (const auto& block : before->blocks) {
        if (block->about().to <= end) {
            next->blocks.push_back(block);
            continue;
        }
        samples += block->about().samples;
        replaced.push_back(block->path());
        if (block->about().from > newest) continue;
        BlockAbout about = block->about();
        about.to = end;
        about.parents.push_back(about.number);
        const Window kept{about.from - Milliseconds(1), newest};
        const auto cursor = read({{block, all_series(*block)}}, kept);
        auto written = write(std::move(about), *cursor);
        if (!written) {
            failure = written.error();
            replaced.pop_back();
            next->blocks.push_back(without_later(*block, newest));
            continue;
        }
        if (!*written) continue;
        samples -= (*written)->about().samples;
        next->blocks.push_back(std::move(*written));
    }
    doomed_.insert(doomed_.end(), replaced.begin(), replaced.end());
    publish(std::move(next));
    if (failure) return fail(*failure);
    if (auto removed = remove_doomed(); !removed) return fail(removed.error());
    return samples;
}

std::optional<Timestamp> BlockKeeper::end_of_retired(Timestamp oldest, std::uint64_t bytes_max,
                                                     std::uint64_t other_bytes) const {
    const auto all = extents();
    std::optional<Timestamp> end;
    for (std::size_t i = past_retention(all, oldest, bytes_max, other_bytes); i > 0; --i)
        end = std::max(end.value_or(all[i - 1].times.to), all[i - 1].times.to);
    return end;
}

Result<std::size_t> BlockKeeper::retire(Timestamp oldest, std::uint64_t bytes_max,
                                        std::uint64_t other_bytes) {
    const std::size_t gone = past_retention(extents(), oldest, bytes_max, other_bytes);
    if (gone > 0) {
        auto next = std::make_shared<Shelf>(*shelf());
        const auto end = next->blocks.begin() + static_cast<std::ptrdiff_t>(gone);
        for (auto block = next->blocks.begin(); block != end; ++block)
            doomed_.push_back((*block)->path());
        next->blocks.erase(next->blocks.begin(), end);
        publish(std::move(next));
    }
    if (auto removed = remove_doomed(); !removed) return fail(removed.error());
    return gone;
}

}  // namespace vedette::store
