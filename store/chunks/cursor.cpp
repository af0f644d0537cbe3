#include "store/chunks/cursor.h"

#include <utility>

namespace vedette::store {

void keep_last(Samples& samples) {
    const std::size_t drop = samples.times.size() - 1;
    const auto count = static_cast<std::ptrdiff_t>(drop);
    samples.times.erase(samples.times.begin(), samples.times.begin() + count);
    samples.floats.erase(samples.floats.begin(), samples.floats.begin() + count);
    if (samples.histograms.empty()) return;
    samples.histograms.erase(samples.histograms.begin(), samples.histograms.begin() + count);
    if (!samples.histograms.front()) samples.histograms.clear();
}

namespace {

HistogramRef histogram_at(const Samples& samples, std::size_t i) {
    return i < samples.histograms.size() ? samples.histograms[i] : nullptr;
}

HistogramRef with_open_hint(const HistogramRef& histogram) {
    using Hint = Histogram::ResetHint;
    if (histogram->reset_hint != Hint::NotReset) return histogram;
    auto open = std::make_shared<Histogram>(*histogram);
    open->reset_hint = Hint::Unknown;
    return open;
}

void add(Samples& out, const Samples& from, std::size_t i, bool follows_another) {
    HistogramRef histogram = histogram_at(from, i);
    if (!histogram)
        out.add(from.times[i], from.floats[i]);
    else
        out.add(from.times[i], follows_another ? with_open_hint(histogram) : histogram);
}

}  // namespace

void take_in(Samples& into, Samples more) {
    if (more.empty()) return;
    if (into.empty()) {
        into = std::move(more);
        return;
    }
    // Only what follows is added where that is all there is to it.
    if (into.times.back() < more.times.front()) {
        for (std::size_t i = 0; i < more.times.size(); ++i) add(into, more, i, i == 0);
        return;
    }
    Samples merged;
    const std::size_t own_end = into.times.size();
    bool own_last = true;
    for (std::size_t own = 0, other = 0; own < own_end || other < more.times.size();) {
        const bool take_own = other == more.times.size() ||
                              (own < own_end && into.times[own] <= more.times[other]);
        if (take_own) {
            if (other < more.times.size() && more.times[other] == into.times[own]) ++other;
            add(merged, into, own++, !own_last);
        } else {
            add(merged, more, other++, own_last);
        }
        own_last = take_own;
    }
    into = std::move(merged);
}

namespace {

void add(Samples& samples, const Sample& sample) {
    if (const auto* histogram = std::get_if<HistogramRef>(&sample.value))
        samples.add(sample.at, *histogram);
    else
        samples.add(sample.at, std::get<double>(sample.value));
}

}  // namespace

ChunkCursor::ChunkCursor(Fill fill, OnCorrupt on_corrupt, Window window, bool latest_only,
                         std::stop_token stop)
    : fill_(std::move(fill)),
      on_corrupt_(std::move(on_corrupt)),
      window_(window),
      latest_only_(latest_only),
      stop_(std::move(stop)) {}

void ChunkCursor::decode_current() {
    const CopiedChunks::Series& series = bite_.series[at_];
    samples_.clear();
    if (series.latest) add(samples_, *series.latest);
    for (std::size_t i = series.first; i < series.end; ++i) {
        const CopiedChunks::Chunk& chunk = bite_.chunks[i];
        ChunkView view = chunk.view;
        view.bytes = std::string_view(bite_.bytes).substr(chunk.offset, chunk.size);
        if (auto decoded = decode(view, window_, samples_, chunk.from); !decoded)
            on_corrupt_(series.labels, decoded.error());
    }
    if (series.late_first < series.late_end) {
        Samples late;
        for (std::size_t i = series.late_first; i < series.late_end; ++i)
            add(late, bite_.late[i]);
        take_in(samples_, std::move(late));
    }
    if (latest_only_ && samples_.times.size() > 1) keep_last(samples_);
}

bool ChunkCursor::next(Column& out) {
    while (!stop_.stop_requested()) {
        if (at_ == bite_.series.size()) {
            at_ = 0;
            bite_.clear();
            fill_(bite_);
            if (bite_.series.empty()) return false;
        }
        decode_current();
        const Labels& labels = bite_.series[at_++].labels;
        if (samples_.empty()) continue;
        // Floats after a histogram in the same window: the columns are equally long.
        if (!samples_.histograms.empty()) samples_.histograms.resize(samples_.times.size());
        out = {&labels, samples_.times, samples_.floats, samples_.histograms};
        return true;
    }
    return false;
}

}  // namespace vedette::store
