#include "store/rollups/cursor.h"

#include <algorithm>

namespace vedette::store {

RolledCursor::RolledCursor(std::vector<Part> parts, std::unique_ptr<SeriesCursor> samples,
                           Give give, RollupColumns columns, OnCorrupt on_corrupt,
                           std::stop_token stop)
    : samples_(std::move(samples)),
      give_(give),
      on_corrupt_(std::move(on_corrupt)),
      buckets_reader_(columns, on_corrupt_),
      newest_reader_(columns_for(""), on_corrupt_),
      stop_(std::move(stop)) {
    for (Part& part : parts) {
        readers_.push_back({std::move(part), 0, {}});
        advance(readers_.back());
    }
    advance_samples();
}

void RolledCursor::advance(Reader& reader) {
    const auto& numbers = reader.part.series;
    while (reader.at < numbers.size()) {
        const auto read = reader.part.block->read(numbers[reader.at++], reader.series);
        if (read) return;
        on_corrupt_({}, read.error());
    }
    reader.series.labels = Labels();
}

void RolledCursor::advance_samples() {
    if (!samples_ || !samples_->next(column_)) column_.labels = nullptr;
}

const Labels* RolledCursor::least() const {
    const Labels* least = column_.labels;
    for (const Reader& reader : readers_)
        if (!reader.series.labels.empty() && (least == nullptr || reader.series.labels < *least))
            least = &reader.series.labels;
    return least;
}

bool RolledCursor::has_histograms(const Labels& labels) const {
    constexpr auto histogram = static_cast<std::uint8_t>(RollupColumn::Histogram);
    if (has_samples_ && !column_.histograms.empty()) return true;
    return std::ranges::any_of(readers_, [&](const Reader& reader) {
        // It is the last column.
        return reader.series.labels == labels && !reader.series.chunks.empty() &&
               reader.series.chunks.back().column == histogram;
    });
}

/// Notes what of the answer is now from this block.
void RolledCursor::note(const Reader& reader, std::size_t buckets, std::size_t histograms) {
    if (folded_.buckets.size() == buckets && folded_.histograms.times.size() == histograms) return;
    const Milliseconds resolution = reader.resolution();
    const auto& about = reader.part.block->about();
    const Window times{
        std::max(bucket_end(reader.part.ends.from + Milliseconds(1), resolution) - resolution,
                 about.from),
        std::min(reader.part.ends.to, about.to)};
    const bool are_less = give_ == Give::Buckets && !as_buckets_;
    const RolledUp::As as = are_less ? RolledUp::As::Newest : reader.part.as;
    for (RolledUp& known : rolled_up_)
        if (known.resolution == resolution && known.as == as) {
            known.times = {std::min(known.times.from, times.from),
                           std::max(known.times.to, times.to)};
            return;
        }
    rolled_up_.push_back({times, resolution, as});
}

void RolledCursor::gather(const Labels& labels) {
    folded_.buckets.clear();
    folded_.histograms.clear();
    has_samples_ = column_.labels != nullptr && *column_.labels == labels;
    as_buckets_ = give_ == Give::Both || (give_ == Give::Buckets && !has_histograms(labels));
    RollupReader& rollups = as_buckets_ ? buckets_reader_ : newest_reader_;
    for (Reader& reader : readers_) {
        if (reader.series.labels != labels) continue;
        const std::size_t buckets = folded_.buckets.size();
        const std::size_t histograms = folded_.histograms.times.size();
        rollups.read(reader.series, reader.resolution(), reader.part.ends, folded_);
        note(reader, buckets, histograms);
        advance(reader);
    }
}

/// The newest sample of each bucket, and the samples that come after them.
void RolledCursor::as_samples() {
    out_.clear();
    const Samples& histograms = folded_.histograms;
    std::size_t next = 0;
    const auto add_histograms = [&](Timestamp before) {
        for (; next < histograms.times.size() && histograms.times[next] < before; ++next)
            out_.add(histograms.times[next], histograms.histograms[next]);
    };
    for (const Bucket& bucket : folded_.buckets) {
        if (bucket.count > 0) {
            add_histograms(bucket.last_at);
            out_.add(bucket.last_at, bucket.last);
        }
        if (!bucket.ended) continue;
        add_histograms(bucket.end);
        out_.add(bucket.end, stale_marker());
    }
    add_histograms({std::numeric_limits<std::int64_t>::max()});
    for (std::size_t i = 0; has_samples_ && i < column_.times.size(); ++i)
        if (i < column_.histograms.size() && column_.histograms[i])
            out_.add(column_.times[i], column_.histograms[i]);
        else
            out_.add(column_.times[i], column_.floats[i]);
    if (!out_.histograms.empty()) out_.histograms.resize(out_.times.size());
}

/// False when nothing is left of the series.
bool RolledCursor::give(Column& out) {
    out = {};
    if (give_ == Give::Both) {
        const auto& [times, floats, histograms] = folded_.histograms;
        out = {&labels_, times, floats, histograms, folded_.buckets};
    } else if (as_buckets_) {
        std::erase_if(folded_.buckets, [](const Bucket& bucket) { return bucket.count == 0; });
        if (has_samples_) out = column_;
        out.labels = &labels_;
        out.buckets = folded_.buckets;
    } else {
        as_samples();
        out = {&labels_, out_.times, out_.floats, out_.histograms, {}};
    }
    return !out.times.empty() || !out.buckets.empty();
}

bool RolledCursor::next(Column& out) {
    // What was given last time is borrowed until now.
    if (std::exchange(has_samples_, false)) advance_samples();
    while (!stop_.stop_requested()) {
        const Labels* labels = least();
        if (labels == nullptr) return false;
        labels_ = *labels;
        gather(labels_);
        if (give(out)) return true;
        if (std::exchange(has_samples_, false)) advance_samples();
    }
    return false;
}

}  // namespace vedette::store
