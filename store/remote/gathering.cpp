#include "store/remote/gathering.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace vedette::store {

namespace {

template <typename T>
void pick(std::vector<T>& from, const std::vector<std::size_t>& places) {
    std::vector<T> picked;
    picked.reserve(places.size());
    for (const std::size_t place : places) picked.push_back(std::move(from[place]));
    from = std::move(picked);
}

}  // namespace

class Gathering::Cursor final : public SeriesCursor {
public:
    explicit Cursor(std::vector<Series> series) : series_(std::move(series)) {}

    bool next(Column& out) override {
        if (at_ > 0) series_[at_ - 1] = {};  // its memory is the asker's to use now
        if (at_ == series_.size()) return false;
        const Series& one = series_[at_++];
        out = {&one.labels, one.times, one.floats, one.histograms};
        return true;
    }

private:
    std::vector<Series> series_;
    std::size_t at_ = 0;
};

void Gathering::begin(Labels labels) {
    series_.emplace_back().labels = std::move(labels);
}

bool Gathering::add(Timestamp at, double value) {
    if (!window_.holds(at)) return true;
    if (++samples_ > samples_max_) return false;
    Series& series = series_.back();
    series.times.push_back(at);
    series.floats.push_back(value);
    if (!series.histograms.empty()) series.histograms.emplace_back();
    return true;
}

bool Gathering::add(Timestamp at, HistogramRef histogram) {
    if (!window_.holds(at)) return true;
    if (++samples_ > samples_max_) return false;
    Series& series = series_.back();
    series.histograms.resize(series.times.size());
    series.times.push_back(at);
    series.floats.push_back(0);
    series.histograms.push_back(std::move(histogram));
    return true;
}

std::vector<Labels> Gathering::names() const {
    std::vector<Labels> names;
    names.reserve(series_.size());
    for (const Series& series : series_) names.push_back(series.labels);
    return names;
}

void Gathering::keep_only(const std::vector<Labels>& sorted) {
    std::erase_if(series_, [&](const Series& series) {
        return !std::binary_search(sorted.begin(), sorted.end(), series.labels);
    });
}

Error Gathering::too_many() const {
    return {Fault::Limit,
            fmt::format("a selector selects more than {} samples there; ask for less", samples_max_)};
}

void Gathering::append(Series& to, Series&& more) {
    if (!to.histograms.empty() || !more.histograms.empty()) {
        to.histograms.resize(to.times.size());
        more.histograms.resize(more.times.size());
    }
    to.times.insert(to.times.end(), more.times.begin(), more.times.end());
    to.floats.insert(to.floats.end(), more.floats.begin(), more.floats.end());
    std::move(more.histograms.begin(), more.histograms.end(), std::back_inserter(to.histograms));
}

void Gathering::put_in_order(Series& series) {
    std::vector<Timestamp>& times = series.times;
    const auto not_after = [](Timestamp a, Timestamp b) { return a >= b; };
    if (std::adjacent_find(times.begin(), times.end(), not_after) == times.end()) return;
    std::vector<std::size_t> places(times.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::stable_sort(places.begin(), places.end(),
                     [&](std::size_t a, std::size_t b) { return times[a] < times[b]; });
    places.erase(
        std::unique(places.begin(), places.end(),
                    [&](std::size_t a, std::size_t b) { return times[a] == times[b]; }),
        places.end());
    pick(times, places);
    pick(series.floats, places);
    if (!series.histograms.empty()) pick(series.histograms, places);
}

std::unique_ptr<SeriesCursor> Gathering::finish() {
    std::erase_if(series_, [](const Series& series) { return series.times.empty(); });
    const auto by_labels = [](const Series& a, const Series& b) { return a.labels < b.labels; };
    if (!std::is_sorted(series_.begin(), series_.end(), by_labels))
        std::stable_sort(series_.begin(), series_.end(), by_labels);
    std::vector<Series> whole;
    whole.reserve(series_.size());
    for (Series& series : series_)
        if (!whole.empty() && whole.back().labels == series.labels)
            append(whole.back(), std::move(series));
        else
            whole.push_back(std::move(series));
    series_.clear();
    for (Series& series : whole) put_in_order(series);
    return std::make_unique<Cursor>(std::move(whole));
}

}  // namespace vedette::store
