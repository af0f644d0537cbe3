#include "store/blocks/merge.h"

#include <algorithm>

#include "store/chunks/cursor.h"

namespace vedette::store {

MergedCursor::MergedCursor(std::vector<Part> parts, std::unique_ptr<SeriesCursor> head,
                           Window window, bool latest_only, OnCorrupt on_corrupt,
                           std::stop_token stop)
    : head_(std::move(head)),
      window_(window),
      latest_only_(latest_only),
      on_corrupt_(std::move(on_corrupt)),
      stop_(std::move(stop)) {
    for (Part& part : parts) {
        readers_.push_back({std::move(part), 0, {}});
        advance(readers_.back());
    }
    advance_head();
}

void MergedCursor::advance(Reader& reader) {
    const auto& numbers = reader.part.series;
    while (reader.at < numbers.size()) {
        if (auto read = reader.part.block->read(numbers[reader.at++], reader.series); !read)
            on_corrupt_({}, read.error());
        else if (reader.series.overlaps(window_))
            return;
    }
    reader.series.labels = Labels();
}

void MergedCursor::advance_head() {
    if (!head_ || !head_->next(head_column_)) head_column_.labels = nullptr;
}

const Labels* MergedCursor::least() const {
    const Labels* least = head_column_.labels;
    for (const Reader& reader : readers_)
        if (!reader.series.labels.empty() && (least == nullptr || reader.series.labels < *least))
            least = &reader.series.labels;
    return least;
}

Window MergedCursor::after_last() const {
    if (samples_.times.empty()) return window_;
    return {std::max(window_.from, samples_.times.back()), window_.to};
}

void MergedCursor::add_stored(const StoredSeries& series, Window window) {
    for (const StoredChunk& chunk : series.chunks) {
        if (chunk.view.last_ms <= window.from.ms || chunk.view.first_ms > window.to.ms) continue;
        if (auto decoded = decode(chunk, window, samples_); !decoded)
            on_corrupt_(series.labels, decoded.error());
    }
}

void MergedCursor::add_column(const Column& column) {
    const Window window = after_last();
    for (std::size_t i = 0; i < column.times.size(); ++i) {
        if (column.times[i] <= window.from) continue;
        if (i < column.histograms.size() && column.histograms[i])
            samples_.add(column.times[i], column.histograms[i]);
        else
            samples_.add(column.times[i], column.floats[i]);
    }
}

void MergedCursor::gather(const Labels& labels) {
    samples_.clear();
    const bool in_head = head_column_.labels != nullptr && *head_column_.labels == labels;
    if (latest_only_) {
        // The newest place that has something has the newest sample.
        if (in_head) add_column(head_column_);
        for (std::size_t i = readers_.size(); i-- > 0 && samples_.empty();)
            if (readers_[i].series.labels == labels) add_stored(readers_[i].series, window_);
        if (samples_.times.size() > 1) keep_last(samples_);
    } else {
        for (const Reader& reader : readers_)
            if (reader.series.labels == labels) add_stored(reader.series, after_last());
        if (in_head) add_column(head_column_);
    }
    for (Reader& reader : readers_)
        if (reader.series.labels == labels) advance(reader);
    if (in_head) advance_head();
}

bool MergedCursor::next(Column& out) {
    while (!stop_.stop_requested()) {
        const Labels* labels = least();
        if (labels == nullptr) return false;
        labels_ = *labels;
        gather(labels_);
        if (samples_.empty()) continue;
        // Floats after a histogram in the same window: the columns are equally long.
        if (!samples_.histograms.empty()) samples_.histograms.resize(samples_.times.size());
        out = {&labels_, samples_.times, samples_.floats, samples_.histograms};
        return true;
    }
    return false;
}

}  // namespace vedette::store
