#include "store/blocks/keeper.h"

#include <algorithm>

#include "store/blocks/merge.h"
#include "store/blocks/writer.h"

namespace vedette::store {
namespace {

constexpr Timestamp beginning{std::numeric_limits<std::int64_t>::min()};

bool by_time(const std::shared_ptr<const Block>& a, const std::shared_ptr<const Block>& b) {
    return std::pair(a->about().from, a->about().number) <
           std::pair(b->about().from, b->about().number);
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
    recovery.blocks = shelf->blocks.size();
    {
        const Lock lock(mutex_);
        shelf_ = std::move(shelf);
    }
    return remove_doomed();
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

// Null when the cursor yields nothing.
Result<std::shared_ptr<const Block>> BlockKeeper::write(BlockAbout about, SeriesCursor& samples) {
    about.number = next_number_;
    auto writer = BlockWriter::open(files_, settings_.folder, std::move(about));
    if (!writer) return fail(writer.error());
    CodedChunks chunks;
    Column column;
    while (samples.next(column)) {
        chunks.clear();
        chunks.add(column);
        if (auto added = (*writer)->add(*column.labels, chunks.views()); !added)
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
        parts.push_back({block, block->matching({}, {})});
    }
    const Window all{about.from - Milliseconds(1), about.to - Milliseconds(1)};
    MergedCursor cursor(std::move(parts), nullptr, all, false, on_corrupt_, {});
    auto written = write(std::move(about), cursor);
    if (!written) return fail(written.error());
    if (!*written) return false;  // nothing of them can be read; they stay as they are
    auto next = std::make_shared<Shelf>();
    next->until = before->until;
    for (std::size_t i = 0; i < before->blocks.size(); ++i) {
        if (std::ranges::find(chosen, i) == chosen.end())
            next->blocks.push_back(before->blocks[i]);
        else
            doomed_.push_back(before->blocks[i]->path());
    }
    next->blocks.push_back(std::move(*written));
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
        about.parents = {block->about().number};
        const Window kept{about.from - Milliseconds(1), newest};
        MergedCursor cursor({{block, block->matching({}, {})}}, nullptr, kept, false, on_corrupt_,
                            {});
        auto written = write(std::move(about), cursor);
        if (!written) return fail(written.error());
        if (!*written) continue;
        samples -= (*written)->about().samples;
        next->blocks.push_back(std::move(*written));
    }
    doomed_.insert(doomed_.end(), replaced.begin(), replaced.end());
    publish(std::move(next));
    if (auto removed = remove_doomed(); !removed) return fail(removed.error());
    return samples;
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
