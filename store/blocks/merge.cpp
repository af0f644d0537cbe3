#include "store/blocks/merge.h"

#include <algorithm>
#include <compare>
#include <utility>

#include "store/chunks/cursor.h"

namespace vedette::store {

namespace {

/// The order of label sets, as `Labels` has it; `Set` is a sequence of `Label`.
template <typename Set>
std::strong_ordering order(const std::vector<Label>& a, const Set& b) {
    const std::size_t shared = std::min(a.size(), b.size());
    for (std::size_t i = 0; i < shared; ++i)
        if (const auto differ = a[i] <=> b[i]; differ != 0) return differ;
    return a.size() <=> b.size();
}

}  // namespace

MergedCursor::MergedCursor(std::vector<Part> parts, std::unique_ptr<SeriesCursor> head,
                           Window window, bool latest_only, OnCorrupt on_corrupt,
                           std::stop_token stop)
    : head_(std::move(head)),
      window_(window),
      latest_only_(latest_only),
      on_corrupt_(std::move(on_corrupt)),
      stop_(std::move(stop)) {
    overlapping_ = arrange(parts);
    readers_.reserve(parts.size());
    for (Part& part : parts) {
        const Timestamp to = part.block->about().to;
        blocks_end_ = readers_.empty() ? to : std::max(blocks_end_, to);
        readers_.push_back({std::move(part), 0, {}, true});
    }
    head_used_ = head_ != nullptr;
}

void MergedCursor::advance(Reader& reader) {
    const auto& numbers = reader.part.series;
    while (reader.at < numbers.size()) {
        if (auto read = reader.part.block->read(numbers[reader.at++], reader.entry); !read)
            on_corrupt_({}, read.error());
        else if (reader.entry.overlaps(window_))
            return;
    }
    reader.entry.labels.clear();
}

void MergedCursor::advance_used() {
    for (Reader& reader : readers_)
        if (std::exchange(reader.used, false)) advance(reader);
    if (std::exchange(head_used_, false) && !head_->next(head_column_))
        head_column_.labels = nullptr;
}

bool MergedCursor::find_next() {
    std::size_t least = readers_.size();
    for (std::size_t i = 0; i < readers_.size(); ++i) {
        Reader& reader = readers_[i];
        if (reader.entry.labels.empty()) continue;
        const auto before = least == readers_.size()
                                ? std::strong_ordering::less
                                : order(reader.entry.labels, readers_[least].entry.labels);
        if (before > 0) continue;
        if (before < 0) {
            for (; least < i; ++least) readers_[least].used = false;
            least = i;
        }
        reader.used = true;
    }
    const bool stored = least < readers_.size();
    if (head_column_.labels == nullptr) return stored;
    const auto before = stored ? order(readers_[least].entry.labels, *head_column_.labels)
                               : std::strong_ordering::greater;
    head_used_ = before >= 0;
    if (before > 0)
        for (; least < readers_.size(); ++least) readers_[least].used = false;
    return true;
}

/// Those in memory are not made anew.
Labels MergedCursor::labels_of_next() const {
    if (head_used_) return *head_column_.labels;
    const auto stored = std::ranges::find_if(readers_, &Reader::used);
    return Labels(stored->entry.labels);
}

// Nearly always they are, and are decoded in place.
Samples& MergedCursor::place_for(std::int64_t first_ms) {
    if (samples_.empty() || samples_.times.back().ms < first_ms) return samples_;
    more_.clear();
    return more_;
}

void MergedCursor::merge_in(Samples& placed) {
    if (&placed == &more_) take_in(samples_, std::move(more_));
}

void MergedCursor::add_stored(const StoredEntry& entry) {
    if (entry.chunks.empty()) return;
    Samples& out = place_for(entry.chunks.front().view.first_ms);
    for (const StoredChunk& chunk : entry.chunks) {
        if (chunk.view.last_ms <= window_.from.ms || chunk.view.first_ms > window_.to.ms) continue;
        if (auto decoded = decode(chunk, window_, entry.deleted, out); !decoded)
            on_corrupt_(labels_, decoded.error());
    }
    merge_in(out);
}

void MergedCursor::add_column(const Column& column) {
    Samples& out = place_for(column.times.front().ms);
    const std::size_t before = out.times.size();
    out.times.insert(out.times.end(), column.times.begin(), column.times.end());
    out.floats.insert(out.floats.end(), column.floats.begin(), column.floats.end());
    if (!column.histograms.empty()) {
        out.histograms.resize(before);
        out.histograms.insert(out.histograms.end(), column.histograms.begin(),
                              column.histograms.end());
    }
    merge_in(out);
}

void MergedCursor::gather() {
    for (const Reader& reader : readers_)
        if (reader.used) add_stored(reader.entry);
    if (head_used_) add_column(head_column_);
}

/// The newest place that has something has the newest sample, where places follow each other.
void MergedCursor::gather_newest() {
    const bool head_is_newest = head_used_ && head_column_.times.back() >= blocks_end_;
    if (!head_is_newest && (head_used_ || overlapping_)) {
        gather();
    } else {
        if (head_used_) add_column(head_column_);
        for (std::size_t i = readers_.size(); i-- > 0 && samples_.empty();)
            if (readers_[i].used) add_stored(readers_[i].entry);
    }
    if (samples_.times.size() > 1) keep_last(samples_);
}

bool arrange(std::vector<MergedCursor::Part>& parts) {
    const auto about = [](const MergedCursor::Part& part) -> const BlockAbout& {
        return part.block->about();
    };
    const auto by_number = [&](const auto& a, const auto& b) {
        return about(a).number < about(b).number;
    };
    std::sort(parts.begin(), parts.end(),
              [&](const auto& a, const auto& b) { return about(a).from < about(b).from; });
    bool overlapping = false;
    for (auto begin = parts.begin(); begin != parts.end();) {
        Timestamp to = about(*begin).to;
        auto end = begin + 1;
        for (; end != parts.end() && about(*end).from < to; ++end)
            to = std::max(to, about(*end).to);
        overlapping = overlapping || end - begin > 1;
        std::sort(begin, end, by_number);
        begin = end;
    }
    return overlapping;
}

bool MergedCursor::next(Column& out) {
    while (!stop_.stop_requested()) {
        advance_used();
        if (!find_next()) return false;
        labels_ = labels_of_next();
        const bool stored = std::ranges::any_of(readers_, &Reader::used);
        if (!stored) {
            out = head_column_;
            return true;
        }
        samples_.clear();
        latest_only_ ? gather_newest() : gather();
        if (samples_.empty()) continue;
        // Floats after a histogram in the same window: the columns are equally long.
        if (!samples_.histograms.empty()) samples_.histograms.resize(samples_.times.size());
        out = {&labels_, samples_.times, samples_.floats, samples_.histograms};
        return true;
    }
    return false;
}

}  // namespace vedette::store
