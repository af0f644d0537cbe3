// How late samples get from memory into blocks.

#include <algorithm>
#include <map>

#include "core/limits.h"
#include "store/parts.h"

namespace vedette::store {
namespace {

/// Late samples of one series, in time order.
struct LateSeries {
    Labels labels;
    std::vector<Sample> samples;
};

/// Yields the series' samples inside a stretch.
class LateCursor final : public SeriesCursor {
public:
    LateCursor(const std::vector<LateSeries>& series, Stretch stretch)
        : series_(series), stretch_(stretch) {}

    bool next(Column& out) override {
        while (at_ < series_.size()) {
            const LateSeries& each = series_[at_++];
            samples_.clear();
            for (const Sample& sample : each.samples)
                if (stretch_.from <= sample.at && sample.at < stretch_.to) add(sample);
            if (samples_.empty()) continue;
            if (!samples_.histograms.empty()) samples_.histograms.resize(samples_.times.size());
            out = {&each.labels, samples_.times, samples_.floats, samples_.histograms};
            return true;
        }
        return false;
    }

private:
    void add(const Sample& sample) {
        if (const auto* histogram = std::get_if<HistogramRef>(&sample.value))
            samples_.add(sample.at, *histogram);
        else
            samples_.add(sample.at, std::get<double>(sample.value));
    }

    const std::vector<LateSeries>& series_;
    const Stretch stretch_;
    std::size_t at_ = 0;
    Samples samples_;
};

/// What has settled, in label order.
std::vector<LateSeries> settled_series(Memory& memory) {
    std::vector<LateSeries> out;
    const Lock index_lock(memory.index_mutex);
    const Lock head_lock(memory.head_mutex);
    for (auto& [slot, samples] : memory.head.late().settled())
        out.push_back({memory.index.labels(slot), std::move(samples)});
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.labels < b.labels; });
    return out;
}

/// The stretches that hold any of them, none of them past `until`.
std::map<Timestamp, Stretch> stretches_of(const std::vector<LateSeries>& series, Milliseconds range,
                                          Timestamp until) {
    std::map<Timestamp, Stretch> out;
    for (const LateSeries& each : series)
        for (const Sample& sample : each.samples) {
            Stretch stretch = stretch_of(sample.at, range);
            stretch.to = std::min(stretch.to, until);
            out.emplace(stretch.from, stretch);
        }
    return out;
}

}  // namespace

void Store::Parts::forget_late() {
    if (!late_shelf || keeper.oldest_in_use() < *late_shelf) return;
    {
        const Lock lock_(memory.head_mutex);
        memory.head.late().forget_settled();
    }
    late_shelf.reset();
    // The log forgets them too.
    checkpoint_wanted = true;
}

Result<void> Store::Parts::put_late_away() {
    forget_late();
    if (late_shelf) return {};  // somebody still reads without their blocks
    const Timestamp until = keeper.shelf()->until;
    {
        const Lock lock_(memory.head_mutex);
        LateSamples& late = memory.head.late();
        const bool due = until > late_until || late.heap_bytes() > limits::late_bytes_max;
        if (late.empty() || !due) return {};
        late.settle(until);
    }
    const auto series = settled_series(memory);
    for (const auto& [from, stretch] : stretches_of(series, settings.block_range, until)) {
        if (auto marked = samples_come(stretch); !marked) {
            counters.block_failures.add();
            return marked;
        }
        LateCursor samples(series, stretch);
        if (auto added = keeper.add_cut(stretch, samples); !added) {
            counters.block_failures.add();
            return added;
        }
        counters.late_blocks.add();
    }
    late_until = until;
    if (!series.empty()) late_shelf = keeper.shelf()->number;
    forget_late();
    return {};
}

}  // namespace vedette::store
