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
    if (series.latest) return add(samples_, *series.latest);
    for (std::size_t i = series.first; i < series.end; ++i) {
        const CopiedChunks::Chunk& chunk = bite_.chunks[i];
        ChunkView view = chunk.view;
        view.bytes = std::string_view(bite_.bytes).substr(chunk.offset, chunk.size);
        if (auto decoded = decode(view, window_, samples_, chunk.from); !decoded)
            on_corrupt_(series.labels, decoded.error());
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
